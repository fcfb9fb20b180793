import { FLOOR } from "./level.js";

/** Milliseconds between two looks at the level where the reader wants no motion. */
const CALM = 1000;

/** Draws the level of one view: only a transform changes, and only while there is something to see. */
export class Meter {
  element = document.createElement("div");
  #cover = document.createElement("span");
  #level;
  #frame = 0;
  #drawn = -1;
  #told = 0;
  #calm = matchMedia("(prefers-reduced-motion: reduce)");

  /** @param {() => number} level decibels now @param {AbortSignal} signal */
  constructor(level, signal) {
    this.#level = level;
    this.element.className = "rt-meter";
    this.#cover.className = "rt-meter-cover";
    this.element.append(this.#cover);
    const set = (/** @type {string} */ name, /** @type {string} */ value) => this.element.setAttribute(name, value);
    set("role", "meter");
    set("aria-label", "Input level");
    set("aria-valuemin", String(FLOOR));
    set("aria-valuemax", "0");
    this.#draw(FLOOR);
    this.#tell(FLOOR);
    signal.addEventListener("abort", () => this.run(false), { once: true });
  }

  /** @param {boolean} on whether the microphone is open */
  run(on) {
    if (on && !this.#frame) this.#frame = requestAnimationFrame(this.#step);
    if (on || !this.#frame) return;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#draw(FLOOR);
    this.#tell(FLOOR);
  }

  #step = (/** @type {number} */ time) => {
    this.#frame = requestAnimationFrame(this.#step);
    const late = time - this.#told >= CALM;
    if (this.#calm.matches && !late) return;
    const level = this.#level();
    this.#draw(level);
    if (!late) return;
    this.#told = time;
    this.#tell(level);
  };

  /** @param {number} level */
  #draw(level) {
    const part = Math.round(1000 * (1 - level / FLOOR)) / 10;
    if (part === this.#drawn) return;
    this.#drawn = part;
    this.#cover.style.transform = `translateX(${part}%)`;
  }

  /** For who does not see it; once a second, for a screen reader asks when it wants to know. @param {number} level */
  #tell(level) {
    const whole = Math.round(level);
    this.element.setAttribute("aria-valuenow", String(whole));
    this.element.setAttribute("aria-valuetext", whole <= FLOOR ? "nothing is heard" : `${whole} decibels${whole >= -1 ? ", too loud" : ""}`);
  }
}
