/** Keeps the screen from going dark, and the machine with it, while somebody is being recorded. */
export class Wake {
  /** @type {Promise<{ release(): Promise<void> } | null> | null} */
  #lock = null;
  #wanted = false;

  /** @param {AbortSignal} signal */
  constructor(signal) {
    // The browser lets go of the lock whenever the page is hidden.
    document.addEventListener("visibilitychange", () => this.#again(), { signal });
    signal.addEventListener("abort", () => this.hold(false), { once: true });
  }

  /** @param {boolean} wanted */
  hold(wanted) {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    if (wanted) this.#again();
    else {
      void this.#lock?.then((lock) => lock?.release());
      this.#lock = null;
    }
  }

  #again() {
    if (!this.#wanted || document.visibilityState !== "visible") return;
    const before = this.#lock;
    // Refused on plain http, on a low battery, in some frames: then the screen does as it always does.
    this.#lock = Promise.resolve(navigator.wakeLock?.request("screen")).then((lock) => lock ?? null, () => null);
    void before?.then((lock) => lock?.release());
  }
}
