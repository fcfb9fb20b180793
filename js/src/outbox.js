/** Messages sent again per call of `due`: about 5 s of sound. */
const BATCH = 50;

/**
 * @template M
 * @typedef {{ message: M, buffer: ArrayBuffer | null, seconds: number, sentAt?: number }} Entry
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
  #answered = ""; // the epoch of which the kernel spoke last

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
   * Keep a message, and tell whether it may be sent now: while the kernel does not know of an earlier epoch, nothing
   * of a later one goes, so that sound never overtakes what was said before it.
   * @param {Entry<M>} entry
   * @param {number} now
   */
  add(entry, now) {
    if (!this.length) this.#heard(now);
    const kept = { ...entry };
    this.#entries.push(kept);
    this.seconds += entry.seconds;
    if (this.#blocked <= this.#entries.indexOf(kept)) return false;
    kept.sentAt = now;
    return true;
  }

  /**
   * What was kept back until the kernel knew of the epochs before it, and may go now.
   * @param {number} now
   * @returns {Entry<M>[]}
   */
  released(now) {
    const ready = this.#entries.slice(0, this.#blocked).filter(({ sentAt }) => sentAt === undefined);
    for (const entry of ready) entry.sentAt = now;
    return ready;
  }

  /**
   * Let go of all chunks of an epoch below `next`; its start has arrived as well, and if it has `ended` its end too.
   * @param {string} epoch
   * @param {number} next
   * @param {number} now
   * @param {boolean} [ended]
   */
  ack(epoch, next, now, ended = false) {
    this.#heard(now);
    this.#answered = epoch;
    this.#drop(({ message: m }) => {
      if (m.epoch !== epoch) return false;
      return m.seq === undefined ? m.type === "start" || (ended && m.type === "pause") : m.seq < next;
    });
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
    this.#answered = epoch;
    return this.#entries.filter(
      ({ message: m }) => m.epoch === epoch && m.seq !== undefined && from <= m.seq && m.seq < to,
    );
  }

  /**
   * Let go of start, pause and stop messages that the kernel has acted on. While the start or sound of an epoch waits,
   * the kernel cannot have acted on its end: what it says is about an earlier one.
   * @param {(message: M) => boolean} settled
   * @param {number} now
   */
  settle(settled, now) {
    const rest = this.#entries.filter(({ message: m }) => m.seq !== undefined || (m.type === "start" && !settled(m)));
    const waiting = new Set(rest.map(({ message: m }) => m.epoch));
    const done = this.#entries.filter(({ message: m }) => m.seq === undefined && settled(m) && (m.type === "start" || !waiting.has(m.epoch)));
    if (!done.length) return;
    this.#heard(now);
    this.#drop((entry) => done.includes(entry));
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
   * bounded parts, one call after the other; then a pause that doubles with each round. While the kernel speaks of a
   * later epoch it is what waits before that: the kernel may not know that there is something to ask for.
   * @param {number} now
   * @returns {Entry<M>[]}
   */
  due(now) {
    const current = this.#entries.findIndex(({ message: m }) => m.epoch === this.#answered);
    const open = this.#entries.slice(0, this.#blocked);
    const passed = this.silence(now) < this.resendAfter && current > 0 ? open.slice(0, current) : [];
    const stale = passed.filter(({ sentAt = now }) => now - sentAt >= this.resendAfter).slice(0, BATCH);
    for (const entry of stale) entry.sentAt = now;
    if (stale.length) return stale;
    if (now < this.#round || this.silence(now) < this.resendAfter) return [];
    const part = open.slice(this.#cursor, this.#cursor + BATCH);
    for (const entry of part) entry.sentAt = now;
    this.#cursor += part.length;
    if (this.#cursor >= open.length) {
      this.#cursor = 0;
      this.#pause = Math.min(2 * this.#pause, this.resendAtMost);
      this.#round = now + this.#pause;
    }
    return part;
  }

  /** Index of the first entry that has to wait, as the start of an epoch before it waits. */
  get #blocked() {
    const start = this.#entries.findIndex(({ message: m }) => m.type === "start");
    if (start < 0) return this.length;
    const epoch = this.#entries[start]?.message.epoch;
    const later = this.#entries.findIndex(({ message: m }, index) => index > start && m.epoch !== epoch);
    return later < 0 ? this.length : later;
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
