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

.rt-microphone { display: flex; flex-direction: column; gap: 8px; padding: 4px 2px; }
.rt-controls { display: flex; flex-wrap: wrap; align-items: center; gap: 8px; }
.rt-destination { overflow-wrap: anywhere; }
.rt-notice { align-self: start; padding: 6px 10px; border: 1px solid var(--rt-line); border-inline-start: 4px solid var(--rt-accent); border-radius: 4px; }

.rt-button {
  display: inline-flex; align-items: center; justify-content: center; gap: 0.5em;
  min-height: 40px; padding: 0 18px; margin: 0;
  border: 1px solid var(--rt-line); border-radius: 6px;
  background: var(--rt-ground); color: var(--rt-text);
  font: inherit; font-weight: 600; cursor: pointer;
}
.rt-button:hover:enabled { background: var(--rt-hover); }
.rt-button:focus-visible { outline: 3px solid var(--rt-focus); outline-offset: 2px; box-shadow: 0 0 0 2px var(--rt-ground); }
.rt-button:disabled { opacity: 0.55; cursor: default; }
.rt-primary { min-height: 48px; min-width: 116px; font-size: 1.2em; }
.rt-secondary { min-height: 48px; min-width: 116px; }
.rt-dismiss { min-height: 28px; padding: 0 10px; margin-inline-start: 6px; font-weight: 400; }
.rt-button[data-action="start"] { border-color: #5b9bd8; background: var(--rt-accent); color: #fff; }
.rt-button[data-action="start"]:hover:enabled { background: var(--rt-accent-hover); }
/* Signs drawn with borders: they survive forced colours and are no part of the button's name. */
.rt-button[data-action]::before { content: ""; box-sizing: border-box; width: 0.7em; height: 0.7em; border: 0.4em solid; }
.rt-button[data-action="start"]::before { border-radius: 50%; }
.rt-button[data-action="stop"]::before { border-radius: 1px; color: var(--rt-error); }
.rt-button[data-action="pause"]::before { border-width: 0 0.22em; }
.rt-button[data-label="Resume"]::before { border-radius: 0; border-width: 0.35em 0 0.35em 0.6em; border-color: transparent transparent transparent currentcolor; width: 0; height: 0; }

.rt-status { flex: 1 1 16em; min-height: 1.5em; color: var(--rt-text); font-variant-numeric: tabular-nums; }
.rt-status:has(.rt-status-text:not(:empty))::before {
  content: ""; display: inline-block; box-sizing: border-box; width: 0.7em; height: 0.7em; margin-inline-end: 0.5em;
  border: 2px solid var(--rt-quiet); border-radius: 50%;
}
.rt-magic:is([data-state="opening"], [data-state="connecting"], [data-state="reconnecting"], [data-state="draining"]) .rt-status::before { border-style: dotted; }
.rt-magic[data-state="listening"] .rt-status::before { border: 0.4em solid var(--rt-live); }
.rt-error {
  padding: 8px 12px; border: 1px solid var(--rt-error); border-inline-start-width: 4px; border-radius: 4px;
  color: var(--rt-text); overflow-wrap: anywhere; white-space: pre-line;
}
.rt-error::before { content: "!"; margin-inline-end: 0.6em; color: var(--rt-error); font-weight: 700; }

.rt-view { padding: 4px 2px; }
.rt-placeholder, .rt-waiting { color: var(--rt-quiet); }
.rt-log { max-height: min(22rem, 55vh); overflow-y: auto; overflow-anchor: none; scrollbar-gutter: stable; }
.rt-log:focus-visible { outline: 2px solid var(--rt-focus); outline-offset: 2px; }
.rt-view .rt-segment { margin: 0; padding: 2px 0; padding-inline-start: 3.8em; overflow-wrap: anywhere; }
.rt-time { display: inline-block; min-width: 3.5em; margin-inline-start: -3.8em; color: var(--rt-quiet); font-variant-numeric: tabular-nums; }
.rt-speaker { font-weight: 600; }
.rt-segment[data-final="false"] .rt-text { color: var(--rt-quiet); font-style: italic; }
.rt-segment[data-final="false"] .rt-text::after { content: " …"; }
.rt-failed { color: var(--rt-error); }
`;

/**
 * Add the style of both widgets to a document, once.
 * @param {Document} document
 */
export function addStyle(document) {
  const known = document.getElementById(ID);
  const style = known ?? document.createElement("style");
  if (style.textContent !== STYLE) style.textContent = STYLE;
  if (known) return;
  style.id = ID;
  document.head.append(style);
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
