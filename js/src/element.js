/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} name
 * @param {Record<string, string | number | boolean>} [properties]
 * @param {(Node | string)[]} children
 */
export function element(tag, name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), { className: name }, properties);
  made.append(...children);
  return made;
}

/** @param {HTMLElement} node @param {string} text written only when it differs, so that it is read aloud once */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
