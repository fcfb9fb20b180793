import { attribute, element, keepKeys, tool, write } from "./elements.js";

/**
 * @typedef {object} Deeds what the buttons do
 * @property {() => void} search
 * @property {() => void} mark
 * @property {(times: boolean) => void} copy
 * @property {(format: "srt" | "txt" | "json") => void} save
 * @property {() => void} audience
 * @property {() => void} screen
 *
 * @typedef {{ some: boolean, mark: boolean, save: boolean, audience: boolean, searching: boolean }} Offered
 */

/** Milliseconds for which a note is shown. */
const NOTED = 8000;

/** One quiet row of buttons, and below it the row that one of them opens. */
export class Toolbar {
  el = element("div", "rt-toolbar", { hidden: true });
  #note = element("span", "rt-note");
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #noted;
  #opened = "";

  /** @param {Deeds} deeds @param {AbortSignal} signal */
  constructor(deeds, signal) {
    const open = (/** @type {string} */ name) => () => this.#open(this.#opened === name ? "" : name);
    this.search = tool("Search", "search", deeds.search, { signal, title: "Search the transcript (/)" });
    this.mark = tool("Mark", "mark", deeds.mark, { signal, title: "Mark this moment, to find it again" });
    this.copy = tool("Copy", "copy", open("copy"), { signal });
    this.save = tool("Save", "save", open("save"), { signal, title: "Save as a file" });
    this.audience = tool("Audience", "audience", deeds.audience, { signal, title: "Two lines of large letters" });
    this.screen = tool("Full screen", "screen", deeds.screen, { signal });
    this.rows = {
      copy: this.#row("Copy", [
        ["Text", () => deeds.copy(false)],
        ["With times", () => deeds.copy(true)],
      ], signal),
      save: this.#row("Save as", [
        ["SRT", () => deeds.save("srt")],
        ["TXT", () => deeds.save("txt")],
        ["JSON", () => deeds.save("json")],
      ], signal),
    };
    this.#note.setAttribute("aria-live", "polite");
    const buttons = element("div", "rt-tools", {}, this.search, this.mark, this.copy, this.save, this.audience, this.screen);
    buttons.setAttribute("role", "group");
    buttons.setAttribute("aria-label", "Transcript tools");
    this.el.append(element("div", "rt-bar", {}, buttons, this.#note), this.rows.copy, this.rows.save);
    keepKeys(this.el);
    this.el.addEventListener(
      "keydown",
      (event) => {
        if (event.key !== "Escape" || !this.#opened) return;
        event.stopPropagation();
        const button = this.#opened === "copy" ? this.copy : this.save;
        this.#open("");
        button.focus();
      },
      { signal },
    );
    signal.addEventListener("abort", () => clearTimeout(this.#noted), { once: true });
    this.#open("");
  }

  /** @param {Offered} offered */
  draw({ some, mark, save, audience, searching }) {
    this.el.hidden = !some && !audience;
    this.search.hidden = this.copy.hidden = audience;
    this.save.hidden = audience || !save;
    this.mark.hidden = !mark;
    this.screen.hidden = !audience;
    attribute(this.search, "aria-expanded", String(searching));
    attribute(this.audience, "aria-pressed", String(audience));
    if (audience) this.#open("");
  }

  /** Say what came of a click, for a while. @param {string} sentence */
  note(sentence) {
    clearTimeout(this.#noted);
    write(this.#note, sentence);
    this.#note.title = sentence;
    this.#noted = setTimeout(() => write(this.#note, ""), NOTED);
  }

  /** @param {string} name */
  #open(name) {
    this.#opened = name;
    for (const key of /** @type {const} */ (["copy", "save"])) {
      this.rows[key].hidden = key !== name;
      attribute(this[key], "aria-expanded", String(key === name));
    }
    if (name === "copy" || name === "save") this.rows[name].querySelector("button")?.focus();
  }

  /** @param {string} label @param {[string, () => void][]} choices @param {AbortSignal} signal */
  #row(label, choices, signal) {
    const buttons = choices.map(([name, act]) =>
      tool(
        name,
        null,
        () => {
          act();
          const button = this.#opened === "copy" ? this.copy : this.save;
          this.#open("");
          button.focus();
        },
        { signal },
      ),
    );
    const row = element("div", "rt-row", { hidden: true }, element("span", "rt-label", {}, label), ...buttons);
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", label);
    return row;
  }
}
