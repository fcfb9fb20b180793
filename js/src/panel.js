import { BetterWords } from "./better.js";
import { element, treeOf, write } from "./elements.js";
import { Meter } from "./meter.js";
import { Settings } from "./settings.js";
import { clock } from "./plain_text.js";

/**
 * @typedef {ReturnType<typeof import("./controls.js").arrange>} Arranged
 * @typedef {object} Around what is shown beside buttons and sentences
 * @property {string} destination
 * @property {string} notice
 * @property {boolean} composed
 * @property {boolean} recording
 * @property {import("./types.js").MicrophoneTraits["place"]} place
 * @property {boolean} disabled
 * @property {number} elapsed seconds
 * @property {number} sent seconds
 * @property {string} link address of a page of its own, "" for none
 * @property {ReturnType<typeof import("./better.js").offer>} better
 * @property {import("./settings.js").Shown} settings
 * @typedef {Arranged & Around} Shown
 * @typedef {"start" | "pause" | "stop" | "dismiss" | "fetch" | "cancel" | "warm"} Action
 */

/** @type {Record<import("./controls.js").Button["label"], Action>} */
const ACTIONS = { Start: "start", Resume: "start", Pause: "pause", Stop: "stop" };

/** Keys with which a notebook in command mode would do something else than the control that has the focus. */
const OURS = /^(?:.|Enter|Escape|Arrow\w+|Home|End|Page\w+)$/;

let panels = 0;

/** Draws the controls of one view of the microphone. */
export class Panel {
  #el;
  #destination = element("p", "rt-destination");
  #notice = element("span", "rt-notice-text");
  #primary = element("button", "rt-button rt-primary", { type: "button" });
  #secondary = element("button", "rt-button rt-secondary", { type: "button" });
  #elapsed = element("span", "rt-elapsed");
  #sent = element("span", "rt-sent");
  #status = element("span", "rt-status-text");
  #wait = element("span", "rt-wait");
  #error = element("p", "rt-error", { hidden: true });
  #link = element("a", "rt-capture-link", { target: "_blank", rel: "noopener" }, "Open the microphone in a page of its own");
  /** @type {HTMLElement} */
  #linkLine;
  /** @type {HTMLElement} */
  #noticeLine;
  #gauge;
  #controls;
  #meter;
  #settings;
  #better;
  /** @type {Shown | null} */
  #shown = null;
  /** @type {HTMLButtonElement | null} the button that had the focus when it was disabled */
  #focused = null;

