// Generated from js/src (sha256 22f0d6780d168dbd6ebcb2ac03b6e1cca1028976aeacee0503ab83a35fbca8cd); edit there, then: npm --prefix js run build

// src/kernel_gone.js
var kernelGone = (layout) => (
  /** @type {{ comm_live?: boolean } | undefined} */
  layout?.comm_live === false
);

// src/lines.js
var VOICES = 8;
var Lines = class {
  /** Of the last state that is known without a gap; -1 before the first snapshot. */
  revision = -1;
  /** All patches from `#since` to `#latest` have come; what lies between `revision` and them has not. */
  #since = 0;
  #latest = -1;
  /** @type {Map<string, { revision: number, segment: Segment | null }>} what those patches have changed, by line */
  #early = /* @__PURE__ */ new Map();
  /** @type {Map<string, Segment & { n: number }>} `n` keeps the order of arrival among equal `at` */
  #known = /* @__PURE__ */ new Map();
  /** @type {(Segment & { n: number })[]} */
  #sorted = [];
  #n = 0;
  /** @type {Map<string, number>} */
  #voices = /* @__PURE__ */ new Map();
  /** A revision is missing: a snapshot is needed. */
  get missing() {
    return this.revision < 0 || this.#latest > this.revision;
  }
  /** A line. @param {string} sid @returns {Segment | undefined} */
  get(sid) {
    return this.#known.get(sid);
  }
  /**
   * The number of a speaker, from 0, in the order in which they were first heard; 0 for nobody.
   * @param {string | null} speaker
   */
  voice(speaker) {
    if (!speaker) return 0;
    const voice = this.#voices.get(speaker) ?? this.#voices.size;
    this.#voices.set(speaker, voice);
    return voice % VOICES;
  }
  /** All lines, in order. @returns {Segment[]} */
  get all() {
    return this.#sorted;
  }
  /**
   * Take over a whole transcript. An older one than the known is passed over, unless it is another transcript's.
   * @param {Partial<Snapshot>} snapshot
   * @returns {Changes}
   */
  snapshot({ revision, segments, reset = false }) {
    if (revision === void 0 || !segments || !reset && revision < this.revision) return { upsert: [], remove: [] };
    if (reset) {
      this.#early.clear();
      this.#voices.clear();
    }
    const early = [...this.#early].filter(([, change]) => change.revision > revision);
    const segmentsNow = new Map(segments.map((segment) => [segment.sid, segment]));
    for (const [sid, { segment }] of early) {
      if (segment) segmentsNow.set(sid, segment);
      else segmentsNow.delete(sid);
    }
    const gone = [...this.#known.keys()].filter((sid) => !segmentsNow.has(sid));
    const closed = reset || this.#since <= revision + 1;
    this.revision = closed && !reset ? Math.max(revision, this.#latest) : revision;
    if (closed) {
      this.#latest = this.revision;
      this.#early.clear();
    }
    return this.#apply([...segmentsNow.values()], gone);
  }
  /**
   * Take over what has changed; what is known already is passed over. After a gap the lines are taken over as
   * well, since each is whole, and `missing` is true until a snapshot has closed it.
   * @param {Patch} patch
   * @returns {Changes}
   */
  patch({ revision, upsert, remove }) {
    if (revision <= Math.max(this.revision, this.#latest)) return { upsert: [], remove: [] };
    if (!this.missing && revision === this.revision + 1) this.revision = revision;
    else {
      if (!this.missing || revision !== this.#latest + 1) this.#since = revision;
      for (const sid of remove) this.#early.set(sid, { revision, segment: null });
      for (const segment of upsert) this.#early.set(segment.sid, { revision, segment });
    }
    this.#latest = revision;
    return this.#apply(upsert, remove);
  }
  /**
   * The line after a known one.
   * @param {string} sid
   */
  next(sid) {
    const segment = this.#known.get(sid);
    return segment && this.#sorted[this.#index(segment) + 1];
  }
  /** @param {Segment[]} upsert @param {string[]} remove @returns {Changes} */
  #apply(upsert, remove) {
    const removed = remove.filter((sid) => {
      const segment = this.#known.get(sid);
      if (segment) this.#take(segment);
      return this.#known.delete(sid);
    });
    const changed = /* @__PURE__ */ new Set();
    for (const segment of upsert) {
      const known = this.#known.get(segment.sid);
      if (known && same(known, segment)) continue;
      if (known) this.#take(known);
      const line = { ...segment, n: known?.n ?? this.#n++ };
      this.#known.set(line.sid, line);
      this.#sorted.splice(this.#index(line), 0, line);
      this.voice(line.speaker);
      changed.add(line.sid);
    }
    return { upsert: this.#inOrder(changed), remove: removed };
  }
  /** @param {Set<string>} sids */
  #inOrder(sids) {
    return [...sids].flatMap((sid) => this.#known.get(sid) ?? []).sort(before);
  }
  /** @param {Segment & { n: number }} line */
  #take(line) {
    this.#sorted.splice(this.#index(line), 1);
  }
  /** Where a line is, or would be. @param {Segment & { n: number }} line */
  #index(line) {
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = low + high >> 1;
      if (before(
        /** @type {any} */
        this.#sorted[middle],
        line
      ) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
};
var before = (a, b) => a.at - b.at || a.n - b.n;
function same(a, b) {
  return (
    /** @type {(keyof Segment)[]} */
    Object.keys(b).every((key) => a[key] === b[key])
  );
}

// src/random_name.js
var randomName = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");

// src/elements.js
function element(tag, name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  if (name) made.className = name;
  made.append(...children);
  return made;
}
function treeOf(el) {
  const root = el.getRootNode();
  return root instanceof ShadowRoot ? root : el.ownerDocument;
}
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
function attribute(node, name, value) {
  if (node.getAttribute(name) === value) return;
  if (value === null) node.removeAttribute(name);
  else node.setAttribute(name, value);
}
var ICONS = {
  search: "M7 2.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9M10.5 10.5L14 14",
  mark: "M4 14.5V2M4 2.5h8.5l-2.5 3l2.5 3H4",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  save: "M8 2v8.5M4.5 7L8 10.5L11.5 7M2.5 13.5h11",
  audience: "M1.5 3h13v10h-13zM4 9.2h3.5M9 9.2h3M4 11h5.5",
  screen: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  up: "M3.5 10L8 5.5L12.5 10",
  down: "M3.5 6L8 10.5L12.5 6",
  newest: "M8 2v9.5M4 8l4 4l4-4",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9"
};
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
function tool(name, sign, act, { signal, bare = false, title = "" }) {
  const made = element("button", "rt-tool", { type: "button", title: title || (bare ? name : "") });
  if (sign) made.append(icon(sign));
  if (bare) made.setAttribute("aria-label", name);
  else made.append(element("span", "rt-name", {}, name));
  made.addEventListener("click", act, { signal });
  return made;
}
function keepKeys(node) {
  node.setAttribute("data-lm-suppress-shortcuts", "true");
}

// src/style_controls.js
var CONTROLS = `
.rt-microphone { display: flex; flex-direction: column; gap: 6px; padding: 4px 2px; }
.rt-controls { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 14px; margin-top: 2px; }
.rt-destination { overflow-wrap: anywhere; color: var(--rt-quiet); }
.rt-notice { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 14px; align-self: start; padding: 6px 10px; border: 1px solid var(--rt-line); border-inline-start: 4px solid var(--rt-accent); border-radius: 4px; }

.rt-button {
  display: inline-flex; align-items: center; justify-content: center; gap: 0.5em;
  min-height: 40px; padding: 0 18px; margin: 0;
  border: 1px solid var(--rt-line); border-radius: 6px;
  background: var(--rt-ground); color: var(--rt-text);
  font: inherit; font-weight: 600; cursor: pointer;
}
.rt-button:hover:enabled { background: var(--rt-hover); }
.rt-microphone :is(button, a, select, input):focus-visible { outline: 3px solid var(--rt-focus); outline-offset: 2px; box-shadow: 0 0 0 2px var(--rt-ground); }
.rt-button:disabled { opacity: 0.55; cursor: default; }
/* The width of the longest name, so that nothing moves when it changes. */
.rt-primary { min-height: 48px; width: 122px; padding: 0; font-size: 1.2em; }
.rt-secondary { min-height: 48px; width: 116px; padding: 0; }
.rt-controls:not(.rt-alone) .rt-secondary[hidden] { display: inline-flex !important; visibility: hidden; }
.rt-dismiss, .rt-better-button { min-height: 30px; padding: 0 10px; font-weight: 400; }
.rt-button[data-action="start"] { border-color: #5b9bd8; background: var(--rt-accent); color: #fff; }
.rt-button[data-action="start"]:hover:enabled { background: var(--rt-accent-hover); }
/* Signs drawn with borders: they survive forced colours and are no part of the button's name. */
.rt-button[data-action]::before { content: ""; box-sizing: border-box; width: 0.7em; height: 0.7em; border: 0.4em solid; }
.rt-button[data-action="start"]::before { border-radius: 50%; }
.rt-button[data-action="stop"]::before { border-radius: 1px; color: var(--rt-error); }
.rt-button[data-action="pause"]::before { border-width: 0 0.22em; }
.rt-button[data-label="Resume"]::before { border-radius: 0; border-width: 0.35em 0 0.35em 0.6em; border-color: transparent transparent transparent currentcolor; width: 0; height: 0; }

.rt-gauge { display: flex; align-items: center; gap: 12px; font-variant-numeric: tabular-nums; }
.rt-elapsed { min-width: 3.1ch; font-size: 1.7em; line-height: 48px; text-align: end; }
.rt-gauge-side { display: flex; flex-direction: column; justify-content: center; gap: 3px; width: 180px; height: 48px; }
.rt-sent { height: 1.3em; color: var(--rt-quiet); font-size: 0.85em; line-height: 1.3; }
/* Thirty lamps: the colours stand still and a cover moves over them, so that only a transform changes. */
.rt-meter {
  position: relative; overflow: hidden; height: 12px; border-radius: 2px; forced-color-adjust: none;
  background: linear-gradient(to right, var(--rt-level) 0 70%, var(--rt-level-high) 70% 90%, var(--rt-level-over) 90%);
  mask: repeating-linear-gradient(to right, #000 0 4px, transparent 4px 6px);
}
.rt-meter-cover { position: absolute; inset: 0; background: var(--rt-unlit); will-change: transform; }

.rt-settings-button { min-height: 36px; max-width: min(21em, 100%); margin-inline-start: auto; padding: 0 12px; font-weight: 400; }
.rt-settings-button::after { content: ""; flex: none; width: 0.45em; height: 0.45em; margin-top: -0.25em; border: solid; border-width: 0 2px 2px 0; transform: rotate(45deg); }
.rt-settings-button[aria-expanded="true"]::after { margin-top: 0.2em; transform: rotate(225deg); }
.rt-device-name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.rt-settings { display: flex; flex-wrap: wrap; gap: 10px 28px; align-items: center; padding: 10px 12px; border: 1px solid var(--rt-line); border-radius: 6px; }
.rt-picker-label { display: inline-flex; align-items: center; gap: 10px; min-width: 0; max-width: 100%; }
.rt-picker {
  min-height: 32px; min-width: 0; max-width: 22em; padding: 0 6px; border: 1px solid var(--rt-line); border-radius: 4px;
  background: var(--rt-ground); color: var(--rt-text); font: inherit;
}
.rt-switches { display: flex; flex-wrap: wrap; gap: 6px 20px; }
.rt-switch-label { display: inline-flex; align-items: center; gap: 7px; min-height: 28px; cursor: pointer; }
.rt-switch { width: 16px; height: 16px; margin: 0; accent-color: var(--rt-accent); }
.rt-hint { flex-basis: 100%; color: var(--rt-quiet); font-size: 0.9em; }

.rt-status { min-height: 1.5em; width: 100%; color: var(--rt-text); font-variant-numeric: tabular-nums; }
.rt-status::before {
  content: ""; display: inline-block; box-sizing: border-box; width: 0.7em; height: 0.7em; margin-inline-end: 0.5em;
  border: 2px solid var(--rt-quiet); border-radius: 50%;
}
.rt-magic:is([data-state="opening"], [data-state="connecting"], [data-state="reconnecting"], [data-state="draining"]) .rt-status::before { border-style: dotted; }
.rt-magic[data-state="listening"] .rt-status::before { border: 0.4em solid var(--rt-live); }
/* The error stands in its place. */
.rt-magic[data-state="error"] .rt-status:not(:has(:not(:empty))) { min-height: 0; height: 0; margin-top: -6px; overflow: hidden; }
.rt-error {
  padding: 8px 12px; border: 1px solid var(--rt-error); border-inline-start-width: 4px; border-radius: 4px;
  color: var(--rt-text); overflow-wrap: anywhere; white-space: pre-line;
}
.rt-error::before { content: "!"; margin-inline-end: 0.6em; color: var(--rt-error); font-weight: 700; }
.rt-microphone a { color: var(--rt-link); text-decoration: underline; }
.rt-better { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 10px; min-height: 30px; }
.rt-progress { width: 160px; height: 10px; accent-color: var(--rt-accent); }
`;

// src/style_view.js
var VOICES2 = [
  ["#0b62b8", "#7db8ff"],
  ["#a1390e", "#ffab7d"],
  ["#1b6e3c", "#7fd6a0"],
  ["#7a3aa8", "#d3a6f5"],
  ["#8a5a00", "#f0c060"],
  ["#00697a", "#6fd3e3"],
  ["#a8226b", "#ff9ac9"],
  ["#4d5b00", "#c4d36a"]
];
var VIEW = `
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
${VOICES2.map(([light, dark], n) => `[data-voice="${n}"] { --rt-voice: light-dark(${light}, ${dark}); }`).join("\n")}
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

// src/style.js
var ID = "rt-magic-style";
var STYLE = `
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
function addStyle(el) {
  const tree = treeOf(el);
  const known = tree.getElementById(ID);
  const style = known ?? element("style", "");
  if (style.textContent !== STYLE) style.textContent = STYLE;
  if (known) return;
  style.id = ID;
  (tree instanceof Document ? tree.head : tree).append(style);
}
function hideTwin(document2, twin) {
  if (!twin) return () => {
  };
  const id = `rt-hides-${twin}`;
  let style = document2.getElementById(id);
  if (!style) {
    style = document2.createElement("style");
    style.id = id;
    style.textContent = `.${CSS.escape(twin)} { display: none; }`;
    document2.head.append(style);
  }
  const { dataset } = style;
  dataset.views = String(Number(dataset.views ?? 0) + 1);
  return () => {
    dataset.views = String(Number(dataset.views) - 1);
    if (dataset.views === "0") style.remove();
  };
}

// src/captions.js
var ROWS = 2;
var WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]/u;
var width = (text) => [...text].reduce((sum, sign) => sum + (WIDE.test(sign) ? 2 : 1), 0);
function wrap(text, most) {
  const rows = [];
  let row = "";
  for (const unit of text.match(/\s*[\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff]|\s*[^\s\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff]+/gu) ?? []) {
    if (width(row + unit) <= most) row += row ? unit : unit.trimStart();
    else {
      if (row) rows.push(row);
      row = "";
      for (const sign of unit.trimStart()) {
        if (width(row + sign) > most) {
          rows.push(row);
          row = "";
        }
        row += sign;
      }
    }
  }
  return row ? [...rows, row] : rows;
}
function captions(segments, most) {
  let rows = [];
  const said = segments.filter(({ text, mark }) => text.trim() && !mark);
  for (let n = said.length - 1; n >= 0 && rows.length < ROWS; n -= 1) {
    const { text, speaker } = (
      /** @type {Segment} */
      said[n]
    );
    const named = speaker && speaker !== said[n - 1]?.speaker ? `${speaker}: ` : "";
    rows = [...wrap(named + text.trim(), most), ...rows];
  }
  return rows.slice(-ROWS);
}

// src/audience.js
var LEAST = 32;
var MOST = 42;
var SMALLEST = 28;
var LETTER = 0.56;
var Audience = class {
  el = element("div", "rt-audience", { hidden: true });
  #rows = [element("p", "rt-caption"), element("p", "rt-caption")];
  /** @type {import("./types.js").Segment[]} */
  #last = [];
  /** @param {AbortSignal} signal */
  constructor(signal) {
    this.el.setAttribute("aria-hidden", "true");
    for (const row of this.#rows) row.dir = "auto";
    this.el.append(...this.#rows);
    const observer = new ResizeObserver(() => this.#draw());
    observer.observe(this.el);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  }
  /** @param {import("./types.js").Segment[]} segments all lines, in order */
  update(segments) {
    this.#last = segments.slice(-8);
    if (!this.el.hidden) this.#draw();
  }
  #draw() {
    const wide = this.el.clientWidth - 48;
    if (wide <= 0) return;
    const letters = Math.max(LEAST, Math.min(MOST, Math.floor(wide / (SMALLEST * LETTER))));
    const size = Math.max(SMALLEST, Math.floor(wide / (letters * LETTER)));
    this.el.style.setProperty("--rt-caption-size", `${size}px`);
    const rows = captions(this.#last, letters);
    this.#rows.forEach((row, n) => write(row, rows[n] ?? ""));
  }
};

// src/handing_over.js
async function copy(text, page) {
  try {
    await page.defaultView?.navigator.clipboard.writeText(text);
    return true;
  } catch {
    const put = (event) => {
      event.preventDefault();
      event.stopImmediatePropagation();
      event.clipboardData?.setData("text/plain", text);
    };
    page.addEventListener("copy", put, { capture: true, once: true });
    const done = page.execCommand("copy");
    page.removeEventListener("copy", put, { capture: true });
    return done;
  }
}
function download(name, type, content, page) {
  const url = URL.createObjectURL(new Blob([
    /** @type {DataView<ArrayBuffer>} */
    content
  ], { type }));
  const link = Object.assign(page.createElement("a"), { href: url, download: name, hidden: true });
  page.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 1e4);
}

// src/editor.js
function correct(line, name, done, whole) {
  const words = (
    /** @type {HTMLElement} */
    line.querySelector(".rt-text")
  );
  if (line.querySelector(".rt-edit")) return;
  const before3 = words.textContent ?? "";
  const field = Object.assign(document.createElement("textarea"), { className: "rt-edit", value: before3, rows: 1, dir: "auto" });
  field.setAttribute("aria-label", name);
  let over = false;
  const end = (keep, back) => {
    if (over) return;
    over = true;
    const text = field.value.trim().replaceAll(/\s+/g, " ");
    field.remove();
    words.hidden = false;
    if (back) {
      line.tabIndex = -1;
      line.focus({ preventScroll: true });
    }
    if (keep && text !== before3.trim()) done(text);
  };
  const fit = () => {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight + 2}px`;
  };
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.isComposing || event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    end(event.key === "Enter", true);
  });
  field.addEventListener("input", fit);
  field.addEventListener("blur", () => end(true, false));
  words.hidden = true;
  words.after(field);
  fit();
  field.focus({ preventScroll: true });
  if (whole) field.select();
}

// src/plain_text.js
function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
function plainText(segments, times) {
  return segments.filter(({ final, error, mark, text }) => final && error === null && text.trim() && (times || !mark)).map(({ start, speaker, text, mark }) => {
    const time = times && start !== null ? `[${clock(start)}] ` : "";
    const said = text.trim().replaceAll(/\s+/g, " ");
    return mark ? `${time}(${said})` : `${time}${speaker ? `${speaker}: ` : ""}${said}`;
  }).join("\n");
}
function find(segments, query) {
  if (!query.trim()) return [];
  const wanted = new RegExp(query.trim().replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&").replaceAll(/\s+/g, "\\s+"), "giu");
  return segments.flatMap(
    ({ sid, text }) => [...text.matchAll(wanted)].map((match) => ({ sid, first: match.index, length: match[0].length }))
  );
}

// src/line.js
var LOW = 0.4;
var FAIR = 0.65;
var template;
function createLine(sid) {
  template ??= element(
    "p",
    "",
    {},
    element("button", "rt-time", { type: "button", tabIndex: -1, title: "Hear this line (Space)" }),
    " ",
    element("span", "rt-text")
  );
  const line = (
    /** @type {HTMLElement} */
    template.cloneNode(true)
  );
  line.dataset.sid = sid;
  return line;
}
function fill(line, { start, end, text, final, speaker, confidence, error, mark }, direction, voice) {
  const [time, words] = (
    /** @type {[HTMLButtonElement, HTMLElement]} */
    [line.children[0], line.querySelector(".rt-text")]
  );
  const settled = final && line.dataset.final === "false";
  const kind = mark ? "rt-mark" : "rt-segment";
  if (line.className !== kind) line.className = kind;
  if (line.dir !== direction) line.dir = direction;
  attribute(line, "aria-live", final ? null : "off");
  attribute(line, "data-final", String(final));
  attribute(line, "data-voice", speaker ? String(voice) : null);
  write(time, start === null ? "" : clock(start));
  time.hidden = start === null;
  time.disabled = !final || end === null;
  part(line, "rt-speaker", speaker ? `${speaker}: ` : "", words);
  rewrite(words, text, settled);
  part(line, "rt-failed", error ? `${text ? " " : ""}not transcribed: ${error}` : "", null);
  const sure = !final || mark || confidence === null || confidence >= FAIR ? null : confidence < LOW ? "low" : "fair";
  attribute(line, "data-sure", sure);
  part(line, "rt-sure", sure && ` ${Math.round((confidence ?? 0) * 100)} % sure`, null);
}
function rewrite(words, text, settled = false) {
  const known = words.firstChild;
  if (!(known instanceof Text) || words.childNodes.length > 1 || settled) {
    words.replaceChildren(text);
    return;
  }
  const { data } = known;
  if (data === text) return;
  let same2 = 0;
  while (same2 < data.length && data[same2] === text[same2]) same2 += 1;
  if (same2 && /[\ud800-\udbff]/.test(data[same2 - 1] ?? "")) same2 -= 1;
  known.replaceData(same2, data.length - same2, text.slice(same2));
}
function part(line, name, text, before3) {
  const known = line.querySelector(`.${name}`);
  if (!text) known?.remove();
  else if (known) write(known, text);
  else line.insertBefore(element("span", name, { dir: name === "rt-speaker" ? "auto" : "" }, text), before3);
}

// src/log.js
var NEAR_END = 24;
var BLOCK = 50;
var LONG = 2e3;
var AT_FIRST = 1e3;
var Log = class {
  el = element("div", "rt-scroll");
  #log = element("div", "rt-log", { tabIndex: 0 });
  #all = element("div", "rt-lines");
  #newest;
  /** @type {Map<string, HTMLElement>} */
  #lines = /* @__PURE__ */ new Map();
  #direction = "auto";
  #following = true;
  #top = 0;
  #act;
  /** @param {Actions} act @param {AbortSignal} signal */
  constructor(act, signal) {
    this.#act = act;
    const log = this.#log;
    log.setAttribute("role", "log");
    log.setAttribute("aria-label", "Transcript");
    log.setAttribute("aria-live", "off");
    setTimeout(() => log.removeAttribute("aria-live"), AT_FIRST);
    log.append(this.#all);
    this.#newest = tool("Jump to the newest", "newest", () => this.toEnd(), { signal });
    this.#newest.classList.add("rt-newest");
    this.#newest.hidden = true;
    this.el.append(log, this.#newest);
    keepKeys(this.el);
    log.addEventListener("scroll", () => this.#scrolled(), { signal, passive: true });
    log.addEventListener("click", (event) => this.#clicked(event), { signal });
    log.addEventListener("dblclick", (event) => this.#correct(
      /** @type {Element} */
      event.target.closest("[data-sid]")
    ), { signal });
    log.addEventListener("keydown", (event) => this.#key(event), { signal });
    const observer = new ResizeObserver(() => this.#follow());
    observer.observe(log);
    observer.observe(this.#all);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  }
  /** @param {string} direction */
  set direction(direction) {
    if (direction === this.#direction) return;
    this.#direction = direction;
    for (const line of this.#lines.values()) line.dir = direction;
  }
  get empty() {
    return this.#lines.size === 0;
  }
  /** Keep the lines for those who hear them, out of sight. @param {boolean} hidden */
  hide(hidden) {
    this.el.classList.toggle("rt-unseen", hidden);
    this.#log.tabIndex = hidden ? -1 : 0;
  }
  /** @param {string} sid */
  line(sid) {
    return this.#lines.get(sid);
  }
  /** @param {Changes} changes @param {Lines} lines that they have led to */
  update({ upsert, remove }, lines) {
    for (const sid of remove) {
      const line = this.#lines.get(sid);
      if (line) this.#take(line);
      this.#lines.delete(sid);
    }
    const many = this.#lines.size === 0 && upsert.length > BLOCK;
    if (many) this.#all.remove();
    try {
      this.#upsert(upsert, lines);
    } finally {
      if (many) this.#log.append(this.#all);
    }
    this.#log.classList.toggle("rt-long", this.#lines.size > LONG);
  }
  /** @param {Changes["upsert"]} upsert @param {Lines} lines */
  #upsert(upsert, lines) {
    for (const segment of upsert.toReversed()) {
      const known = this.#lines.get(segment.sid);
      const line = known ?? createLine(segment.sid);
      fill(line, segment, this.#direction, lines.voice(segment.speaker));
      const below = this.#lines.get(lines.next(segment.sid)?.sid ?? "");
      if (known && after(known) === below) continue;
      if (known) this.#take(known);
      this.#put(line, below);
      this.#lines.set(segment.sid, line);
    }
  }
  toEnd() {
    this.#following = true;
    this.#follow();
    if (treeOf(this.el).activeElement === this.#newest) this.#log.focus({ preventScroll: true });
    this.#newest.hidden = true;
  }
  /** Bring a place into sight. @param {string} sid @param {Range | null} range */
  show(sid, range) {
    const line = this.#lines.get(sid);
    if (!line) return;
    line.scrollIntoView({ block: "nearest" });
    const [shown, log] = [(range ?? line).getBoundingClientRect(), this.#log.getBoundingClientRect()];
    if (shown.top < log.top || shown.bottom > log.bottom) this.#log.scrollTop += shown.top - log.top - log.height / 2;
  }
  #follow() {
    const log = this.#log;
    if (this.#following) log.scrollTop = log.scrollHeight;
    this.#top = log.scrollTop;
    this.#newest.hidden = this.#following || log.scrollHeight - log.clientHeight < NEAR_END;
  }
  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    if (scrollHeight - scrollTop - clientHeight < NEAR_END) this.#following = true;
    else if (scrollTop < this.#top) this.#following = false;
    this.#top = scrollTop;
    this.#newest.hidden = this.#following;
  }
  /** @param {HTMLElement} line @param {HTMLElement | undefined} below */
  #put(line, below) {
    const last = this.#all.lastElementChild;
    let block = below ? (
      /** @type {Element} */
      below.parentElement
    ) : last && last.childElementCount < BLOCK ? last : null;
    let before3 = below ?? null;
    if (block && before3 && block.childElementCount >= BLOCK) {
      if (before3 === block.firstElementChild) {
        const above = block.previousElementSibling;
        before3 = null;
        if (above && above.childElementCount < BLOCK) block = above;
        else {
          const fresh = element("div", "rt-block");
          block.before(fresh);
          block = fresh;
        }
      } else if (block.childElementCount >= 2 * BLOCK) {
        const rest = element("div", "rt-block");
        block.after(rest);
        const stay = before3.previousSibling;
        while (block.lastChild !== stay) rest.prepend(
          /** @type {ChildNode} */
          block.lastChild
        );
        before3 = null;
      }
    }
    if (!block) {
      block = element("div", "rt-block");
      this.#all.append(block);
    }
    block.insertBefore(line, before3);
  }
  /** @param {HTMLElement} line */
  #take(line) {
    const block = line.parentElement;
    line.remove();
    if (block && !block.childElementCount) block.remove();
  }
  /** @param {MouseEvent} event */
  #clicked(event) {
    const time = (
      /** @type {Element} */
      event.target.closest(".rt-time")
    );
    const line = (
      /** @type {HTMLElement | undefined | null} */
      time?.closest("[data-sid]")
    );
    if (line?.dataset.sid && event.detail < 2) this.#act.listen(line.dataset.sid);
  }
  /** @param {Element | null} line */
  #correct(line) {
    if (!(line instanceof HTMLElement) || line.dataset.final !== "true" || !this.#act.mayEdit()) return;
    const words = (
      /** @type {HTMLElement} */
      line.querySelector(".rt-text")
    );
    const before3 = words.textContent ?? "";
    const mark = line.className === "rt-mark";
    const done = (text) => {
      rewrite(words, text);
      if (!this.#act.edit(line.dataset.sid ?? "", text)) rewrite(words, before3);
    };
    correct(line, mark ? "Name this mark" : "Correct this line", done, mark);
  }
  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = (
      /** @type {Element} */
      event.target
    );
    const line = (
      /** @type {HTMLElement | null} */
      target.closest("[data-sid]")
    );
    const keys = {
      ArrowUp: () => this.#focus(line ? before2(line) : this.#end(false)),
      ArrowDown: () => this.#focus(line ? after(line) : this.#end(true)),
      Home: () => this.#focus(this.#end(true)),
      End: () => this.#focus(this.#end(false)),
      Escape: () => line && this.#log.focus({ preventScroll: true }),
      Enter: () => this.#correct(line),
      F2: () => this.#correct(line),
      " ": () => line?.dataset.sid && this.#act.listen(line.dataset.sid),
      "/": () => this.#act.search()
    };
    const act = keys[event.key];
    if (!act || event.key === " " && !line) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }
  /** @param {boolean} first */
  #end(first) {
    const block = first ? this.#all.firstElementChild : this.#all.lastElementChild;
    return (
      /** @type {HTMLElement | undefined} */
      (first ? block?.firstElementChild : block?.lastElementChild) ?? void 0
    );
  }
  /** @param {HTMLElement | undefined} line */
  #focus(line) {
    if (!line) return;
    line.tabIndex = -1;
    line.focus({ preventScroll: true });
    line.scrollIntoView({ block: "nearest" });
  }
};
var after = (line) => (
  /** @type {HTMLElement | undefined} */
  line.nextElementSibling ?? line.parentElement?.nextElementSibling?.firstElementChild ?? void 0
);
var before2 = (line) => (
  /** @type {HTMLElement | undefined} */
  line.previousElementSibling ?? line.parentElement?.previousElementSibling?.lastElementChild ?? void 0
);

// src/search.js
var AGAIN = 250;
var COLOURED = 400;
var Search = class {
  #field = Object.assign(document.createElement("input"), { className: "rt-query", type: "search", placeholder: "Search the transcript" });
  #count = element("span", "rt-count");
  /** @type {Hit[]} */
  #hits = [];
  #at = -1;
  /** @type {AbstractRange[]} */
  #coloured = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #again;
  #lines;
  #lineOf;
  #show;
  /**
   * @param {object} options
   * @param {AbortSignal} options.signal
   * @param {() => import("./types.js").Segment[]} options.lines
   * @param {(sid: string) => HTMLElement | undefined} options.lineOf
   * @param {(sid: string, range: Range | null) => void} options.show
   * @param {() => void} options.close
   */
  constructor({ signal, lines, lineOf, show, close }) {
    this.#lines = lines;
    this.#lineOf = lineOf;
    this.#show = show;
    this.#field.setAttribute("aria-label", "Search the transcript");
    this.#count.setAttribute("aria-live", "polite");
    this.el = element(
      "div",
      "rt-row rt-search",
      { hidden: true },
      this.#field,
      this.#count,
      tool("Previous hit", "up", () => this.#go(-1), { signal, bare: true }),
      tool("Next hit", "down", () => this.#go(1), { signal, bare: true }),
      tool("Close search", "close", close, { signal, bare: true })
    );
    this.el.setAttribute("role", "search");
    this.#field.addEventListener("input", () => this.#look(true), { signal });
    this.#field.addEventListener(
      "keydown",
      (event) => {
        if (event.key !== "Enter" || event.isComposing) return;
        event.preventDefault();
        this.#go(event.shiftKey ? -1 : 1);
      },
      { signal }
    );
    keepKeys(this.el);
    signal.addEventListener("abort", () => this.close(), { once: true });
  }
  get opened() {
    return !this.el.hidden;
  }
  open() {
    this.el.hidden = false;
    this.#field.focus();
    this.#field.select();
    this.#look(true);
  }
  close() {
    clearTimeout(this.#again);
    this.#again = void 0;
    this.el.hidden = true;
    this.#hits = [];
    this.#colour();
  }
  /** The lines have changed. */
  changed() {
    if (this.opened && this.#again === void 0) this.#again = setTimeout(() => this.#look(false), AGAIN);
  }
  /** @param {boolean} anew go to the last hit; else stay at the one that is shown */
  #look(anew) {
    clearTimeout(this.#again);
    this.#again = void 0;
    const before3 = this.#hits[this.#at];
    this.#hits = find(this.#lines(), this.#field.value);
    this.#at = this.#hits.findIndex((hit) => !anew && hit.sid === before3?.sid && hit.first === before3.first);
    if (this.#at < 0) this.#at = this.#hits.length - 1;
    if (anew && this.#hits.length) this.#go(0);
    else this.#colour();
  }
  /** @param {number} step */
  #go(step) {
    const many = this.#hits.length;
    if (many) this.#at = (this.#at + step + many) % many;
    this.#colour();
    const hit = this.#hits[this.#at];
    if (hit) this.#show(hit.sid, this.#range(hit));
  }
  /** Colour the hits without touching the lines: the browser draws them over the text. */
  #colour() {
    const many = this.#hits.length;
    write(this.#count, !this.#field.value.trim() || this.el.hidden ? "" : many ? `${this.#at + 1} of ${many}` : "not found");
    const registry = globalThis.CSS?.highlights;
    if (!registry) return;
    const all = registry.get("rt-found") ?? new Highlight();
    const current = registry.get("rt-found-now") ?? new Highlight();
    for (const range of this.#coloured) {
      all.delete(range);
      current.delete(range);
    }
    const from = Math.max(0, Math.min(this.#at - COLOURED / 2, many - COLOURED));
    this.#coloured = this.#hits.slice(from, from + COLOURED).flatMap((hit, n) => {
      const range = this.#range(hit);
      if (range) (from + n === this.#at ? current : all).add(range);
      return range ?? [];
    });
    current.priority = 1;
    registry.set("rt-found", all);
    registry.set("rt-found-now", current);
  }
  /** @param {Hit} hit */
  #range({ sid, first, length }) {
    const text = this.#lineOf(sid)?.querySelector(".rt-text")?.firstChild;
    if (!(text instanceof Text) || text.length < first + length) return null;
    const range = document.createRange();
    range.setStart(text, first);
    range.setEnd(text, first + length);
    return range;
  }
};

// src/sound.js
var Sound = class {
  /** @type {AudioContext | null} */
  #context = null;
  #ended = () => {
  };
  /** @param {AbortSignal} signal */
  constructor(signal) {
    signal.addEventListener("abort", () => this.stop(), { once: true });
  }
  /** Be ready to play, while a click gives leave to. @param {() => void} ended */
  open(ended) {
    this.stop();
    this.#ended = ended;
    this.#context = new AudioContext();
    void this.#context.resume();
  }
  /** @param {DataView} pcm Int16 samples, mono @param {number} rate Hz */
  play(pcm, rate) {
    const context = this.#context;
    if (!context || pcm.byteLength < 2) return this.stop();
    const buffer = context.createBuffer(1, pcm.byteLength >> 1, rate);
    const samples = buffer.getChannelData(0);
    for (let n = 0; n < samples.length; n += 1) samples[n] = pcm.getInt16(2 * n, true) / 32768;
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(context.destination);
    source.addEventListener("ended", () => this.#context === context && this.stop(), { once: true });
    source.start();
  }
  stop() {
    const context = this.#context;
    if (!context) return;
    this.#context = null;
    void context.close();
    this.#ended();
  }
};

// src/toolbar.js
var NOTED = 8e3;
var Toolbar = class {
  el = element("div", "rt-toolbar", { hidden: true });
  #note = element("span", "rt-note");
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #noted;
  #opened = "";
  /** @param {Deeds} deeds @param {AbortSignal} signal */
  constructor(deeds, signal) {
    const open = (name) => () => this.#open(this.#opened === name ? "" : name);
    this.search = tool("Search", "search", deeds.search, { signal, title: "Search the transcript (/)" });
    this.mark = tool("Mark", "mark", deeds.mark, { signal, title: "Mark this moment, to find it again" });
    this.copy = tool("Copy", "copy", open("copy"), { signal });
    this.save = tool("Save", "save", open("save"), { signal, title: "Save as a file" });
    this.audience = tool("Audience", "audience", deeds.audience, { signal, title: "Two lines of large letters" });
    this.screen = tool("Full screen", "screen", deeds.screen, { signal });
    this.rows = {
      copy: this.#row("Copy", [
        ["Text", () => deeds.copy(false)],
        ["With times", () => deeds.copy(true)]
      ], signal),
      save: this.#row("Save as", [
        ["SRT", () => deeds.save("srt")],
        ["TXT", () => deeds.save("txt")],
        ["JSON", () => deeds.save("json")]
      ], signal)
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
      { signal }
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
    for (
      const key of
      /** @type {const} */
      ["copy", "save"]
    ) {
      this.rows[key].hidden = key !== name;
      attribute(this[key], "aria-expanded", String(key === name));
    }
    if (name === "copy" || name === "save") this.rows[name].querySelector("button")?.focus();
  }
  /** @param {string} label @param {[string, () => void][]} choices @param {AbortSignal} signal */
  #row(label, choices, signal) {
    const buttons = choices.map(
      ([name, act]) => tool(
        name,
        null,
        () => {
          act();
          const button = this.#opened === "copy" ? this.copy : this.save;
          this.#open("");
          button.focus();
        },
        { signal }
      )
    );
    const row = element("div", "rt-row", { hidden: true }, element("span", "rt-label", {}, label), ...buttons);
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", label);
    return row;
  }
};

// src/view.js
var NO_KERNEL = "not without the kernel that this belongs to: run the cell again";
var View = class {
  #el;
  #placeholder = element("p", "rt-placeholder");
  #waiting = element("p", "rt-waiting", { hidden: true });
  #next = element("p", "rt-next", { hidden: true });
  #code = element("code", "rt-code");
  #toolbar;
  #search;
  #audience;
  #log;
  #sound;
  #lines;
  #ask;
  /** @type {Shown} */
  #shown = { placeholder: "", waiting: 0, direction: "auto", composed: false, disabled: false, done: false, next_step: "" };
  #playing = "";
  #big = false;
  /**
   * @param {HTMLElement} el
   * @param {AbortSignal} signal
   * @param {Lines} lines
   * @param {(request: Request) => boolean} ask the kernel; false where there is none
   */
  constructor(el, signal, lines, ask) {
    this.#el = el;
    this.#lines = lines;
    this.#ask = (request) => {
      const asked = ask(request);
      if (!asked) this.#toolbar.note(NO_KERNEL);
      return asked;
    };
    this.#sound = new Sound(signal);
    this.#audience = new Audience(signal);
    this.#toolbar = new Toolbar(
      {
        search: () => this.#find(!this.#search.opened),
        mark: () => this.#ask({ type: "mark" }),
        copy: (times) => void this.#copy(plainText(lines.all, times), "the transcript is in the clipboard"),
        save: (format) => this.#ask({ type: "save", format }),
        audience: () => this.#enlarge(!this.#big),
        screen: () => this.#fill()
      },
      signal
    );
    this.#log = new Log(
      {
        listen: (sid) => this.#listen(sid),
        edit: (sid, text) => this.#ask({ type: "edit", sid, text }),
        mayEdit: () => !this.#shown.disabled,
        search: () => this.#find(true)
      },
      signal
    );
    this.#search = new Search({
      signal,
      lines: () => lines.all,
      lineOf: (sid) => this.#log.line(sid),
      show: (sid, range) => this.#log.show(sid, range),
      close: () => this.#find(false)
    });
    this.#toolbar.el.append(this.#search.el);
    const copyCode = tool("Copy", "copy", () => void this.#copy(this.#code.textContent ?? "", "copied"), { signal });
    copyCode.setAttribute("aria-label", "Copy this code");
    this.#next.append("Go on in a new cell: ", this.#code, " ", copyCode);
    el.classList.add("rt-view");
    el.replaceChildren(this.#placeholder, this.#toolbar.el, this.#audience.el, this.#log.el, this.#waiting, this.#next);
    el.addEventListener(
      "keydown",
      (event) => {
        if (event.key !== "Escape") return;
        if (this.#search.opened) this.#find(false);
        else if (this.#big) this.#enlarge(false);
        else return;
        event.stopPropagation();
      },
      { signal }
    );
  }
  /** @param {Shown} shown */
  show(shown) {
    this.#shown = shown;
    const { placeholder, waiting, direction, composed, next_step } = shown;
    this.#el.classList.toggle("rt-magic", !composed);
    write(this.#placeholder, placeholder);
    write(this.#waiting, waiting ? `${waiting} ${waiting === 1 ? "segment waits" : "segments wait"} for the cell's code to run` : "");
    this.#waiting.hidden = !waiting;
    write(this.#code, next_step);
    this.#log.direction = direction || "auto";
    this.#draw();
  }
  /** @param {Changes} changes */
  update(changes) {
    this.#log.update(changes, this.#lines);
    this.#audience.update(this.#lines.all);
    this.#search.changed();
    this.#draw();
  }
  /** What the kernel says to a request of this view. @param {Answer} message @param {DataView[]} buffers */
  answer(message, [content]) {
    if (message.type === "sound" && content && message.sid === this.#playing) this.#sound.play(content, message.rate);
    else if (message.type === "file" && content) {
      download(message.name, message.mime, content, this.#el.ownerDocument);
      this.#toolbar.note(`saved as ${message.name}`);
    } else if (message.type === "failed") {
      if (message.sid && message.sid === this.#playing) this.#sound.stop();
      const known = this.#lines.get(message.sid);
      if (known) this.#log.update({ upsert: [known], remove: [] }, this.#lines);
      this.#toolbar.note(message.message);
    }
  }
  #draw() {
    const some = !this.#log.empty;
    const { placeholder, disabled, done, next_step } = this.#shown;
    this.#placeholder.hidden = some || !placeholder;
    this.#log.el.hidden = !some;
    this.#next.hidden = !(some && done && next_step) || this.#big;
    this.#toolbar.draw({ some, mark: !done && !disabled, save: true, audience: this.#big, searching: this.#search.opened });
  }
  /** @param {boolean} open */
  #find(open) {
    if (open) this.#search.open();
    else {
      this.#search.close();
      this.#toolbar.search.focus();
    }
    this.#draw();
  }
  /** @param {string} sid */
  #listen(sid) {
    const line = this.#log.line(sid);
    const time = line?.querySelector(".rt-time");
    if (!line || !(time instanceof HTMLButtonElement) || time.disabled) return;
    if (this.#playing === sid) return this.#sound.stop();
    this.#sound.open(() => {
      this.#playing = "";
      attribute(line, "data-playing", null);
    });
    this.#playing = sid;
    attribute(line, "data-playing", "true");
    if (!this.#ask({ type: "listen", sid })) this.#sound.stop();
  }
  /** @param {string} text @param {string} sentence */
  async #copy(text, sentence) {
    const done = await copy(text, this.#el.ownerDocument);
    this.#toolbar.note(done ? sentence : "the browser does not give this page the clipboard; select the lines and copy them");
  }
  /** @param {boolean} big */
  #enlarge(big) {
    this.#big = big;
    if (big) this.#search.close();
    else if (this.#el.ownerDocument.fullscreenElement === this.#el) void this.#el.ownerDocument.exitFullscreen();
    this.#el.classList.toggle("rt-big", big);
    this.#audience.el.hidden = !big;
    this.#audience.update(this.#lines.all);
    this.#log.hide(big);
    this.#draw();
  }
  #fill() {
    const page = this.#el.ownerDocument;
    if (page.fullscreenElement === this.#el) void page.exitFullscreen();
    else this.#el.requestFullscreen().catch(() => this.#toolbar.note("the browser does not let this page fill the screen"));
  }
};

// src/well_formed.js
var number = (value) => typeof value === "number" && Number.isFinite(value) ? value : null;
var string = (value) => typeof value === "string" ? value : null;
function wellFormed(saved) {
  const revision = number(saved?.revision);
  if (revision === null || !Array.isArray(saved.segments)) return {};
  const segments = saved.segments.filter((line) => string(line?.sid) && string(line.text) !== null).map((line) => ({
    ...line,
    at: number(line.at) ?? 0,
    start: number(line.start),
    end: number(line.end),
    final: line.final === true,
    speaker: string(line.speaker),
    language: string(line.language),
    confidence: number(line.confidence),
    error: string(line.error),
    mark: line.mark === true
  }));
  return { revision, segments, ...saved.reset === true && { reset: true } };
}

// src/transcript_view.js
var ASK_RARELY = 1e3;
var ASK_AGAIN = 5e3;
var ASK_AT_MOST = 8e4;
var SHOWN = ["placeholder", "waiting", "direction", "composed", "disabled", "done", "next_step"];
var transcript_view_default = () => {
  const page = randomName();
  const lines = new Lines();
  const updates = /* @__PURE__ */ new Set();
  const views = /* @__PURE__ */ new Map();
  function initialize({ model, signal }) {
    let asking;
    let patience = ASK_AGAIN;
    let asked = 0;
    const ask = () => {
      asked = performance.now();
      try {
        model.send({ type: "hello", page, revision: Math.max(0, lines.revision) });
      } catch {
      }
      asking = patience > ASK_AT_MOST ? void 0 : setTimeout(again, patience);
      patience *= 2;
    };
    const again = () => {
      asking = void 0;
      if (lines.missing) ask();
    };
    const askSoon = () => {
      if (lines.missing && asking === void 0) asking = setTimeout(again, Math.max(0, asked + ASK_RARELY - performance.now()));
    };
    const update = (changes) => {
      for (const draw of updates) draw(changes);
    };
    lines.snapshot(wellFormed(model.get("snapshot")));
    model.on("change:snapshot", () => update(lines.snapshot(wellFormed(model.get("snapshot")))));
    model.on("msg:custom", (message, buffers) => {
      if (message?.type === "snapshot") {
        clearTimeout(asking);
        asking = void 0;
        patience = ASK_AGAIN;
        update(lines.snapshot(message));
        askSoon();
      } else if (message?.type === "patch") {
        update(lines.patch(message));
        askSoon();
      } else views.get(message?.page)?.answer(message, buffers);
    });
    signal.addEventListener("abort", () => clearTimeout(asking), { once: true });
    ask();
  }
  function render({ model, el, signal }) {
    addStyle(el);
    const name = randomName();
    const view = new View(el, signal, lines, (request) => {
      if (kernelGone(model.get("layout"))) return false;
      try {
        model.send({ ...request, page: name });
        return true;
      } catch {
        return false;
      }
    });
    views.set(name, view);
    let showTwin = null;
    const show = () => {
      view.show(
        /** @type {import("./view.js").Shown} */
        Object.fromEntries(SHOWN.map((key) => [key, model.get(key)]))
      );
    };
    const hide = () => {
      showTwin?.();
      const empty = lines.all.length === 0 && kernelGone(model.get("layout"));
      showTwin = empty || signal.aborted ? null : hideTwin(el.ownerDocument, model.get("twin"));
    };
    const draw = (changes) => {
      view.update(changes);
      if (!showTwin) hide();
    };
    for (const key of SHOWN) model.on(`change:${key}`, show);
    model.on("change:twin", hide);
    updates.add(draw);
    signal.addEventListener(
      "abort",
      () => {
        updates.delete(draw);
        views.delete(name);
        hide();
      },
      { once: true }
    );
    show();
    draw({ upsert: lines.all, remove: [] });
  }
  return { initialize, render };
};
export {
  transcript_view_default as default
};
