// Generated from js/src (sha256 7756a018dbd3181457a71cd3e7108d26e3ca3df86e7dd18c85ff5fdcb4e2caff); edit there, then: npm --prefix js run build

// src/kernel_gone.js
var kernelGone = (layout) => (
  /** @type {{ comm_live?: boolean } | undefined} */
  layout?.comm_live === false
);

// src/lines.js
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
  /** A revision is missing: a snapshot is needed. */
  get missing() {
    return this.revision < 0 || this.#latest > this.revision;
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
    if (reset) this.#early.clear();
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

// src/style_controls.js
var CONTROLS = `
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
function addStyle(document2) {
  const known = document2.getElementById(ID);
  const style = known ?? document2.createElement("style");
  if (style.textContent !== STYLE) style.textContent = STYLE;
  if (known) return;
  style.id = ID;
  document2.head.append(style);
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

// src/view.js
var NEAR_END = 24;
function element(tag, name) {
  const made = document.createElement(tag);
  made.className = name;
  return made;
}
function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
var View = class {
  #el;
  #placeholder = element("p", "rt-placeholder");
  #log = element("div", "rt-log");
  #waiting = element("p", "rt-waiting");
  /** @type {Map<string, HTMLElement>} */
  #lines = /* @__PURE__ */ new Map();
  #direction = "auto";
  #following = true;
  /** @param {HTMLElement} el @param {AbortSignal} signal */
  constructor(el, signal) {
    this.#el = el;
    el.classList.add("rt-view");
    this.#log.setAttribute("role", "log");
    this.#log.setAttribute("aria-label", "Transcript");
    this.#log.tabIndex = 0;
    el.replaceChildren(this.#placeholder, this.#log, this.#waiting);
    this.#log.addEventListener(
      "scroll",
      () => {
        const { scrollHeight, scrollTop, clientHeight } = this.#log;
        this.#following = scrollHeight - scrollTop - clientHeight < NEAR_END;
      },
      { signal, passive: true }
    );
    const observer = new ResizeObserver(() => this.#toEnd());
    observer.observe(this.#log);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  }
  /** @param {Shown} shown */
  show({ placeholder, waiting, direction, composed }) {
    this.#el.classList.toggle("rt-magic", !composed);
    this.#placeholder.textContent = placeholder;
    this.#waiting.textContent = waiting ? `${waiting} ${waiting === 1 ? "segment waits" : "segments wait"} for the cell's code to run` : "";
    this.#waiting.hidden = !waiting;
    this.#direction = direction || "auto";
    for (const line of this.#lines.values()) line.dir = this.#direction;
  }
  /**
   * @param {Changes} changes
   * @param {Lines} lines that they have led to
   */
  update({ upsert, remove }, lines) {
    for (const sid of remove) {
      this.#lines.get(sid)?.remove();
      this.#lines.delete(sid);
    }
    for (const segment of upsert.toReversed()) {
      const line = this.#lines.get(segment.sid) ?? this.#create(segment.sid);
      fill(line, segment);
      const below = this.#lines.get(lines.next(segment.sid)?.sid ?? "") ?? null;
      if (line.parentNode !== this.#log || line.nextSibling !== below) this.#log.insertBefore(line, below);
    }
    this.#placeholder.hidden = this.#lines.size > 0;
    this.#log.hidden = this.#lines.size === 0;
    this.#toEnd();
  }
  /** @param {string} sid */
  #create(sid) {
    const line = element("p", "rt-segment");
    line.dataset.sid = sid;
    line.dir = this.#direction;
    line.append(element("span", "rt-time"), " ", element("span", "rt-speaker"), element("span", "rt-text"), element("span", "rt-failed"));
    this.#lines.set(sid, line);
    return line;
  }
  #toEnd() {
    if (this.#following) this.#log.scrollTop = this.#log.scrollHeight;
  }
};
function fill(line, { start, text, final, speaker, error }) {
  const [time, name, words, failure] = (
    /** @type {[HTMLElement, HTMLElement, HTMLElement, HTMLElement]} */
    [...line.children]
  );
  const write = (node, value) => {
    if (node.textContent !== value) node.textContent = value;
  };
  if (final) line.removeAttribute("aria-live");
  else line.setAttribute("aria-live", "off");
  line.dataset.final = String(final);
  write(time, start === null ? "" : clock(start));
  write(name, speaker ? `${speaker}: ` : "");
  write(words, text);
  write(failure, error ? `${text ? " " : ""}not transcribed: ${error}` : "");
}

// src/transcript_view.js
var ASK_RARELY = 1e3;
var ASK_AGAIN = 5e3;
var ASK_AT_MOST = 8e4;
var transcript_view_default = () => {
  const page = randomName();
  const lines = new Lines();
  const updates = /* @__PURE__ */ new Set();
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
    lines.snapshot(model.get("snapshot"));
    model.on("change:snapshot", () => update(lines.snapshot(model.get("snapshot"))));
    model.on("msg:custom", (message) => {
      if (message?.type === "snapshot") {
        clearTimeout(asking);
        asking = void 0;
        patience = ASK_AGAIN;
        update(lines.snapshot(message));
        askSoon();
      } else if (message?.type === "patch") {
        update(lines.patch(message));
        askSoon();
      }
    });
    signal.addEventListener("abort", () => clearTimeout(asking), { once: true });
    ask();
  }
  function render({ model, el, signal }) {
    addStyle(el.ownerDocument);
    const view = new View(el, signal);
    let showTwin = null;
    const show = () => {
      view.show({
        placeholder: model.get("placeholder"),
        waiting: model.get("waiting"),
        direction: model.get("direction"),
        composed: model.get("composed")
      });
    };
    const hide = () => {
      showTwin?.();
      const empty = lines.all.length === 0 && kernelGone(model.get("layout"));
      showTwin = empty || signal.aborted ? null : hideTwin(el.ownerDocument, model.get("twin"));
    };
    const draw = (changes) => {
      view.update(changes, lines);
      if (!showTwin) hide();
    };
    for (const name of ["placeholder", "waiting", "direction", "composed"]) model.on(`change:${name}`, show);
    model.on("change:twin", hide);
    updates.add(draw);
    signal.addEventListener(
      "abort",
      () => {
        updates.delete(draw);
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
