/** Plays one piece of sound at a time and keeps none. */
export class Sound {
  /** @type {AudioContext | null} */
  #context = null;
  #ended = () => {};

  /** @param {AbortSignal} signal */
  constructor(signal) {
    signal.addEventListener("abort", () => this.stop(), { once: true });
  }

  /** Be ready to play, while a click gives leave to. @param {() => void} ended */
  open(ended) {
    this.stop();
    this.#ended = ended;
    this.#context = new AudioContext();
    void this.#context.resume();
  }

  /** @param {DataView} pcm Int16 samples, mono @param {number} rate Hz */
  play(pcm, rate) {
    const context = this.#context;
    if (!context || pcm.byteLength < 2) return this.stop();
    const buffer = context.createBuffer(1, pcm.byteLength >> 1, rate);
    const samples = buffer.getChannelData(0);
    for (let n = 0; n < samples.length; n += 1) samples[n] = pcm.getInt16(2 * n, true) / 32768;
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(context.destination);
    source.addEventListener("ended", () => this.#context === context && this.stop(), { once: true });
    source.start();
  }

  stop() {
    const context = this.#context;
    if (!context) return;
    this.#context = null;
    void context.close();
    this.#ended();
  }
}
