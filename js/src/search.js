import { element, keepKeys, tool, write } from "./elements.js";
import { find } from "./plain_text.js";

/** @typedef {{ sid: string, first: number, length: number }} Hit */

/** Milliseconds after a change of the lines until they are searched again. */
const AGAIN = 250;
/** Hits that are coloured at most, around the current one. */
const COLOURED = 400;

/** A row with a field, a count and the ways from one hit to the next. */
export class Search {
  #field = Object.assign(document.createElement("input"), { className: "rt-query", type: "search", placeholder: "Search the transcript" });
  #count = element("span", "rt-count");
  /** @type {Hit[]} */
  #hits = [];
  #at = -1;
  /** @type {AbstractRange[]} */
  #coloured = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #again;
  #lines;
  #lineOf;
  #show;

  /**
   * @param {object} options
   * @param {AbortSignal} options.signal
   * @param {() => import("./types.js").Segment[]} options.lines
   * @param {(sid: string) => HTMLElement | undefined} options.lineOf
   * @param {(sid: string, range: Range | null) => void} options.show
   * @param {() => void} options.close
   */
  constructor({ signal, lines, lineOf, show, close }) {
    this.#lines = lines;
    this.#lineOf = lineOf;
    this.#show = show;
    this.#field.setAttribute("aria-label", "Search the transcript");
    this.#count.setAttribute("aria-live", "polite");
    this.el = element(
      "div",
      "rt-row rt-search",
      { hidden: true },
      this.#field,
      this.#count,
      tool("Previous hit", "up", () => this.#go(-1), { signal, bare: true }),
      tool("Next hit", "down", () => this.#go(1), { signal, bare: true }),
      tool("Close search", "close", close, { signal, bare: true }),
    );
    this.el.setAttribute("role", "search");
    this.#field.addEventListener("input", () => this.#look(true), { signal });
    this.#field.addEventListener(
      "keydown",
      (event) => {
        if (event.key !== "Enter" || event.isComposing) return;
        event.preventDefault();
        this.#go(event.shiftKey ? -1 : 1);
      },
      { signal },
    );
    keepKeys(this.el);
    signal.addEventListener("abort", () => this.close(), { once: true });
  }

  get opened() {
    return !this.el.hidden;
  }

  open() {
    this.el.hidden = false;
    this.#field.focus();
    this.#field.select();
    this.#look(true);
  }

  close() {
    clearTimeout(this.#again);
    this.#again = undefined;
    this.el.hidden = true;
    this.#hits = [];
    this.#colour();
  }

  /** The lines have changed. */
  changed() {
    if (this.opened && this.#again === undefined) this.#again = setTimeout(() => this.#look(false), AGAIN);
  }

  /** @param {boolean} anew go to the last hit; else stay at the one that is shown */
  #look(anew) {
    clearTimeout(this.#again);
    this.#again = undefined;
    const before = this.#hits[this.#at];
    this.#hits = find(this.#lines(), this.#field.value);
    this.#at = this.#hits.findIndex((hit) => !anew && hit.sid === before?.sid && hit.first === before.first);
    if (this.#at < 0) this.#at = this.#hits.length - 1; // what was said last is what people look for first
    if (anew && this.#hits.length) this.#go(0);
    else this.#colour();
  }

  /** @param {number} step */
  #go(step) {
    const many = this.#hits.length;
    if (many) this.#at = (this.#at + step + many) % many;
    this.#colour();
    const hit = this.#hits[this.#at];
    if (hit) this.#show(hit.sid, this.#range(hit));
  }

  /** Colour the hits without touching the lines: the browser draws them over the text. */
  #colour() {
    const many = this.#hits.length;
    write(this.#count, !this.#field.value.trim() || this.el.hidden ? "" : many ? `${this.#at + 1} of ${many}` : "not found");
    const registry = globalThis.CSS?.highlights;
    if (!registry) return;
    const all = registry.get("rt-found") ?? new Highlight();
    const current = registry.get("rt-found-now") ?? new Highlight();
    for (const range of this.#coloured) {
      all.delete(range);
      current.delete(range);
    }
    const from = Math.max(0, Math.min(this.#at - COLOURED / 2, many - COLOURED));
    this.#coloured = this.#hits.slice(from, from + COLOURED).flatMap((hit, n) => {
      const range = this.#range(hit);
      if (range) (from + n === this.#at ? current : all).add(range);
      return range ?? [];
    });
    current.priority = 1;
    registry.set("rt-found", all);
    registry.set("rt-found-now", current);
  }

  /** @param {Hit} hit */
  #range({ sid, first, length }) {
    const text = this.#lineOf(sid)?.querySelector(".rt-text")?.firstChild;
    if (!(text instanceof Text) || text.length < first + length) return null;
    const range = document.createRange();
    range.setStart(text, first);
    range.setEnd(text, first + length);
    return range;
  }
}
