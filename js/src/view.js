import { Audience } from "./audience.js";
import { attribute, element, tool, write } from "./elements.js";
import { copy, download } from "./handing_over.js";
import { Log } from "./log.js";
import { plainText } from "./plain_text.js";
import { Search } from "./search.js";
import { Sound } from "./sound.js";
import { Toolbar } from "./toolbar.js";

/**
 * @typedef {import("./lines.js").Lines} Lines
 * @typedef {import("./lines.js").Changes} Changes
 * @typedef {Pick<import("./types.js").TranscriptViewTraits,
 *   "placeholder" | "waiting" | "direction" | "composed" | "disabled" | "done" | "next_step">} Shown
 * @typedef {import("./types.js").Sound | import("./types.js").File | import("./types.js").Failed} Answer
 * @typedef {{ type: "edit", sid: string, text: string } | { type: "mark" } | { type: "listen", sid: string }
 *   | { type: "save", format: "srt" | "txt" | "json" }} Request
 */

const NO_KERNEL = "not without the kernel that this belongs to: run the cell again";

/** Draws a transcript and what can be done with it in one view. */
export class View {
  #el;
  #placeholder = element("p", "rt-placeholder");
  #waiting = element("p", "rt-waiting", { hidden: true });
  #next = element("p", "rt-next", { hidden: true });
  #code = element("code", "rt-code");
  #toolbar;
  #search;
  #audience;
  #log;
  #sound;
  #lines;
  #ask;
  /** @type {Shown} */
  #shown = { placeholder: "", waiting: 0, direction: "auto", composed: false, disabled: false, done: false, next_step: "" };
  #playing = "";
  #big = false;

  /**
   * @param {HTMLElement} el
   * @param {AbortSignal} signal
   * @param {Lines} lines
   * @param {(request: Request) => boolean} ask the kernel; false where there is none
   */
  constructor(el, signal, lines, ask) {
    this.#el = el;
    this.#lines = lines;
    this.#ask = (/** @type {Request} */ request) => {
      const asked = ask(request);
      if (!asked) this.#toolbar.note(NO_KERNEL);
      return asked;
    };
    this.#sound = new Sound(signal);
    this.#audience = new Audience(signal);
    this.#toolbar = new Toolbar(
      {
        search: () => this.#find(!this.#search.opened),
        mark: () => this.#ask({ type: "mark" }),
        copy: (times) => void this.#copy(plainText(lines.all, times), "the transcript is in the clipboard"),
        save: (format) => this.#ask({ type: "save", format }),
        audience: () => this.#enlarge(!this.#big),
        screen: () => this.#fill(),
      },
      signal,
    );
    this.#log = new Log(
      {
        listen: (sid) => this.#listen(sid),
        edit: (sid, text) => this.#ask({ type: "edit", sid, text }),
        mayEdit: () => !this.#shown.disabled,
        search: () => this.#find(true),
      },
      signal,
    );
    this.#search = new Search({
      signal,
      lines: () => lines.all,
      lineOf: (sid) => this.#log.line(sid),
      show: (sid, range) => this.#log.show(sid, range),
      close: () => this.#find(false),
    });
    this.#toolbar.el.append(this.#search.el);
    const copyCode = tool("Copy", "copy", () => void this.#copy(this.#code.textContent ?? "", "copied"), { signal });
    copyCode.setAttribute("aria-label", "Copy this code");
    this.#next.append("Go on in a new cell: ", this.#code, " ", copyCode);
    el.classList.add("rt-view");
    el.replaceChildren(this.#placeholder, this.#toolbar.el, this.#audience.el, this.#log.el, this.#waiting, this.#next);
    el.addEventListener(
      "keydown",
      (event) => {
        if (event.key !== "Escape") return;
        if (this.#search.opened) this.#find(false);
        else if (this.#big) this.#enlarge(false);
        else return;
        event.stopPropagation();
      },
      { signal },
    );
  }

  /** @param {Shown} shown */
  show(shown) {
    this.#shown = shown;
    const { placeholder, waiting, direction, composed, next_step } = shown;
    this.#el.classList.toggle("rt-magic", !composed);
    write(this.#placeholder, placeholder);
    write(this.#waiting, waiting ? `${waiting} ${waiting === 1 ? "segment waits" : "segments wait"} for the cell's code to run` : "");
    this.#waiting.hidden = !waiting;
    write(this.#code, next_step);
    this.#log.direction = direction || "auto";
    this.#draw();
  }

  /** @param {Changes} changes */
  update(changes) {
    this.#log.update(changes, this.#lines);
    this.#audience.update(this.#lines.all);
    this.#search.changed();
    this.#draw();
  }

  /** What the kernel says to a request of this view. @param {Answer} message @param {DataView[]} buffers */
  answer(message, [content]) {
    if (message.type === "sound" && content && message.sid === this.#playing) this.#sound.play(content, message.rate);
    else if (message.type === "file" && content) {
      download(message.name, message.mime, content, this.#el.ownerDocument);
      this.#toolbar.note(`saved as ${message.name}`);
    } else if (message.type === "failed") {
      if (message.sid && message.sid === this.#playing) this.#sound.stop();
      const known = this.#lines.get(message.sid);
      if (known) this.#log.update({ upsert: [known], remove: [] }, this.#lines); // as it was before
      this.#toolbar.note(message.message);
    }
  }

  #draw() {
    const some = !this.#log.empty;
    const { placeholder, disabled, done, next_step } = this.#shown;
    this.#placeholder.hidden = some || !placeholder;
    this.#log.el.hidden = !some;
    this.#next.hidden = !(some && done && next_step) || this.#big;
    this.#toolbar.draw({ some, mark: !done && !disabled, save: true, audience: this.#big, searching: this.#search.opened });
  }

  /** @param {boolean} open */
  #find(open) {
    if (open) this.#search.open();
    else {
      this.#search.close();
      this.#toolbar.search.focus();
    }
    this.#draw();
  }

  /** @param {string} sid */
  #listen(sid) {
    const line = this.#log.line(sid);
    const time = line?.querySelector(".rt-time");
    if (!line || !(time instanceof HTMLButtonElement) || time.disabled) return;
    if (this.#playing === sid) return this.#sound.stop();
    this.#sound.open(() => {
      this.#playing = "";
      attribute(line, "data-playing", null);
    });
    this.#playing = sid;
    attribute(line, "data-playing", "true");
    if (!this.#ask({ type: "listen", sid })) this.#sound.stop();
  }

  /** @param {string} text @param {string} sentence */
  async #copy(text, sentence) {
    const done = await copy(text, this.#el.ownerDocument);
    this.#toolbar.note(done ? sentence : "the browser does not give this page the clipboard; select the lines and copy them");
  }

  /** @param {boolean} big */
  #enlarge(big) {
    this.#big = big;
    if (big) this.#search.close();
    else if (this.#el.ownerDocument.fullscreenElement === this.#el) void this.#el.ownerDocument.exitFullscreen();
    this.#el.classList.toggle("rt-big", big);
    this.#audience.el.hidden = !big;
    this.#audience.update(this.#lines.all);
    this.#log.hide(big);
    this.#draw();
  }

  #fill() {
    const page = this.#el.ownerDocument;
    if (page.fullscreenElement === this.#el) void page.exitFullscreen();
    else this.#el.requestFullscreen().catch(() => this.#toolbar.note("the browser does not let this page fill the screen"));
  }
}
