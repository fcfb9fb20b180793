import { NOTHING } from "./level.js";
import { randomName } from "./random_name.js";

/**
 * @typedef {{ id: string, label: string, group: string }} Opened the device that sound comes from
 *
 * @typedef {object} CaptureEvents
 * @property {(buffer: ArrayBuffer, rate: number, at: number) => void} chunk Int16 samples, Hz, Unix seconds
 * @property {(peak: number) => void} level 0 to 1, some 25 times a second
 * @property {() => void} ended the device is gone
 * @property {(muted: boolean) => void} muted
 *
 * @typedef {object} Capture
 * @property {Promise<Opened | void>} opened rejected with a Problem
 * @property {() => Promise<void>} close gives the rest, then lets go of the microphone
 */

/** Seconds without any sound from an open microphone until the page says so. */
const STARVED_AFTER = 3;

/** Seconds of nothing but zeros until the page says so; it looks twice a second and has three. */
const SILENT_AFTER = 2.2;

/** An unbroken stretch of capture. Pure: the time in seconds is an argument. */
export class Stretch {
  epoch = randomName();
  /** Number of the next chunk. */
  seq = 0;
  /** First sample of the next chunk. */
  first = 0;
  /** By the kernel. */
  accepted = false;
  /** No recording takes its sound any more. */
  lost = false;
  muted = false;
  /** @type {Capture | null} null once it is closing or closed */
  capture = null;
  /** @type {Opened | null} */
  device = null;
  /** @type {number | null} when the last sound came, silence included, once the microphone is open */
  #heard = null;
  /** @type {number | null} when the last sound came that was not silence */
  #sounded = null;

  /** @param {Opened | void} device @param {number} now */
  opened(device, now) {
    this.device = device ?? null;
    this.#heard = now;
    this.#sounded ??= now;
  }

  /** @param {number} peak @param {number} now */
  level(peak, now) {
    if (peak >= NOTHING) this.#sounded = now;
  }

  /**
   * Number the next chunk.
   * @param {string} page
   * @param {ArrayBuffer} buffer
   * @param {number} rate
   * @param {number} at
   * @param {number} now
   * @returns {import("./types.js").Audio}
   */
  chunk(page, buffer, rate, at, now) {
    const { epoch, seq, first } = this;
    this.seq += 1;
    this.first += buffer.byteLength / 2;
    this.#heard = now;
    return { type: "audio", page, epoch, seq, first, captured_at: at, rate };
  }

  /** The microphone is open and yet no sound at all arrives, not even silence. @param {number} now */
  starved(now) {
    return this.#heard !== null && now - this.#heard > STARVED_AFTER;
  }

  /** Sound arrives and is nothing but zeros, which no quiet room gives. @param {number} now */
  silent(now) {
    return this.#sounded !== null && now - this.#sounded > SILENT_AFTER && !this.starved(now);
  }
}
