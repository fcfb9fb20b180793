/**
 * How long has been recorded and how much of it was sent on, from what the kernel last said and what the page has
 * captured since. Pure.
 */
export class Times {
  #recorded = 0;
  #captured = 0;
  /** Seconds that went on to the service. */
  sent = 0;

  /**
   * @param {{ recorded: number, sent: number }} told by the kernel, in seconds
   * @param {number} waiting seconds that this page keeps: the kernel has not said that it has them
   * @param {number} captured seconds that this page captured so far
   */
  hear({ recorded, sent }, waiting, captured) {
    // Nothing that was recorded once is taken back, but a chunk may be counted on either side of its way.
    this.#recorded = Math.max(recorded + waiting, this.elapsed(captured));
    this.#captured = captured;
    this.sent = Math.max(0, sent);
  }

  /** @param {number} captured seconds that this page captured so far */
  elapsed(captured) {
    return this.#recorded + captured - this.#captured;
  }
}
