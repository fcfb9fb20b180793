import { captions } from "./captions.js";
import { element, write } from "./elements.js";

/** Letters in a line of captions, as guides for broadcasters have them: as many as fit, between these. */
const LEAST = 32;
const MOST = 42;
/** Pixels of the smallest letters, and the width of a letter as a part of its height. */
const SMALLEST = 28;
const LETTER = 0.56;

/** Two lines of large letters for people who sit far away. */
export class Audience {
  el = element("div", "rt-audience", { hidden: true });
  #rows = [element("p", "rt-caption"), element("p", "rt-caption")];
  /** @type {import("./types.js").Segment[]} */
  #last = [];

  /** @param {AbortSignal} signal */
  constructor(signal) {
    this.el.setAttribute("aria-hidden", "true"); // the log says the same to those who do not see it
    for (const row of this.#rows) row.dir = "auto";
    this.el.append(...this.#rows);
    const observer = new ResizeObserver(() => this.#draw());
    observer.observe(this.el);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  }

  /** @param {import("./types.js").Segment[]} segments all lines, in order */
  update(segments) {
    this.#last = segments.slice(-8);
    if (!this.el.hidden) this.#draw();
  }

  #draw() {
    const wide = this.el.clientWidth - 48;
    if (wide <= 0) return;
    const letters = Math.max(LEAST, Math.min(MOST, Math.floor(wide / (SMALLEST * LETTER))));
    const size = Math.max(SMALLEST, Math.floor(wide / (letters * LETTER)));
    this.el.style.setProperty("--rt-caption-size", `${size}px`);
    const rows = captions(this.#last, letters);
    this.#rows.forEach((row, n) => write(row, rows[n] ?? ""));
  }
}
