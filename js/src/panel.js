/**
 * @typedef {ReturnType<typeof import("./controls.js").arrange>} Arranged
 * @typedef {Arranged & { destination: string, notice: string, composed: boolean }} Shown
 * @typedef {"start" | "pause" | "stop" | "dismiss"} Action
 */

/** @type {Record<import("./controls.js").Button["label"], Action>} */
const ACTIONS = { Start: "start", Resume: "start", Pause: "pause", Stop: "stop" };

let panels = 0;

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} name
 * @param {Partial<HTMLElementTagNameMap[T]>} [properties]
 * @param {(Node | string)[]} children
 */
function element(tag, name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), { className: name }, properties);
  made.append(...children);
  return made;
}

/** @param {HTMLElement} node @param {string} text written only when it differs, so that it is read aloud once */
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Draws the controls of one view of the microphone. */
export class Panel {
  #el;
  #destination = element("p", "rt-destination");
  #notice = element("span", "rt-notice-text");
  #primary = element("button", "rt-button rt-primary", { type: "button" });
  #secondary = element("button", "rt-button rt-secondary", { type: "button" });
  #status = element("span", "rt-status-text");
  #wait = element("span", "rt-wait");
  #error = element("p", "rt-error", { hidden: true });
  /** @type {HTMLElement} */
  #noticeLine;
  /** @type {Shown | null} */
  #shown = null;
  /** @type {HTMLButtonElement | null} the button that had the focus when it was disabled */
  #focused = null;

  /**
   * @param {HTMLElement} el
   * @param {(action: Action) => void} act
   * @param {AbortSignal} signal
   */
  constructor(el, act, signal) {
    this.#el = el;
    const dismiss = element("button", "rt-button rt-dismiss", { type: "button" }, "Dismiss");
    this.#noticeLine = element("p", "rt-notice", { hidden: true }, this.#notice, " ", dismiss);
    const status = element("p", "rt-status", {}, this.#status, this.#wait);
    this.#destination.id = `rt-destination-${(panels += 1)}-${Date.now().toString(36)}`;
    this.#primary.setAttribute("aria-describedby", this.#destination.id);
    this.#wait.setAttribute("aria-hidden", "true");
    status.setAttribute("role", "status");
    this.#error.setAttribute("role", "alert");
    el.classList.add("rt-microphone");
    el.replaceChildren(
      this.#destination,
      element("div", "rt-controls", {}, this.#primary, this.#secondary, status),
      this.#noticeLine,
      this.#error,
    );
    for (const button of [this.#primary, this.#secondary]) {
      // The second half of a double click would undo the first.
      button.addEventListener("click", (event) => event.detail < 2 && act(/** @type {Action} */ (button.dataset.action)), { signal });
    }
    dismiss.addEventListener("click", () => act("dismiss"), { signal });
    // The root is found only once this element is in the page.
    const observer = new ResizeObserver(() => this.#mark());
    observer.observe(el);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  }

  /** @param {Shown} shown */
  draw(shown) {
    this.#shown = shown;
    this.#button(this.#primary, shown.primary);
    this.#button(this.#secondary, shown.secondary);
    write(this.#destination, shown.destination);
    write(this.#notice, shown.notice);
    this.#noticeLine.hidden = !shown.notice;
    write(this.#status, shown.status);
    write(this.#wait, shown.wait);
    write(this.#error, shown.error);
    this.#error.hidden = !shown.error;
    this.#mark();
  }

  #mark() {
    if (!this.#shown) return;
    const { composed, state } = this.#shown;
    this.#el.classList.toggle("rt-magic", !composed);
    const root = this.#el.closest(".rt-magic");
    if (root instanceof HTMLElement && root.dataset.state !== state) root.dataset.state = state;
  }

  /**
   * @param {HTMLButtonElement} button
   * @param {import("./controls.js").Button | null} wanted
   */
  #button(button, wanted) {
    const enabled = Boolean(wanted?.enabled);
    if (!enabled && button.ownerDocument.activeElement === button) {
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
