/**
 * @typedef {import("./types.js").Segment} Segment
 * @typedef {import("./lines.js").Lines} Lines
 * @typedef {import("./lines.js").Changes} Changes
 * @typedef {{ placeholder: string, waiting: number, direction: string, composed: boolean }} Shown
 */

/** Pixels from the end within which the reader still counts as being at it. */
const NEAR_END = 24;

/** @param {string} tag @param {string} name */
function element(tag, name) {
  const made = document.createElement(tag);
  made.className = name;
  return made;
}

/**
 * Seconds as m:ss or h:mm:ss.
 * @param {number} seconds
 */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Draws the lines of a transcript in one view; touches only those that have changed. */
export class View {
  #el;
  #placeholder = element("p", "rt-placeholder");
  #log = element("div", "rt-log");
  #waiting = element("p", "rt-waiting");
  /** @type {Map<string, HTMLElement>} */
  #lines = new Map();
  #direction = "auto";
  #following = true;

  /** @param {HTMLElement} el @param {AbortSignal} signal */
  constructor(el, signal) {
    this.#el = el;
    el.classList.add("rt-view");
    this.#log.setAttribute("role", "log");
    this.#log.setAttribute("aria-label", "Transcript");
    this.#log.tabIndex = 0; // so that it can be scrolled by keyboard
    el.replaceChildren(this.#placeholder, this.#log, this.#waiting);
    this.#log.addEventListener(
      "scroll",
      () => {
        const { scrollHeight, scrollTop, clientHeight } = this.#log;
        this.#following = scrollHeight - scrollTop - clientHeight < NEAR_END;
      },
      { signal, passive: true },
    );
    const observer = new ResizeObserver(() => this.#toEnd());
    observer.observe(this.#log);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  }

  /** @param {Shown} shown */
  show({ placeholder, waiting, direction, composed }) {
    this.#el.classList.toggle("rt-magic", !composed);
    this.#placeholder.textContent = placeholder;
    this.#waiting.textContent = waiting ? `${waiting} ${waiting === 1 ? "segment waits" : "segments wait"} for the cell's code to run` : "";
    this.#waiting.hidden = !waiting;
    this.#direction = direction || "auto";
    for (const line of this.#lines.values()) line.dir = this.#direction;
  }

  /**
   * @param {Changes} changes
   * @param {Lines} lines that they have led to
   */
  update({ upsert, remove }, lines) {
    for (const sid of remove) {
      this.#lines.get(sid)?.remove();
      this.#lines.delete(sid);
    }
    // From the last to the first: the line below is always there already.
    for (const segment of upsert.toReversed()) {
      const line = this.#lines.get(segment.sid) ?? this.#create(segment.sid);
      fill(line, segment);
      const below = this.#lines.get(lines.next(segment.sid)?.sid ?? "") ?? null;
      if (line.parentNode !== this.#log || line.nextSibling !== below) this.#log.insertBefore(line, below);
    }
    this.#placeholder.hidden = this.#lines.size > 0;
    this.#log.hidden = this.#lines.size === 0;
    this.#toEnd();
  }

  /** @param {string} sid */
  #create(sid) {
    const line = element("p", "rt-segment");
    line.dataset.sid = sid;
    line.dir = this.#direction;
    line.append(element("span", "rt-time"), " ", element("span", "rt-speaker"), element("span", "rt-text"), element("span", "rt-failed"));
    this.#lines.set(sid, line);
    return line;
  }

  #toEnd() {
    if (this.#following) this.#log.scrollTop = this.#log.scrollHeight;
  }
}

/** @param {HTMLElement} line @param {Segment} segment */
function fill(line, { start, text, final, speaker, error }) {
  const [time, name, words, failure] = /** @type {[HTMLElement, HTMLElement, HTMLElement, HTMLElement]} */ ([...line.children]);
  const write = (/** @type {HTMLElement} */ node, /** @type {string} */ value) => {
    if (node.textContent !== value) node.textContent = value;
  };
  // Text that may still change is not read aloud; set before the text, so that the last change is.
  if (final) line.removeAttribute("aria-live");
  else line.setAttribute("aria-live", "off");
  line.dataset.final = String(final);
  write(time, start === null ? "" : clock(start));
  write(name, speaker ? `${speaker}: ` : "");
  write(words, text);
  write(failure, error ? `${text ? " " : ""}not transcribed: ${error}` : "");
}
