import { CHUNK_SECONDS, Chunker, peak } from "./pcm.js";

/** Seconds between two words about the level: what the eye follows, and no more. */
const LEVEL_SECONDS = 0.04;

/** Copies what the microphone gives and posts it; answers "flush" with the rest and "flushed". */
class Tap extends AudioWorkletProcessor {
  #chunker = new Chunker(Math.round(sampleRate * CHUNK_SECONDS));
  #open = true;
  #peak = 0;
  #since = 0; // samples since the level was last told

  constructor() {
    super();
    this.port.onmessage = () => {
      this.#open = false;
      this.#post(this.#chunker.flush());
      this.port.postMessage("flushed");
    };
  }

  /** @param {Float32Array[][]} inputs */
  process([input]) {
    const samples = input?.[0];
    if (this.#open && samples) {
      this.#post(this.#chunker.push(samples));
      this.#level(samples);
    }
    return this.#open;
  }

  /** @param {Float32Array} samples */
  #level(samples) {
    this.#peak = Math.max(this.#peak, peak(samples));
    this.#since += samples.length;
    if (this.#since < sampleRate * LEVEL_SECONDS) return;
    this.port.postMessage({ peak: this.#peak });
    this.#peak = this.#since = 0;
  }

  /** @param {Int16Array<ArrayBuffer>[]} chunks */
  #post(chunks) {
    for (const { buffer } of chunks) this.port.postMessage({ buffer, at: Date.now() / 1000 }, [buffer]);
  }
}

registerProcessor("rt-magic-tap", Tap);
