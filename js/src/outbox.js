/** Messages sent again per call of `due`: about 5 s of sound. */
const BATCH = 50;

/**
 * @template M
 * @typedef {{ message: M, buffer: ArrayBuffer | null, seconds: number }} Entry
 */

/**
 * Keeps what was sent until the kernel has it. Pure: the time in seconds is an argument.
 *
 * Audio goes when it is acknowledged; start, pause and stop have no acknowledgement of their own and go when
 * `settle` says that the kernel has acted on them.
 *
 * @template {{ type: string, epoch: string, seq?: number }} M
 */
export class Outbox {
  /** @type {Entry<M>[]} in the order of sending */
  #entries = [];
  #quietSince = 0; // the last sign of life from the kernel, or the moment something began to wait
  #cursor = 0; // the next entry of the round of resending under way
  #round = 0; // when the next round may begin
  #pause = 0; // seconds between rounds, doubled after each

  /** @param {{ limit?: number, resendAfter?: number, resendAtMost?: number }} [options] all in seconds */
  constructor({ limit = 600, resendAfter = 5, resendAtMost = 60 } = {}) {
    this.limit = limit;
    this.resendAfter = resendAfter;
    this.resendAtMost = resendAtMost;
    /** Seconds of sound that wait. */
    this.seconds = 0;
  }

  /** Number of messages that wait. */
  get length() {
    return this.#entries.length;
  }

  /** "full" at the limit: the microphone has to be closed. Nothing is ever dropped here. */
  get state() {
    if (this.seconds >= this.limit) return "full";
    if (this.seconds >= this.limit / 2) return "filling";
    return this.length ? "waiting" : "empty";
  }

  /**
   * Keep a message that is being sent now.
   * @param {Entry<M>} entry
   * @param {number} now
   */
  add(entry, now) {
    if (!this.length) this.#heard(now);
    this.#entries.push(entry);
    this.seconds += entry.seconds;
  }

  /**
   * Let go of all chunks of an epoch below `next`; its start has arrived as well.
   * @param {string} epoch
   * @param {number} next
   * @param {number} now
   */
  ack(epoch, next, now) {
    this.#heard(now);
    this.#drop(({ message: m }) => m.epoch === epoch && (m.type === "start" || (m.seq ?? Infinity) < next));
  }

  /**
   * The chunks of an epoch that the kernel asks for once more, `to` excluded.
   * @param {string} epoch
   * @param {number} from
   * @param {number} to
   * @param {number} now
   */
  again(epoch, from, to, now) {
    this.#heard(now);
    return this.#entries.filter(
      ({ message: m }) => m.epoch === epoch && m.seq !== undefined && from <= m.seq && m.seq < to,
    );
  }

  /**
   * Let go of start, pause and stop messages that the kernel has acted on, and of the starts before them.
   * @param {(message: M) => boolean} settled
   * @param {number} now
   */
  settle(settled, now) {
    const done = this.#entries.filter(({ message: m }) => m.seq === undefined && settled(m));
    if (!done.length) return;
    this.#heard(now);
    const epochs = new Set(done.map(({ message: m }) => m.epoch));
    this.#drop((e) => done.includes(e) || (e.message.type === "start" && epochs.has(e.message.epoch)));
  }

  /**
   * Let go of whole epochs.
   * @param {(epoch: string) => boolean} gone
   */
  forget(gone) {
    this.#drop(({ message: m }) => gone(m.epoch));
  }

  /**
   * Seconds without a sign of life from the kernel while something waits, else 0.
   * @param {number} now
   */
  silence(now) {
    return this.length ? now - this.#quietSince : 0;
  }

  /**
   * What is to be sent again now because nothing was heard for long: everything that waits, in order and in
   * bounded parts, one call after the other; then a pause that doubles with each round.
   * @param {number} now
   * @returns {Entry<M>[]}
   */
  due(now) {
    if (now < this.#round || this.silence(now) < this.resendAfter) return [];
    const part = this.#entries.slice(this.#cursor, this.#cursor + BATCH);
    this.#cursor += part.length;
    if (this.#cursor >= this.length) {
      this.#cursor = 0;
      this.#pause = Math.min(2 * this.#pause, this.resendAtMost);
      this.#round = now + this.#pause;
    }
    return part;
  }

  /** @param {number} now */
  #heard(now) {
    this.#quietSince = now;
    this.#cursor = 0;
    this.#pause = this.resendAfter;
    this.#round = now + this.resendAfter;
  }

  /** @param {(entry: Entry<M>) => boolean} gone */
  #drop(gone) {
    this.#entries = this.#entries.filter((entry) => !gone(entry));
    this.seconds = this.#entries.reduce((sum, entry) => sum + entry.seconds, 0);
    this.#cursor = 0;
  }
}