  /**
   * @param {HTMLElement} el
   * @param {object} shell
   * @param {(action: Action) => void} shell.act
   * @param {(change: import("./settings.js").Change) => void} shell.change
   * @param {() => number} shell.level decibels now
   * @param {AbortSignal} signal
   */
  constructor(el, { act, change, level }, signal) {
    this.#el = el;
    this.#meter = new Meter(level, signal);
    this.#settings = new Settings(change, signal);
    this.#better = new BetterWords(act, signal);
    const dismiss = element("button", "rt-button rt-dismiss", { type: "button" }, "Dismiss");
    this.#noticeLine = element("p", "rt-notice", { hidden: true }, this.#notice, " ", dismiss);
    this.#linkLine = element("p", "rt-capture", { hidden: true }, this.#link, " (where the kernel runs on this computer; it can be opened once)");
    const status = element("p", "rt-status", {}, this.#status, this.#wait);
    this.#gauge = element("div", "rt-gauge", {}, this.#elapsed, element("div", "rt-gauge-side", {}, this.#meter.element, this.#sent));
    this.#controls = element("div", "rt-controls", {}, this.#primary, this.#gauge, this.#secondary, this.#settings.button);
    this.#destination.id = `rt-destination-${(panels += 1)}-${Date.now().toString(36)}`;
    this.#primary.setAttribute("aria-describedby", this.#destination.id);
    this.#elapsed.setAttribute("role", "timer");
    this.#elapsed.setAttribute("aria-label", "Recorded");
    this.#wait.setAttribute("aria-hidden", "true");
    status.setAttribute("role", "status");
    this.#error.setAttribute("role", "alert");
    el.classList.add("rt-microphone");
    el.replaceChildren(
      this.#destination,
      this.#controls,
      status,
      this.#settings.section,
      this.#noticeLine,
      this.#error,
      this.#linkLine,
      this.#better.element,
    );
    for (const button of [this.#primary, this.#secondary]) {
      // The second half of a double click would undo the first.
      button.addEventListener("click", (event) => event.detail < 2 && act(/** @type {Action} */ (button.dataset.action)), { signal });
      for (const near of ["pointerenter", "focus"]) button.addEventListener(near, () => act("warm"), { signal });
    }
    dismiss.addEventListener("click", () => act("dismiss"), { signal });
    el.addEventListener("keydown", (event) => {
      if (OURS.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey) event.stopPropagation();
    }, { signal });
    // The root is found only once this element is in the page.
    const observer = new ResizeObserver(() => this.#mark());
    observer.observe(el);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  }

  /** @param {Shown} shown */
  draw(shown) {
    this.#shown = shown;
    this.#button(this.#primary, shown.primary);
    this.#button(this.#secondary, shown.place === "file" ? null : shown.secondary);
    this.#meter.run(shown.recording);
    const ofFile = shown.place === "file"; // it begins by itself: only Stop is of use
    this.#gauge.hidden = ofFile;
    this.#controls.hidden = ofFile && shown.primary.label === "Start";
    this.#controls.classList.toggle("rt-alone", ofFile);
    const here = shown.place !== "kernel" && !ofFile;
    this.#meter.element.hidden = !here;
    this.#settings.button.hidden = !here;
    if (!here) this.#settings.section.hidden = true;
    this.#settings.draw(shown.settings);
    this.#better.draw(shown.better, shown.disabled);
    write(this.#elapsed, clock(shown.elapsed));
    write(this.#sent, shown.elapsed >= 1 ? `sent ${clock(shown.sent)}` : "");
    write(this.#destination, shown.destination);
    write(this.#notice, shown.notice);
    this.#noticeLine.hidden = !shown.notice;
    write(this.#status, shown.status);
    write(this.#wait, shown.wait);
    write(this.#error, shown.error);
    this.#error.hidden = !shown.error;
    this.#linkLine.hidden = !shown.link;
    if (shown.link) this.#link.href = shown.link;
    this.#mark();
  }

  #mark() {
    if (!this.#shown) return;
    const { composed, state } = this.#shown;
    // What shows the parts of a cell without the cell, as marimo does, has nothing around them.
    const whole = this.#el.parentElement?.closest(".rt-magic");
    this.#el.classList.toggle("rt-magic", !composed || (this.#el.isConnected && !whole));
    const root = this.#el.closest(".rt-magic");
    if (root instanceof HTMLElement && root.dataset.state !== state) root.dataset.state = state;
  }

  /**
   * @param {HTMLButtonElement} button
   * @param {import("./controls.js").Button | null} wanted
   */
  #button(button, wanted) {
    const enabled = Boolean(wanted?.enabled);
    if (!enabled && treeOf(button).activeElement === button) {
      this.#focused = button;
      if (!wanted && !this.#primary.disabled) this.#primary.focus({ preventScroll: true });
    }
    button.hidden = !wanted;
    if (wanted) {
      write(button, wanted.label);
      button.dataset.action = ACTIONS[wanted.label];
      button.dataset.label = wanted.label;
    }
    button.disabled = !enabled;
    // A disabled button loses the focus; it comes back, unless the reader has gone elsewhere.
    if (enabled && this.#focused === button) {
      this.#focused = null;
      if (button.ownerDocument.activeElement === button.ownerDocument.body) button.focus({ preventScroll: true });
    }
  }
}
