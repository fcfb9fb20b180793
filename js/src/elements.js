/**
 * An element with a class, properties and children.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} name
 * @param {Record<string, string | number | boolean>} [properties]
 * @param {(Node | string)[]} children
 */
export function element(tag, name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  if (name) made.className = name;
  made.append(...children);
  return made;
}

/**
 * The tree that an element is in: its document or, as in marimo, a shadow root, which has its own style and focus.
 * @param {Element} el
 * @returns {Document | ShadowRoot}
 */
export function treeOf(el) {
  const root = el.getRootNode();
  return root instanceof ShadowRoot ? root : el.ownerDocument;
}

/** @param {Node} node @param {string} text written only when it differs */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** @param {Element} node @param {string} name @param {string | null} value written only when it differs; null: none */
export function attribute(node, name, value) {
  if (node.getAttribute(name) === value) return;
  if (value === null) node.removeAttribute(name);
  else node.setAttribute(name, value);
}

/** Lines of 16 by 16 units, drawn in the colour of the text. */
const ICONS = {
  search: "M7 2.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9M10.5 10.5L14 14",
  mark: "M4 14.5V2M4 2.5h8.5l-2.5 3l2.5 3H4",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  save: "M8 2v8.5M4.5 7L8 10.5L11.5 7M2.5 13.5h11",
  audience: "M1.5 3h13v10h-13zM4 9.2h3.5M9 9.2h3M4 11h5.5",
  screen: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  up: "M3.5 10L8 5.5L12.5 10",
  down: "M3.5 6L8 10.5L12.5 6",
  newest: "M8 2v9.5M4 8l4 4l4-4",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
};

/** @param {keyof typeof ICONS} name */
function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "rt-icon");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * A quiet button: an icon and, unless `bare`, its name beside it.
 * @param {string} name
 * @param {keyof typeof ICONS | null} sign
 * @param {() => void} act
 * @param {{ signal: AbortSignal, bare?: boolean, title?: string }} options
 */
export function tool(name, sign, act, { signal, bare = false, title = "" }) {
  const made = element("button", "rt-tool", { type: "button", title: title || (bare ? name : "") });
  if (sign) made.append(icon(sign));
  if (bare) made.setAttribute("aria-label", name);
  else made.append(element("span", "rt-name", {}, name));
  made.addEventListener("click", act, { signal });
  return made;
}

/** Keeps keys for the element that has the focus: JupyterLab's shortcuts would take letters, arrows and Enter. @param {HTMLElement} node */
export function keepKeys(node) {
  node.setAttribute("data-lm-suppress-shortcuts", "true");
}
