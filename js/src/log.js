import { correct } from "./editor.js";
import { element, keepKeys, tool, treeOf } from "./elements.js";
import { createLine, fill, rewrite } from "./line.js";

/**
 * @typedef {import("./lines.js").Lines} Lines
 * @typedef {import("./lines.js").Changes} Changes
 * @typedef {{ listen(sid: string): void, edit(sid: string, text: string): boolean, mayEdit(): boolean, search(): void }} Actions
 */

/** Pixels from the end within which the reader still counts as being at it. */
const NEAR_END = 24;
/** Lines in a block: a change is laid out within its block. */
const BLOCK = 50;
/** Lines from which on blocks out of sight are not even laid out; until then a screen reader has all of them at once. */
const LONG = 2000;
/** Milliseconds for which what was there at first is not read aloud. */
const AT_FIRST = 1000;

/** The lines of a transcript in one view, in blocks; only lines that have changed are touched. */
export class Log {
  el = element("div", "rt-scroll");
  #log = element("div", "rt-log", { tabIndex: 0 });
  #all = element("div", "rt-lines");
  #newest;
  /** @type {Map<string, HTMLElement>} */
  #lines = new Map();
  #direction = "auto";
  #following = true;
  #top = 0;
  #act;

  /** @param {Actions} act @param {AbortSignal} signal */
  constructor(act, signal) {
    this.#act = act;
    const log = this.#log;
    log.setAttribute("role", "log");
    log.setAttribute("aria-label", "Transcript");
    log.setAttribute("aria-live", "off");
    setTimeout(() => log.removeAttribute("aria-live"), AT_FIRST);
    log.append(this.#all);
    this.#newest = tool("Jump to the newest", "newest", () => this.toEnd(), { signal });
    this.#newest.classList.add("rt-newest");
    this.#newest.hidden = true;
    this.el.append(log, this.#newest);
    keepKeys(this.el);
    log.addEventListener("scroll", () => this.#scrolled(), { signal, passive: true });
    log.addEventListener("click", (event) => this.#clicked(event), { signal });
    log.addEventListener("dblclick", (event) => this.#correct(/** @type {Element} */ (event.target).closest("[data-sid]")), { signal });
    log.addEventListener("keydown", (event) => this.#key(event), { signal });
    // Told after the layout and before the drawing, so following costs no layout of its own.
    const observer = new ResizeObserver(() => this.#follow());
    observer.observe(log);
    observer.observe(this.#all);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  }

  /** @param {string} direction */
  set direction(direction) {
    if (direction === this.#direction) return;
    this.#direction = direction;
    for (const line of this.#lines.values()) line.dir = direction;
  }

  get empty() {
    return this.#lines.size === 0;
  }

  /** Keep the lines for those who hear them, out of sight. @param {boolean} hidden */
  hide(hidden) {
    this.el.classList.toggle("rt-unseen", hidden);
    this.#log.tabIndex = hidden ? -1 : 0;
  }

  /** @param {string} sid */
  line(sid) {
    return this.#lines.get(sid);
  }

  /** @param {Changes} changes @param {Lines} lines that they have led to */
  update({ upsert, remove }, lines) {
    for (const sid of remove) {
      const line = this.#lines.get(sid);
      if (line) this.#take(line);
      this.#lines.delete(sid);
    }
    // The many lines of a first draw are put together where no page looks at each.
    const many = this.#lines.size === 0 && upsert.length > BLOCK;
    if (many) this.#all.remove();
    try {
      this.#upsert(upsert, lines);
    } finally {
      if (many) this.#log.append(this.#all);
    }
    this.#log.classList.toggle("rt-long", this.#lines.size > LONG);
  }

  /** @param {Changes["upsert"]} upsert @param {Lines} lines */
  #upsert(upsert, lines) {
    // From the last to the first: the line below is always there already.
    for (const segment of upsert.toReversed()) {
      const known = this.#lines.get(segment.sid);
      const line = known ?? createLine(segment.sid);
      fill(line, segment, this.#direction, lines.voice(segment.speaker));
      const below = this.#lines.get(lines.next(segment.sid)?.sid ?? "");
      if (known && after(known) === below) continue;
      if (known) this.#take(known);
      this.#put(line, below);
      this.#lines.set(segment.sid, line);
    }
  }

  toEnd() {
    this.#following = true;
    this.#follow();
    if (treeOf(this.el).activeElement === this.#newest) this.#log.focus({ preventScroll: true });
    this.#newest.hidden = true;
  }

  /** Bring a place into sight. @param {string} sid @param {Range | null} range */
  show(sid, range) {
    const line = this.#lines.get(sid);
    if (!line) return;
    line.scrollIntoView({ block: "nearest" });
    const [shown, log] = [(range ?? line).getBoundingClientRect(), this.#log.getBoundingClientRect()];
    if (shown.top < log.top || shown.bottom > log.bottom) this.#log.scrollTop += shown.top - log.top - log.height / 2;
  }

  #follow() {
    const log = this.#log;
    if (this.#following) log.scrollTop = log.scrollHeight;
    this.#top = log.scrollTop;
    this.#newest.hidden = this.#following || log.scrollHeight - log.clientHeight < NEAR_END;
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    // Only a move towards the beginning is the reader's wish: the end goes away by itself with each new line.
    if (scrollHeight - scrollTop - clientHeight < NEAR_END) this.#following = true;
    else if (scrollTop < this.#top) this.#following = false;
    this.#top = scrollTop;
    this.#newest.hidden = this.#following;
  }

  /** @param {HTMLElement} line @param {HTMLElement | undefined} below */
  #put(line, below) {
    const last = this.#all.lastElementChild;
    let block = below ? /** @type {Element} */ (below.parentElement) : last && last.childElementCount < BLOCK ? last : null;
    let before = below ?? null;
    if (block && before && block.childElementCount >= BLOCK) {
      if (before === block.firstElementChild) {
        const above = block.previousElementSibling;
        before = null;
        if (above && above.childElementCount < BLOCK) block = above;
        else {
          const fresh = element("div", "rt-block");
          block.before(fresh);
          block = fresh;
        }
      } else if (block.childElementCount >= 2 * BLOCK) {
        const rest = element("div", "rt-block");
        block.after(rest);
        const stay = before.previousSibling;
        while (block.lastChild !== stay) rest.prepend(/** @type {ChildNode} */ (block.lastChild));
        before = null;
      }
    }
    if (!block) {
      block = element("div", "rt-block");
      this.#all.append(block);
    }
    block.insertBefore(line, before);
  }

  /** @param {HTMLElement} line */
  #take(line) {
    const block = line.parentElement;
    line.remove();
    if (block && !block.childElementCount) block.remove();
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const time = /** @type {Element} */ (event.target).closest(".rt-time");
    const line = /** @type {HTMLElement | undefined | null} */ (time?.closest("[data-sid]"));
    if (line?.dataset.sid && event.detail < 2) this.#act.listen(line.dataset.sid);
  }

  /** @param {Element | null} line */
  #correct(line) {
    if (!(line instanceof HTMLElement) || line.dataset.final !== "true" || !this.#act.mayEdit()) return;
    const words = /** @type {HTMLElement} */ (line.querySelector(".rt-text"));
    const before = words.textContent ?? "";
    const mark = line.className === "rt-mark";
    const done = (/** @type {string} */ text) => {
      rewrite(words, text); // at once; the kernel's answer is the same, or an error
      if (!this.#act.edit(line.dataset.sid ?? "", text)) rewrite(words, before);
    };
    correct(line, mark ? "Name this mark" : "Correct this line", done, mark);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = /** @type {Element} */ (event.target);
    const line = /** @type {HTMLElement | null} */ (target.closest("[data-sid]"));
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowUp: () => this.#focus(line ? before(line) : this.#end(false)),
      ArrowDown: () => this.#focus(line ? after(line) : this.#end(true)),
      Home: () => this.#focus(this.#end(true)),
      End: () => this.#focus(this.#end(false)),
      Escape: () => line && this.#log.focus({ preventScroll: true }),
      Enter: () => this.#correct(line),
      F2: () => this.#correct(line),
      " ": () => line?.dataset.sid && this.#act.listen(line.dataset.sid),
      "/": () => this.#act.search(),
    };
    const act = keys[event.key];
    if (!act || (event.key === " " && !line)) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  /** @param {boolean} first */
  #end(first) {
    const block = first ? this.#all.firstElementChild : this.#all.lastElementChild;
    return /** @type {HTMLElement | undefined} */ ((first ? block?.firstElementChild : block?.lastElementChild) ?? undefined);
  }

  /** @param {HTMLElement | undefined} line */
  #focus(line) {
    if (!line) return;
    line.tabIndex = -1;
    line.focus({ preventScroll: true });
    line.scrollIntoView({ block: "nearest" });
  }
}

/** @param {Element} line @returns {HTMLElement | undefined} the line after it, in its block or the next one */
const after = (line) =>
  /** @type {HTMLElement | undefined} */ (line.nextElementSibling ?? line.parentElement?.nextElementSibling?.firstElementChild ?? undefined);

/** @param {Element} line @returns {HTMLElement | undefined} */
const before = (line) =>
  /** @type {HTMLElement | undefined} */ (line.previousElementSibling ?? line.parentElement?.previousElementSibling?.lastElementChild ?? undefined);
