import { element, write } from "./elements.js";

/** @typedef {import("./types.js").Better} Better */

/**
 * What the line about better words says, and its button. Pure.
 * @param {Better | Record<string, never>} better
 * @param {boolean} idle nothing is being recorded
 * @returns {{ label: string, action: "fetch" | "cancel", sentence: string, done: number | null } | null} null: nothing to say
 */
export function offer(better, idle) {
  if (!better.state || (!idle && better.state !== "fetching")) return null;
  const { model, megabytes, languages, done, sentence } = /** @type {Better} */ (better);
  const cost = `${model}, ${megabytes} MB, ${languages} languages`;
  switch (better.state) {
    case "fetching":
      return { label: "Cancel", action: "cancel", sentence: `fetching the model ${model}: ${Math.round(done)} of ${megabytes} MB`, done: done / megabytes };
    case "fetched":
      return { label: "", action: "cancel", sentence, done: null };
    default:
      return { label: `Better words: fetch a model (${cost})`, action: "fetch", sentence, done: null };
  }
}

/** The line about better words in one view. */
export class BetterWords {
  #button = element("button", "rt-button rt-better-button", { type: "button" });
  #progress = element("progress", "rt-progress", { max: 1 });
  #sentence = element("span", "rt-better-text");
  element = element("p", "rt-better", { hidden: true }, this.#button, this.#progress, this.#sentence);

  /** @param {(action: "fetch" | "cancel") => void} act @param {AbortSignal} signal */
  constructor(act, signal) {
    this.#progress.setAttribute("aria-label", "How much of the model is here");
    this.#button.addEventListener("click", () => act(this.#button.dataset.better === "cancel" ? "cancel" : "fetch"), { signal });
  }

  /** @param {ReturnType<typeof offer>} shown @param {boolean} disabled */
  draw(shown, disabled) {
    this.element.hidden = !shown;
    if (!shown) return;
    write(this.#button, shown.label);
    this.#button.dataset.better = shown.action;
    this.#button.hidden = !shown.label;
    this.#button.disabled = disabled && shown.action === "fetch";
    this.#progress.hidden = shown.done === null;
    this.#progress.value = shown.done ?? 0;
    write(this.#sentence, shown.sentence);
  }
}
