import { CHUNK_SECONDS, Chunker } from "./pcm.js";

/** Copies what the microphone gives and posts it; answers "flush" with the rest and "flushed". */
class Tap extends AudioWorkletProcessor {
  #chunker = new Chunker(Math.round(sampleRate * CHUNK_SECONDS));
  #open = true;

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
    if (this.#open && samples) this.#post(this.#chunker.push(samples));
    return this.#open;
  }

  /** @param {Int16Array<ArrayBuffer>[]} chunks */
  #post(chunks) {
    for (const { buffer } of chunks) this.port.postMessage({ buffer, at: Date.now() / 1000 }, [buffer]);
  }
}

registerProcessor("rt-magic-tap", Tap);
