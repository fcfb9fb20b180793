import { element, write } from "./elements.js";

/**
 * @typedef {"echo_cancellation" | "noise_suppression" | "auto_gain"} Switch
 * @typedef {Partial<Record<Switch, boolean>> & { device?: string }} Change
 *
 * @typedef {object} Shown
 * @property {import("./devices.js").Remembered[]} choices
 * @property {string} chosen
 * @property {string} device name of the open one, or of the chosen one; "" where it is not known
 * @property {Record<Switch, boolean>} switches
 * @property {boolean} disabled
 */

/** The traits that a microphone is opened with, and their names for people. @type {[Switch, string][]} */
export const SWITCHES = [
  ["echo_cancellation", "Echo cancellation"],
  ["noise_suppression", "Noise suppression"],
  ["auto_gain", "Automatic gain"],
];

let made = 0;

/** A button with the microphone's name, and behind it the picker and the browser's three switches. */
export class Settings {
  #name = element("span", "rt-device-name", {}, "Microphone");
  button = element("button", "rt-button rt-settings-button", { type: "button" }, this.#name);
  #picker = element("select", "rt-picker");
  /** @type {Map<Switch, HTMLInputElement>} */
  #boxes = new Map(SWITCHES.map(([name]) => [name, element("input", "rt-switch", { type: "checkbox" })]));
  #hint = element("p", "rt-hint", {}, "Names appear once the browser was allowed to use a microphone.");
  section = element("div", "rt-settings", { hidden: true });
  #drawn = "";

  /** @param {(change: Change) => void} change @param {AbortSignal} signal */
  constructor(change, signal) {
    this.section.id = `rt-settings-${(made += 1)}-${Date.now().toString(36)}`;
    this.section.setAttribute("role", "group");
    this.section.setAttribute("aria-label", "Microphone settings");
    this.button.setAttribute("aria-controls", this.section.id);
    this.#open(false);
    const boxes = SWITCHES.map(([name, label]) => element("label", "rt-switch-label", {}, this.#boxes.get(name) ?? "", label));
    this.section.append(
      element("label", "rt-picker-label", {}, "Microphone", this.#picker),
      element("div", "rt-switches", {}, ...boxes),
      this.#hint,
    );
    this.button.addEventListener("click", () => this.#open(this.section.hidden === true), { signal });
    this.section.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.#picker.addEventListener("change", () => change({ device: this.#picker.value }), { signal });
    for (const [name, box] of this.#boxes) box.addEventListener("change", () => change({ [name]: box.checked }), { signal });
  }

  /** @param {Shown} shown */
  draw({ choices, chosen, device, switches, disabled }) {
    const name = device || choices.find(({ id }) => id && id === chosen)?.label || "Microphone";
    write(this.#name, name);
    this.button.setAttribute("aria-label", name === "Microphone" ? "Microphone settings" : `Microphone settings: ${name}`);
    this.button.title = name;
    // One that is not connected stays to be seen: it is what Start will ask for.
    const all = choices.some(({ id }) => id === chosen) ? choices : [...choices, { id: chosen, label: "not connected" }];
    const drawn = JSON.stringify(all);
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#picker.replaceChildren(...all.map(({ id, label }) => new Option(label, id)));
    }
    this.#picker.value = chosen;
    this.#picker.disabled = disabled;
    for (const [one, box] of this.#boxes) {
      box.checked = switches[one];
      box.disabled = disabled;
    }
    this.#hint.hidden = choices.length > 1 || Boolean(device);
  }

  /** @param {boolean} open */
  #open(open) {
    this.section.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    this.#open(false);
    this.button.focus({ preventScroll: true });
  }
}
