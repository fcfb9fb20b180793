/** Decibels below full scale at which the meter is empty. */
export const FLOOR = -60;

/** Decibels that a level falls in a second when nothing louder comes: an eye can follow that. */
const FALL = 30;

/** Below two steps of a 16-bit sample (-84 dB) it is not a quiet room but a device that gives nothing. */
export const NOTHING = 2 ** -14;

/**
 * @param {number} peak 0 to 1
 * @returns {number} decibels of full scale, `FLOOR` at least
 */
export const decibels = (peak) => (peak > 0 ? Math.max(FLOOR, 20 * Math.log10(peak)) : FLOOR);

/** The level that a meter shows: up at once, down slowly. Pure: the time in seconds is an argument. */
export class Level {
  #decibels = FLOOR;
  #at = 0;

  /** @param {number} peak 0 to 1 @param {number} now */
  hear(peak, now) {
    this.#decibels = Math.max(this.shown(now), decibels(peak));
    this.#at = now;
  }

  /** @param {number} now @returns {number} decibels */
  shown(now) {
    return Math.max(FLOOR, this.#decibels - FALL * Math.max(0, now - this.#at));
  }
}
