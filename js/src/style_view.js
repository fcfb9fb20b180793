/** Colours of up to eight speakers: light and dark, each readable on JupyterLab's grounds. */
const VOICES = [
  ["#0b62b8", "#7db8ff"],
  ["#a1390e", "#ffab7d"],
  ["#1b6e3c", "#7fd6a0"],
  ["#7a3aa8", "#d3a6f5"],
  ["#8a5a00", "#f0c060"],
  ["#00697a", "#6fd3e3"],
  ["#a8226b", "#ff9ac9"],
  ["#4d5b00", "#c4d36a"],
];

/** What a transcript looks like. */
export const VIEW = `
.rt-view {
  --rt-mark: light-dark(#8a5a00, #f0c060);
  --rt-unsure: light-dark(#fff0c9, #453a1c);
  display: flex; flex-direction: column; flex: 1 1 auto; min-width: 0; padding: 4px 2px; container-type: inline-size;
}
.rt-placeholder, .rt-waiting { color: var(--rt-quiet); }

.rt-toolbar { margin-bottom: 4px; border-bottom: 1px solid var(--rt-line); padding-bottom: 4px; }
.rt-bar { display: flex; flex-wrap: wrap; align-items: center; gap: 0 12px; }
.rt-tools { display: flex; flex-wrap: wrap; gap: 2px; margin-inline-start: -8px; }
.rt-tool {
  display: inline-flex; align-items: center; gap: 6px; min-height: 28px; min-width: 28px; justify-content: center; padding: 0 8px; margin: 0;
  border: 1px solid transparent; border-radius: 4px; background: none; color: var(--rt-quiet-strong); font: inherit; font-size: 0.93em; cursor: pointer;
}
.rt-view { --rt-quiet-strong: var(--jp-ui-font-color1, CanvasText); }
.rt-tool:hover { background: var(--rt-hover); color: var(--rt-text); }
.rt-tool:is([aria-pressed="true"], [aria-expanded="true"]) { background: var(--rt-hover); border-color: var(--rt-line); color: var(--rt-text); }
.rt-view :is(.rt-tool, .rt-time, .rt-query, .rt-edit, .rt-log, [data-sid]):focus-visible { outline: 2px solid var(--rt-focus); outline-offset: 1px; }
.rt-view .rt-log:focus-visible { outline-offset: -2px; border-radius: 4px; }
.rt-icon { width: 15px; height: 15px; flex: none; fill: none; stroke: currentcolor; stroke-width: 1.5; stroke-linecap: round; stroke-linejoin: round; }
.rt-note { flex: 1 1 8em; min-width: 0; color: var(--rt-quiet); font-size: 0.93em; overflow-wrap: anywhere; }
.rt-row { display: flex; flex-wrap: wrap; align-items: center; gap: 4px; padding-top: 4px; }
.rt-row .rt-tool:not([aria-label]) { border-color: var(--rt-line); }
.rt-label, .rt-count { color: var(--rt-quiet); font-size: 0.93em; font-variant-numeric: tabular-nums; }
.rt-count { min-width: 6em; padding: 0 4px; }
.rt-query {
  box-sizing: border-box; flex: 0 1 22em; min-width: 8em; min-height: 28px; padding: 0 8px; border: 1px solid var(--rt-quiet); border-radius: 4px;
  background: var(--rt-ground); color: var(--rt-text); font: inherit;
}
.rt-query::-webkit-search-cancel-button { display: none; }
.rt-query::placeholder { color: var(--rt-quiet); opacity: 1; }
@container (max-width: 26em) { .rt-tools .rt-name { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; } }

.rt-scroll { position: relative; display: flex; flex-direction: column; min-height: 0; flex: 0 1 auto; }
.rt-log { max-height: min(22rem, 55vh); overflow-y: auto; scrollbar-gutter: stable; position: relative; }
.rt-view[style*="width"] { flex: 0 0 auto; }
.rt-view[style*="height"] > .rt-scroll { flex: 1 1 0; }
.rt-view[style*="height"] .rt-log { max-height: none; flex: 1 1 0; }
.rt-block { contain: content; }
.rt-long .rt-block:not(:last-child) { content-visibility: auto; contain-intrinsic-size: auto 1400px; }
.rt-newest {
  position: absolute; inset-block-end: 8px; inset-inline: 0; margin-inline: auto; width: fit-content;
  border: 1px solid var(--rt-line); border-radius: 14px; background: var(--rt-ground); color: var(--rt-text); box-shadow: 0 1px 4px rgb(0 0 0 / 25%);
}
.rt-newest:hover { background: var(--rt-hover); }
.rt-unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }

.rt-view [data-sid] {
  margin: 0; padding-block: 2px; padding-inline: calc(4.3em - 3px) 6px; border-inline-start: 3px solid transparent; overflow-wrap: anywhere; min-height: 24px;
}
.rt-time {
  display: inline-block; box-sizing: border-box; min-width: 3.6em; min-height: 24px; margin: 0; margin-inline-start: -4em; padding: 0 4px;
  border: 0; border-radius: 4px; background: none; color: var(--rt-quiet); font: inherit; font-variant-numeric: tabular-nums; text-align: start; cursor: pointer;
}
.rt-time:disabled { cursor: default; }
.rt-time:enabled:hover { background: var(--rt-hover); color: var(--rt-text); text-decoration: underline; }
[data-sid]:hover > .rt-time:enabled { text-decoration: underline; text-underline-offset: 3px; }
[data-playing] > .rt-time { background: var(--rt-hover); color: var(--rt-text); font-weight: 600; }
[data-playing] > .rt-time::before { content: "▸"; }
.rt-speaker { font-weight: 600; }
${VOICES.map(([light, dark], n) => `[data-voice="${n}"] { --rt-voice: light-dark(${light}, ${dark}); }`).join("\n")}
[data-voice] > .rt-speaker { color: var(--rt-voice); }
.rt-view [data-voice] { border-inline-start-color: var(--rt-voice); }
.rt-segment[data-final="false"] .rt-text { color: var(--rt-quiet); }
.rt-segment[data-final="false"] .rt-text::after { content: " …"; }
[data-sure] > .rt-text { text-decoration: underline dotted 1px var(--rt-quiet); text-underline-offset: 3px; }
[data-sure="low"] > .rt-text { background: var(--rt-unsure); text-decoration-thickness: 2px; }
.rt-sure { color: var(--rt-quiet); font-size: 0.85em; font-variant-numeric: tabular-nums; white-space: nowrap; }
.rt-failed { color: var(--rt-error); }
.rt-mark > .rt-text { color: var(--rt-mark); font-weight: 600; }
.rt-mark > .rt-text::before { content: "⚑ "; }
[data-sid]:has(.rt-edit) > :is(.rt-sure, .rt-failed) { display: none; }
.rt-edit {
  display: block; box-sizing: border-box; width: 100%; margin: 0; padding: 1px 4px; border: 1px solid var(--rt-focus); border-radius: 4px; resize: none; overflow: hidden;
  background: var(--rt-ground); color: var(--rt-text); font: inherit; line-height: inherit;
}
::highlight(rt-found) { background: #ffe082; color: #000; }
::highlight(rt-found-now) { background: #ff9800; color: #000; text-decoration: underline 2px; }

.rt-next { display: flex; flex-wrap: wrap; align-items: center; gap: 4px; padding-top: 6px; color: var(--rt-quiet); }
.rt-view .rt-code { padding: 1px 6px; border-radius: 4px; background: var(--rt-hover); color: var(--rt-text); font-family: var(--jp-code-font-family, monospace); font-size: var(--jp-code-font-size, 13px); }

.rt-audience {
  box-sizing: border-box; min-height: calc(2 * 1.4 * var(--rt-caption-size, 28px) + 32px); padding: 16px 24px; border: 1px solid var(--rt-line); border-radius: 6px; background: #101418; color: #fff;
  display: flex; flex-direction: column; justify-content: flex-end;
}
.rt-view .rt-caption { margin: 0; min-height: 1.4em; font-size: var(--rt-caption-size, 28px); font-weight: 500; line-height: 1.4; overflow-wrap: anywhere; }
.rt-view:fullscreen { justify-content: flex-end; padding: 4vmin; background: #101418; --rt-quiet-strong: #d7dde3; --rt-quiet: #d7dde3; --rt-text: #fff; --rt-hover: #2a3138; --rt-line: #56616b; }
.rt-view:fullscreen .rt-toolbar { order: 2; border: 0; }

@media (forced-colors: active) { .rt-tool, .rt-newest { border-color: ButtonText; } }
@media (prefers-reduced-motion: no-preference) { .rt-tool, .rt-time { transition: background-color 0.1s; } }
`;
