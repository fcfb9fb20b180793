/** Length of a chunk in seconds: shorter ones cost more messages, longer ones more delay. */
export const CHUNK_SECONDS = 0.1;

/**
 * Convert samples in [-1, 1] to 16-bit integers; louder ones are clipped.
 * @param {Float32Array} samples
 * @returns {Int16Array<ArrayBuffer>}
 */
export function toInt16(samples) {
  const pcm = new Int16Array(samples.length);
  for (let i = 0; i < samples.length; i++) {
    pcm[i] = Math.max(-32768, Math.min(32767, Math.round(/** @type {number} */ (samples[i]) * 32768)));
  }
  return pcm;
}

/**
 * The largest distance of a sample from 0.
 * @param {Float32Array} samples
 */
export function peak(samples) {
  let most = 0;
  for (const sample of samples) most = Math.max(most, Math.abs(sample));
  return most;
}

/** Collects audio quanta of any length into chunks of `length` samples. */
export class Chunker {
  #chunk;
  #filled = 0;

  /** @param {number} length samples per chunk */
  constructor(length) {
    this.#chunk = new Float32Array(length);
  }

  /**
   * Take samples in, give the chunks that are full.
   * @param {Float32Array} samples
   * @returns {Int16Array<ArrayBuffer>[]}
   */
  push(samples) {
    const full = [];
    for (let taken = 0; taken < samples.length; ) {
      const part = samples.subarray(taken, taken + this.#chunk.length - this.#filled);
      this.#chunk.set(part, this.#filled);
      this.#filled += part.length;
      taken += part.length;
      if (this.#filled === this.#chunk.length) full.push(...this.flush());
    }
    return full;
  }

  /**
   * Give what has been collected so far: one chunk, or none.
   * @returns {Int16Array<ArrayBuffer>[]}
   */
  flush() {
    if (this.#filled === 0) return [];
    const pcm = toInt16(this.#chunk.subarray(0, this.#filled));
    this.#filled = 0;
    return [pcm];
  }
}
