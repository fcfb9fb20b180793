import { element, treeOf } from "./elements.js";
import { CONTROLS } from "./style_controls.js";
import { VIEW } from "./style_view.js";

const ID = "rt-magic-style";

/** JupyterLab's variables where they are, so that its themes are followed; else colours that fit any page. */
const STYLE = `
.rt-microphone, .rt-view {
  --rt-text: var(--jp-content-font-color1, CanvasText);
  --rt-quiet: var(--jp-content-font-color2, color-mix(in srgb, CanvasText 72%, Canvas));
  --rt-line: var(--jp-border-color1, color-mix(in srgb, CanvasText 28%, Canvas));
  --rt-ground: var(--jp-layout-color1, Canvas);
  --rt-hover: var(--jp-layout-color2, color-mix(in srgb, CanvasText 8%, Canvas));
  --rt-accent: #0b62b8;
  --rt-accent-hover: #09519a;
  --rt-focus: light-dark(#0b62b8, #6cb2ff);
  --rt-live: #c62828;
  --rt-link: var(--jp-content-link-color, LinkText);
  --rt-level: light-dark(#1b7f3b, #4cc26d);
  --rt-level-high: light-dark(#b26a00, #ffb74d);
  --rt-level-over: light-dark(#c62828, #ff8a80);
  --rt-unlit: color-mix(in srgb, var(--rt-text) 16%, var(--rt-ground));
  --rt-error: light-dark(#b3261e, #ff8a80);
  box-sizing: border-box;
  width: auto;
  overflow: visible;
  color: var(--rt-text);
  font-family: var(--jp-content-font-family, system-ui, sans-serif);
  font-size: var(--jp-content-font-size1, 14px);
  line-height: 1.5;
}
[data-jp-theme-light="true"] :is(.rt-microphone, .rt-view) { color-scheme: light; }
[data-jp-theme-light="false"] :is(.rt-microphone, .rt-view) { color-scheme: dark; }
:is(.rt-microphone, .rt-view) [hidden] { display: none !important; }
:is(.rt-microphone, .rt-view) p { margin: 0; }

${CONTROLS}
${VIEW}`;

/**
 * Add the style of both widgets to the tree that an element is in, once.
 * @param {Element} el
 */
export function addStyle(el) {
  const tree = treeOf(el);
  const known = tree.getElementById(ID);
  const style = known ?? element("style", "");
  if (style.textContent !== STYLE) style.textContent = STYLE;
  if (known) return;
  style.id = ID;
  (tree instanceof Document ? tree.head : tree).append(style);
}

/**
 * Hide the static twin of a transcript. The number of live views is kept in the page itself: each model has a
 * copy of this module.
 * @param {Document} document
 * @param {string} twin class of the twin
 * @returns {() => void} shows it again with the last view
 */
export function hideTwin(document, twin) {
  if (!twin) return () => {};
  const id = `rt-hides-${twin}`;
  let style = document.getElementById(id);
  if (!style) {
    style = document.createElement("style");
    style.id = id;
    style.textContent = `.${CSS.escape(twin)} { display: none; }`;
    document.head.append(style);
  }
  const { dataset } = style;
  dataset.views = String(Number(dataset.views ?? 0) + 1);
  return () => {
    dataset.views = String(Number(dataset.views) - 1);
    if (dataset.views === "0") style.remove();
  };
}
