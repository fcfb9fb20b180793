// Generated from js/src (sha256 22f0d6780d168dbd6ebcb2ac03b6e1cca1028976aeacee0503ab83a35fbca8cd); edit there, then: npm --prefix js run build

// src/elements.js
function element(tag, name, properties = {}, ...children) {
  const made2 = Object.assign(document.createElement(tag), properties);
  if (name) made2.className = name;
  made2.append(...children);
  return made2;
}
function treeOf(el) {
  const root = el.getRootNode();
  return root instanceof ShadowRoot ? root : el.ownerDocument;
}
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// src/better.js
function offer(better, idle) {
  if (!better.state || !idle && better.state !== "fetching") return null;
  const { model, megabytes, languages, done, sentence } = (
    /** @type {Better} */
    better
  );
  const cost = `${model}, ${megabytes} MB, ${languages} languages`;
  switch (better.state) {
    case "fetching":
      return { label: "Cancel", action: "cancel", sentence: `fetching the model ${model}: ${Math.round(done)} of ${megabytes} MB`, done: done / megabytes };
    case "fetched":
      return { label: "", action: "cancel", sentence, done: null };
    default:
      return { label: `Better words: fetch a model (${cost})`, action: "fetch", sentence, done: null };
  }
}
var BetterWords = class {
  #button = element("button", "rt-button rt-better-button", { type: "button" });
  #progress = element("progress", "rt-progress", { max: 1 });
  #sentence = element("span", "rt-better-text");
  element = element("p", "rt-better", { hidden: true }, this.#button, this.#progress, this.#sentence);
  /** @param {(action: "fetch" | "cancel") => void} act @param {AbortSignal} signal */
  constructor(act, signal) {
    this.#progress.setAttribute("aria-label", "How much of the model is here");
    this.#button.addEventListener("click", () => act(this.#button.dataset.better === "cancel" ? "cancel" : "fetch"), { signal });
  }
  /** @param {ReturnType<typeof offer>} shown @param {boolean} disabled */
  draw(shown, disabled) {
    this.element.hidden = !shown;
    if (!shown) return;
    write(this.#button, shown.label);
    this.#button.dataset.better = shown.action;
    this.#button.hidden = !shown.label;
    this.#button.disabled = disabled && shown.action === "fetch";
    this.#progress.hidden = shown.done === null;
    this.#progress.value = shown.done ?? 0;
    write(this.#sentence, shown.sentence);
  }
};

// worklet:worklet:code
var worklet_code_default = '// src/pcm.js\nvar CHUNK_SECONDS = 0.1;\nfunction toInt16(samples) {\n  const pcm = new Int16Array(samples.length);\n  for (let i = 0; i < samples.length; i++) {\n    pcm[i] = Math.max(-32768, Math.min(32767, Math.round(\n      /** @type {number} */\n      samples[i] * 32768\n    )));\n  }\n  return pcm;\n}\nfunction peak(samples) {\n  let most = 0;\n  for (const sample of samples) most = Math.max(most, Math.abs(sample));\n  return most;\n}\nvar Chunker = class {\n  #chunk;\n  #filled = 0;\n  /** @param {number} length samples per chunk */\n  constructor(length) {\n    this.#chunk = new Float32Array(length);\n  }\n  /**\n   * Take samples in, give the chunks that are full.\n   * @param {Float32Array} samples\n   * @returns {Int16Array<ArrayBuffer>[]}\n   */\n  push(samples) {\n    const full = [];\n    for (let taken = 0; taken < samples.length; ) {\n      const part = samples.subarray(taken, taken + this.#chunk.length - this.#filled);\n      this.#chunk.set(part, this.#filled);\n      this.#filled += part.length;\n      taken += part.length;\n      if (this.#filled === this.#chunk.length) full.push(...this.flush());\n    }\n    return full;\n  }\n  /**\n   * Give what has been collected so far: one chunk, or none.\n   * @returns {Int16Array<ArrayBuffer>[]}\n   */\n  flush() {\n    if (this.#filled === 0) return [];\n    const pcm = toInt16(this.#chunk.subarray(0, this.#filled));\n    this.#filled = 0;\n    return [pcm];\n  }\n};\n\n// src/worklet.js\nvar LEVEL_SECONDS = 0.04;\nvar Tap = class extends AudioWorkletProcessor {\n  #chunker = new Chunker(Math.round(sampleRate * CHUNK_SECONDS));\n  #open = true;\n  #peak = 0;\n  #since = 0;\n  // samples since the level was last told\n  constructor() {\n    super();\n    this.port.onmessage = () => {\n      this.#open = false;\n      this.#post(this.#chunker.flush());\n      this.port.postMessage("flushed");\n    };\n  }\n  /** @param {Float32Array[][]} inputs */\n  process([input]) {\n    const samples = input?.[0];\n    if (this.#open && samples) {\n      this.#post(this.#chunker.push(samples));\n      this.#level(samples);\n    }\n    return this.#open;\n  }\n  /** @param {Float32Array} samples */\n  #level(samples) {\n    this.#peak = Math.max(this.#peak, peak(samples));\n    this.#since += samples.length;\n    if (this.#since < sampleRate * LEVEL_SECONDS) return;\n    this.port.postMessage({ peak: this.#peak });\n    this.#peak = this.#since = 0;\n  }\n  /** @param {Int16Array<ArrayBuffer>[]} chunks */\n  #post(chunks) {\n    for (const { buffer } of chunks) this.port.postMessage({ buffer, at: Date.now() / 1e3 }, [buffer]);\n  }\n};\nregisterProcessor("rt-magic-tap", Tap);\n';

// src/graph.js
var RATE = 24e3;
var KEPT = 2e4;
var nativeRate = false;
var warm = null;
function onAbort(signal, act) {
  if (signal.aborted) act();
  else signal.addEventListener("abort", act, { once: true });
}
var failure = (name, message) => Object.assign(new Error(String(message)), { name });
function warmUp() {
  if (warm) return;
  const life = new AbortController();
  const made2 = { graph: prepare(life.signal), life };
  warm = made2;
  const drop = () => {
    if (warm !== made2) return;
    warm = null;
    life.abort();
  };
  made2.graph.catch(drop);
  setTimeout(drop, KEPT);
}
function takeGraph(life) {
  const made2 = warm;
  warm = null;
  if (!made2) return prepare(life);
  onAbort(life, () => made2.life.abort());
  return made2.graph.then((graph) => {
    void graph.context.resume();
    return graph;
  });
}
async function joined(graph, stream, life) {
  try {
    graph.context.createMediaStreamSource(stream).connect(graph.tap);
    return graph;
  } catch (error) {
    if (nativeRate) throw error;
    nativeRate = true;
    void graph.context.close();
    const other = await prepare(life);
    other.context.createMediaStreamSource(stream).connect(other.tap);
    return other;
  }
}
async function prepare(life) {
  const context = new AudioContext(nativeRate ? {} : { sampleRate: RATE });
  onAbort(life, () => context.state !== "closed" && void context.close());
  if (!context.audioWorklet) throw failure("UnavailableError", "no audioWorklet");
  const address = URL.createObjectURL(new Blob([worklet_code_default], { type: "text/javascript" }));
  try {
    await context.audioWorklet.addModule(address);
  } catch (error) {
    throw failure("WorkletRefusedError", error instanceof Error ? error.message : error);
  } finally {
    URL.revokeObjectURL(address);
  }
  const tap = new AudioWorkletNode(context, "rt-magic-tap", { channelCount: 1, channelCountMode: "explicit" });
  tap.connect(context.destination);
  return { context, tap };
}

// src/sentences.js
function explain({ name, message }, { origin, secure, framed, device }) {
  return { name, message: sentence() };
  function sentence() {
    switch (name) {
      case "UnavailableError":
        return secure ? "This browser offers no microphone to web pages. Use a current Chromium, Firefox or Safari." : `The browser opens a microphone only for pages on https or on localhost, and this page is ${origin}. Open the notebook over https, or through a tunnel to localhost (for example \`ssh -L 8888:localhost:8888 HOST\`, then http://localhost:8888), and run the cell again.`;
      case "NotAllowedError":
        if (framed) {
          return "This notebook is shown in a frame that may not use the microphone, as in VS Code. Open the notebook in JupyterLab in a browser, or transcribe a file with `%transcribe --from FILE`.";
        }
        if (/system/i.test(message)) {
          return "The operating system keeps the microphone from the browser. Allow it in the system's privacy settings, then click Start again.";
        }
        return "The browser was not allowed to use the microphone. Allow it for this page (the icon beside the address opens the permissions), then click Start again.";
      case "NotFoundError":
        return "No microphone was found. Connect one, then click Start again.";
      case "OverconstrainedError":
        return `The chosen microphone (${device}) is not connected. Connect it, or choose another one, then click Start again.`;
      case "NotReadableError":
      case "AbortError":
        return `The microphone cannot be read (${message || name}). Most often another program has taken it: close that program, then click Start again.`;
      case "SecurityError":
        return "The browser's settings forbid microphones on this page. Allow them, then click Start again.";
      case "WorkletRefusedError":
        return `The page refused the part that reads the microphone (${message}). Its content security policy must allow \`blob:\` in \`script-src\`: ask whoever runs this server, or open the notebook on another one.`;
      case "SuspendedError":
        return "The browser keeps sound switched off until this page is clicked. Click Start.";
      default:
        return `The microphone could not be opened (${name}: ${message}). Reload the page, then click Start again.`;
    }
  }
}
var UNPLUGGED = {
  name: "NotReadableError",
  message: "The microphone was unplugged or taken away. Connect one, then click Start."
};
var OUTBOX_FULL = (limit) => ({
  name: "OutboxFullError",
  message: `The kernel has taken no sound for ${Math.round(limit / 60)} minutes, so the microphone was closed. What was said until now waits in this page and goes on its way when the kernel answers; do not close the page.`
});
var ELSEWHERE = /* @__PURE__ */ new Set(["UnavailableError", "NotAllowedError", "SecurityError", "WorkletRefusedError"]);
var helpsElsewhere = (problem) => ELSEWHERE.has(problem?.name ?? "");
var GONE = {
  name: "KernelGoneError",
  message: "The kernel that this cell belongs to is gone. Run the cell again, then click Start."
};
var LEFT = "the kernel of this cell is gone: run the cell again";

// src/capture.js
var TAIL = 0.15;
var PATIENCE = 1;
var delay = (seconds) => new Promise((resolve) => setTimeout(resolve, 1e3 * seconds));
function openCapture(settings, events, signal) {
  const controller = new AbortController();
  const life = AbortSignal.any([signal, controller.signal]);
  let tap = null;
  const opened = open().catch((error) => {
    controller.abort();
    throw explain(error, surroundings(settings.device));
  });
  opened.catch(() => {
  });
  return { opened, close };
  async function open() {
    if (!navigator.mediaDevices?.getUserMedia) throw failure("UnavailableError", "no mediaDevices");
    const asked = navigator.mediaDevices.getUserMedia({ audio: constraints(settings) });
    const prepared = takeGraph(life);
    prepared.catch(() => {
    });
    const stream = await asked;
    const release = () => stream.getTracks().forEach((track2) => track2.stop());
    onAbort(life, release);
    if (life.aborted) return void 0;
    for (const track2 of stream.getAudioTracks()) {
      track2.addEventListener("ended", events.ended, { signal: life });
      track2.addEventListener("mute", () => events.muted(true), { signal: life });
      track2.addEventListener("unmute", () => events.muted(false), { signal: life });
      if (track2.muted) events.muted(true);
    }
    const context = await connect(await prepared, stream);
    if (life.aborted) return void 0;
    if (context.state === "suspended") await Promise.race([context.resume(), delay(PATIENCE)]);
    if (context.state === "suspended" && !life.aborted) throw failure("SuspendedError", "the audio context is suspended");
    const [track] = stream.getAudioTracks();
    const { deviceId: id = "", groupId: group = "" } = track?.getSettings() ?? {};
    return { id, group, label: track?.label ?? "" };
  }
  async function connect(prepared, stream) {
    const { context, tap: joint } = await joined(prepared, stream, life);
    if (life.aborted) return context;
    tap = joint;
    const rate = context.sampleRate;
    tap.port.addEventListener("message", ({ data }) => {
      if (data.buffer) events.chunk(data.buffer, rate, data.at);
      else if (data.peak !== void 0) events.level(data.peak);
    });
    tap.port.start();
    return context;
  }
  async function close() {
    if (tap && !life.aborted) {
      const { port } = tap;
      const flushed = new Promise((resolve) => {
        port.addEventListener("message", ({ data }) => data === "flushed" && resolve(data));
      });
      await delay(TAIL);
      port.postMessage("flush");
      await Promise.race([flushed, delay(PATIENCE)]);
    }
    controller.abort();
  }
}
function constraints({ device, preferred, echo_cancellation, noise_suppression, auto_gain }) {
  const deviceId = device ? { exact: device } : preferred ? { ideal: preferred } : null;
  return {
    ...deviceId && { deviceId },
    channelCount: { ideal: 1 },
    echoCancellation: echo_cancellation,
    noiseSuppression: noise_suppression,
    autoGainControl: auto_gain
  };
}
function surroundings(device) {
  const { permissionsPolicy, featurePolicy } = (
    /** @type {any} */
    document
  );
  const policy = permissionsPolicy ?? featurePolicy;
  return {
    origin: location.origin,
    secure: isSecureContext,
    framed: window !== window.top && policy?.allowsFeature("microphone") === false,
    device
  };
}

// src/controls.js
var IDLE = /* @__PURE__ */ new Set(["ready", "stopped", "error"]);
var UNDER_WAY = /* @__PURE__ */ new Set(["connecting", "listening", "reconnecting"]);
var UNANSWERED = 20;
function arrange(traits, page) {
  const state = shownState(traits.state, page);
  const elsewhere = !page.recording && traits.page !== "" && traits.page !== page.page && !IDLE.has(state) && state !== "paused";
  return {
    state,
    ...buttons(state, elsewhere, traits.disabled, page.asked),
    ...sentences(state, elsewhere, traits, page),
    error: page.problem?.message ?? traits.error
  };
}
function shownState(state, { recording, asked, failed }) {
  if (failed) return "error";
  return (recording || asked === "start") && !UNDER_WAY.has(state) ? "opening" : state;
}
function buttons(state, elsewhere, disabled, asked) {
  if (IDLE.has(state)) return { primary: { label: "Start", enabled: !disabled }, secondary: null };
  const closing = asked === "pause" || asked === "stop";
  const primary = { label: "Stop", enabled: state !== "draining" && asked !== "stop" };
  if (elsewhere || !(UNDER_WAY.has(state) || state === "paused")) return { primary, secondary: null };
  return { primary, secondary: { label: state === "paused" ? "Resume" : "Pause", enabled: !disabled && !closing } };
}
function sentences(state, elsewhere, { state: known, status, busy_after }, page) {
  const waiting = Math.round(page.seconds || page.silence);
  if (page.silence >= busy_after && !IDLE.has(state)) {
    if (page.seconds >= page.limit / 2) {
      return { status: "kernel busy", wait: `, ${waiting} s waiting; the microphone closes at ${page.limit} s` };
    }
    const stale = page.asked === "start" && !page.accepted && page.silence >= UNANSWERED;
    const wait = `, ${waiting} s waiting`;
    return { status: "kernel busy", wait: stale ? `${wait}; no answer from the kernel: if no cell is running, run this cell again` : wait };
  }
  return { status: sentence(), wait: "" };
  function sentence() {
    if (page.failed) return "";
    if (page.muted) return "the microphone is muted by the system or another program: nothing is heard";
    if (page.starved) return "no sound comes from the microphone: click Stop, then Start; if that does not help, reload the page";
    if (page.silent) return `no sound from ${page.device || "the microphone"}: muted in the system?`;
    if (elsewhere) return "recording from another window";
    if (state === "opening" && known !== "opening") return "opening the microphone; the browser may ask whether it is allowed";
    return page.news || status;
  }
}

// src/devices.js
var KEY = "rt-magic-microphone";
var ALIASES = /* @__PURE__ */ new Set(["default", "communications"]);
function choices(devices) {
  const own = devices.find(({ id }) => id === "default")?.label.replace(/^[^-]*- /, "");
  const named = devices.filter(({ id, label }) => id && label && !ALIASES.has(id));
  return [{ id: "", label: own ? `System default (${own})` : "System default" }, ...named.map(({ id, label }) => ({ id, label }))];
}
function recall(remembered, devices) {
  if (!remembered) return "";
  const named = devices.filter(({ id, label }) => id && label);
  if (!named.length) return remembered.id;
  const found = named.find(({ id }) => id === remembered.id) ?? named.find(({ label }) => label === remembered.label);
  return found?.id ?? "";
}
var Devices = class {
  /** @type {Device[]} */
  list = [];
  #changed;
  /** @param {() => void} changed @param {AbortSignal} signal */
  constructor(changed, signal) {
    this.#changed = changed;
    navigator.mediaDevices?.addEventListener?.("devicechange", () => void this.refresh(), { signal });
  }
  /** The group of the system's own choice, "" where the browser does not say. */
  get system() {
    return this.list.find(({ id }) => id === "default")?.group ?? "";
  }
  get remembered() {
    try {
      const { id, label } = JSON.parse(localStorage.getItem(KEY) ?? "null") ?? {};
      return typeof id === "string" ? { id, label: String(label) } : null;
    } catch {
      return null;
    }
  }
  /** @param {string} id "" for the system's choice */
  remember(id) {
    try {
      if (id) localStorage.setItem(KEY, JSON.stringify({ id, label: choices(this.list).find((one) => one.id === id)?.label ?? "" }));
      else localStorage.removeItem(KEY);
    } catch {
    }
  }
  async refresh() {
    try {
      const all = await navigator.mediaDevices.enumerateDevices();
      this.list = all.filter(({ kind }) => kind === "audioinput").map(({ deviceId, label, groupId }) => ({ id: deviceId, label, group: groupId }));
    } catch {
      this.list = [];
    }
    this.#changed();
  }
};

// src/kernel_gone.js
var kernelGone = (layout) => (
  /** @type {{ comm_live?: boolean } | undefined} */
  layout?.comm_live === false
);

// src/level.js
var FLOOR = -60;
var FALL = 30;
var NOTHING = 2 ** -14;
var decibels = (peak) => peak > 0 ? Math.max(FLOOR, 20 * Math.log10(peak)) : FLOOR;
var Level = class {
  #decibels = FLOOR;
  #at = 0;
  /** @param {number} peak 0 to 1 @param {number} now */
  hear(peak, now2) {
    this.#decibels = Math.max(this.shown(now2), decibels(peak));
    this.#at = now2;
  }
  /** @param {number} now @returns {number} decibels */
  shown(now2) {
    return Math.max(FLOOR, this.#decibels - FALL * Math.max(0, now2 - this.#at));
  }
};

// src/meter.js
var CALM = 1e3;
var Meter = class {
  element = document.createElement("div");
  #cover = document.createElement("span");
  #level;
  #frame = 0;
  #drawn = -1;
  #told = 0;
  #calm = matchMedia("(prefers-reduced-motion: reduce)");
  /** @param {() => number} level decibels now @param {AbortSignal} signal */
  constructor(level, signal) {
    this.#level = level;
    this.element.className = "rt-meter";
    this.#cover.className = "rt-meter-cover";
    this.element.append(this.#cover);
    const set = (name, value) => this.element.setAttribute(name, value);
    set("role", "meter");
    set("aria-label", "Input level");
    set("aria-valuemin", String(FLOOR));
    set("aria-valuemax", "0");
    this.#draw(FLOOR);
    this.#tell(FLOOR);
    signal.addEventListener("abort", () => this.run(false), { once: true });
  }
  /** @param {boolean} on whether the microphone is open */
  run(on) {
    if (on && !this.#frame) this.#frame = requestAnimationFrame(this.#step);
    if (on || !this.#frame) return;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#draw(FLOOR);
    this.#tell(FLOOR);
  }
  #step = (time) => {
    this.#frame = requestAnimationFrame(this.#step);
    const late = time - this.#told >= CALM;
    if (this.#calm.matches && !late) return;
    const level = this.#level();
    this.#draw(level);
    if (!late) return;
    this.#told = time;
    this.#tell(level);
  };
  /** @param {number} level */
  #draw(level) {
    const part = Math.round(1e3 * (1 - level / FLOOR)) / 10;
    if (part === this.#drawn) return;
    this.#drawn = part;
    this.#cover.style.transform = `translateX(${part}%)`;
  }
  /** For who does not see it; once a second, for a screen reader asks when it wants to know. @param {number} level */
  #tell(level) {
    const whole = Math.round(level);
    this.element.setAttribute("aria-valuenow", String(whole));
    this.element.setAttribute("aria-valuetext", whole <= FLOOR ? "nothing is heard" : `${whole} decibels${whole >= -1 ? ", too loud" : ""}`);
  }
};

// src/settings.js
var SWITCHES = [
  ["echo_cancellation", "Echo cancellation"],
  ["noise_suppression", "Noise suppression"],
  ["auto_gain", "Automatic gain"]
];
var made = 0;
var Settings = class {
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
    this.section.id = `rt-settings-${made += 1}-${Date.now().toString(36)}`;
    this.section.setAttribute("role", "group");
    this.section.setAttribute("aria-label", "Microphone settings");
    this.button.setAttribute("aria-controls", this.section.id);
    this.#open(false);
    const boxes = SWITCHES.map(([name, label]) => element("label", "rt-switch-label", {}, this.#boxes.get(name) ?? "", label));
    this.section.append(
      element("label", "rt-picker-label", {}, "Microphone", this.#picker),
      element("div", "rt-switches", {}, ...boxes),
      this.#hint
    );
    this.button.addEventListener("click", () => this.#open(this.section.hidden === true), { signal });
    this.section.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.#picker.addEventListener("change", () => change({ device: this.#picker.value }), { signal });
    for (const [name, box] of this.#boxes) box.addEventListener("change", () => change({ [name]: box.checked }), { signal });
  }
  /** @param {Shown} shown */
  draw({ choices: choices2, chosen, device, switches, disabled }) {
    const name = device || choices2.find(({ id }) => id && id === chosen)?.label || "Microphone";
    write(this.#name, name);
    this.button.setAttribute("aria-label", name === "Microphone" ? "Microphone settings" : `Microphone settings: ${name}`);
    this.button.title = name;
    const all = choices2.some(({ id }) => id === chosen) ? choices2 : [...choices2, { id: chosen, label: "not connected" }];
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
    this.#hint.hidden = choices2.length > 1 || Boolean(device);
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
};

// src/plain_text.js
function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

// src/panel.js
var ACTIONS = { Start: "start", Resume: "start", Pause: "pause", Stop: "stop" };
var OURS = /^(?:.|Enter|Escape|Arrow\w+|Home|End|Page\w+)$/;
var panels = 0;
var Panel = class {
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
    this.#destination.id = `rt-destination-${panels += 1}-${Date.now().toString(36)}`;
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
      this.#better.element
    );
    for (const button of [this.#primary, this.#secondary]) {
      button.addEventListener("click", (event) => event.detail < 2 && act(
        /** @type {Action} */
        button.dataset.action
      ), { signal });
      for (const near of ["pointerenter", "focus"]) button.addEventListener(near, () => act("warm"), { signal });
    }
    dismiss.addEventListener("click", () => act("dismiss"), { signal });
    el.addEventListener("keydown", (event) => {
      if (OURS.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey) event.stopPropagation();
    }, { signal });
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
    const ofFile = shown.place === "file";
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
    const whole = this.#el.parentElement?.closest(".rt-magic");
    this.#el.classList.toggle("rt-magic", !composed || this.#el.isConnected && !whole);
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
    if (enabled && this.#focused === button) {
      this.#focused = null;
      if (button.ownerDocument.activeElement === button.ownerDocument.body) button.focus({ preventScroll: true });
    }
  }
};

// src/random_name.js
var randomName = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");

// src/outbox.js
var BATCH = 50;
var Outbox = class {
  /** @type {Entry<M>[]} in the order of sending */
  #entries = [];
  #quietSince = 0;
  // the last sign of life from the kernel, or the moment something began to wait
  #cursor = 0;
  // the next entry of the round of resending under way
  #round = 0;
  // when the next round may begin
  #pause = 0;
  // seconds between rounds, doubled after each
  #answered = "";
  // the epoch of which the kernel spoke last
  /** @param {{ limit?: number, resendAfter?: number, resendAtMost?: number }} [options] all in seconds */
  constructor({ limit = 600, resendAfter = 5, resendAtMost = 60 } = {}) {
    this.limit = limit;
    this.resendAfter = resendAfter;
    this.resendAtMost = resendAtMost;
    this.seconds = 0;
  }
  /** Number of messages that wait. */
  get length() {
    return this.#entries.length;
  }
  /** "full" at the limit: the microphone has to be closed. Nothing is ever dropped here. */
  get state() {
    if (this.seconds >= this.limit) return "full";
    if (this.seconds >= this.limit / 2) return "filling";
    return this.length ? "waiting" : "empty";
  }
  /**
   * Keep a message, and tell whether it may be sent now: while the kernel does not know of an earlier epoch, nothing
   * of a later one goes, so that sound never overtakes what was said before it.
   * @param {Entry<M>} entry
   * @param {number} now
   */
  add(entry, now2) {
    if (!this.length) this.#heard(now2);
    const kept = { ...entry };
    this.#entries.push(kept);
    this.seconds += entry.seconds;
    if (this.#blocked <= this.#entries.indexOf(kept)) return false;
    kept.sentAt = now2;
    return true;
  }
  /**
   * What was kept back until the kernel knew of the epochs before it, and may go now.
   * @param {number} now
   * @returns {Entry<M>[]}
   */
  released(now2) {
    const ready = this.#entries.slice(0, this.#blocked).filter(({ sentAt }) => sentAt === void 0);
    for (const entry of ready) entry.sentAt = now2;
    return ready;
  }
  /**
   * Let go of all chunks of an epoch below `next`; its start has arrived as well, and if it has `ended` its end too.
   * @param {string} epoch
   * @param {number} next
   * @param {number} now
   * @param {boolean} [ended]
   */
  ack(epoch, next, now2, ended = false) {
    this.#heard(now2);
    this.#answered = epoch;
    this.#drop(({ message: m }) => {
      if (m.epoch !== epoch) return false;
      return m.seq === void 0 ? m.type === "start" || ended && m.type === "pause" : m.seq < next;
    });
  }
  /**
   * The chunks of an epoch that the kernel asks for once more, `to` excluded.
   * @param {string} epoch
   * @param {number} from
   * @param {number} to
   * @param {number} now
   */
  again(epoch, from, to, now2) {
    this.#heard(now2);
    this.#answered = epoch;
    return this.#entries.filter(
      ({ message: m }) => m.epoch === epoch && m.seq !== void 0 && from <= m.seq && m.seq < to
    );
  }
  /**
   * Let go of start, pause and stop messages that the kernel has acted on. While the start or sound of an epoch waits,
   * the kernel cannot have acted on its end: what it says is about an earlier one.
   * @param {(message: M) => boolean} settled
   * @param {number} now
   */
  settle(settled, now2) {
    const rest = this.#entries.filter(({ message: m }) => m.seq !== void 0 || m.type === "start" && !settled(m));
    const waiting = new Set(rest.map(({ message: m }) => m.epoch));
    const done = this.#entries.filter(({ message: m }) => m.seq === void 0 && settled(m) && (m.type === "start" || !waiting.has(m.epoch)));
    if (!done.length) return;
    this.#heard(now2);
    this.#drop((entry) => done.includes(entry));
  }
  /**
   * Let go of whole epochs.
   * @param {(epoch: string) => boolean} gone
   */
  forget(gone) {
    this.#drop(({ message: m }) => gone(m.epoch));
  }
  /**
   * Seconds without a sign of life from the kernel while something waits, else 0.
   * @param {number} now
   */
  silence(now2) {
    return this.length ? now2 - this.#quietSince : 0;
  }
  /**
   * What is to be sent again now because nothing was heard for long: everything that waits, in order and in
   * bounded parts, one call after the other; then a pause that doubles with each round. While the kernel speaks of a
   * later epoch it is what waits before that: the kernel may not know that there is something to ask for.
   * @param {number} now
   * @returns {Entry<M>[]}
   */
  due(now2) {
    const current = this.#entries.findIndex(({ message: m }) => m.epoch === this.#answered);
    const open = this.#entries.slice(0, this.#blocked);
    const passed = this.silence(now2) < this.resendAfter && current > 0 ? open.slice(0, current) : [];
    const stale = passed.filter(({ sentAt = now2 }) => now2 - sentAt >= this.resendAfter).slice(0, BATCH);
    for (const entry of stale) entry.sentAt = now2;
    if (stale.length) return stale;
    if (now2 < this.#round || this.silence(now2) < this.resendAfter) return [];
    const part = open.slice(this.#cursor, this.#cursor + BATCH);
    for (const entry of part) entry.sentAt = now2;
    this.#cursor += part.length;
    if (this.#cursor >= open.length) {
      this.#cursor = 0;
      this.#pause = Math.min(2 * this.#pause, this.resendAtMost);
      this.#round = now2 + this.#pause;
    }
    return part;
  }
  /** Index of the first entry that has to wait, as the start of an epoch before it waits. */
  get #blocked() {
    const start = this.#entries.findIndex(({ message: m }) => m.type === "start");
    if (start < 0) return this.length;
    const epoch = this.#entries[start]?.message.epoch;
    const later = this.#entries.findIndex(({ message: m }, index) => index > start && m.epoch !== epoch);
    return later < 0 ? this.length : later;
  }
  /** @param {number} now */
  #heard(now2) {
    this.#quietSince = now2;
    this.#cursor = 0;
    this.#pause = this.resendAfter;
    this.#round = now2 + this.resendAfter;
  }
  /** @param {(entry: Entry<M>) => boolean} gone */
  #drop(gone) {
    this.#entries = this.#entries.filter((entry) => !gone(entry));
    this.seconds = this.#entries.reduce((sum, entry) => sum + entry.seconds, 0);
    this.#cursor = 0;
  }
};

// src/stretch.js
var STARVED_AFTER = 3;
var SILENT_AFTER = 2.2;
var Stretch = class {
  epoch = randomName();
  /** Number of the next chunk. */
  seq = 0;
  /** First sample of the next chunk. */
  first = 0;
  /** By the kernel. */
  accepted = false;
  /** No recording takes its sound any more. */
  lost = false;
  muted = false;
  /** @type {Capture | null} null once it is closing or closed */
  capture = null;
  /** @type {Opened | null} */
  device = null;
  /** @type {number | null} when the last sound came, silence included, once the microphone is open */
  #heard = null;
  /** @type {number | null} when the last sound came that was not silence */
  #sounded = null;
  /** @param {Opened | void} device @param {number} now */
  opened(device, now2) {
    this.device = device ?? null;
    this.#heard = now2;
    this.#sounded ??= now2;
  }
  /** @param {number} peak @param {number} now */
  level(peak, now2) {
    if (peak >= NOTHING) this.#sounded = now2;
  }
  /**
   * Number the next chunk.
   * @param {string} page
   * @param {ArrayBuffer} buffer
   * @param {number} rate
   * @param {number} at
   * @param {number} now
   * @returns {import("./types.js").Audio}
   */
  chunk(page, buffer, rate, at, now2) {
    const { epoch, seq, first } = this;
    this.seq += 1;
    this.first += buffer.byteLength / 2;
    this.#heard = now2;
    return { type: "audio", page, epoch, seq, first, captured_at: at, rate };
  }
  /** The microphone is open and yet no sound at all arrives, not even silence. @param {number} now */
  starved(now2) {
    return this.#heard !== null && now2 - this.#heard > STARVED_AFTER;
  }
  /** Sound arrives and is nothing but zeros, which no quiet room gives. @param {number} now */
  silent(now2) {
    return this.#sounded !== null && now2 - this.#sounded > SILENT_AFTER && !this.starved(now2);
  }
};

// src/recorder.js
var SETTLED = {
  pause: /* @__PURE__ */ new Set(["paused", "draining", "stopped", "error", "ready"]),
  stop: /* @__PURE__ */ new Set(["draining", "stopped", "error", "ready"])
};
var UNHEARD_AFTER = 2.5;
var BACK_WITHIN = 3;
var Recorder = class {
  #send;
  #open;
  #now;
  #changed;
  /** @type {Stretch | null} */
  #stretch = null;
  /** @type {Promise<void> | null} */
  #closing = null;
  /** @type {State[]} the kernel's states since the last pause or stop */
  #states = [];
  /** @type {number | null} when the kernel, which had not heard this page, called it paused */
  #doubted = null;
  /**
   * @param {object} shell
   * @param {string} shell.page
   * @param {(message: Kept | import("./types.js").MicrophoneError, buffer: ArrayBuffer | null) => void} shell.send
   * @param {(events: CaptureEvents) => Capture} shell.open asks for the microphone before it returns
   * @param {() => number} shell.now seconds
   * @param {() => void} shell.changed something to show has changed
   */
  constructor({ page, send, open, now: now2, changed }) {
    this.page = page;
    this.#send = send;
    this.#open = open;
    this.#now = now2;
    this.#changed = changed;
    this.outbox = new Outbox();
    this.problem = null;
    this.asked = null;
    this.failed = false;
    this.captured = 0;
    this.level = new Level();
  }
  /** The microphone is open, or being opened. */
  get recording() {
    return Boolean(this.#stretch?.capture);
  }
  /** Something is under way that `tick` has to look after. */
  get active() {
    return this.recording || this.#closing !== null || this.outbox.length > 0;
  }
  get accepted() {
    return Boolean(this.#stretch?.accepted);
  }
  get muted() {
    return this.recording && Boolean(this.#stretch?.muted);
  }
  /** The microphone is open and yet no sound at all arrives, not even silence. */
  get starved() {
    return this.recording && Boolean(this.#stretch?.starved(this.#now()));
  }
  /** Sound arrives and is nothing but zeros. */
  get silent() {
    return this.recording && Boolean(this.#stretch?.silent(this.#now()));
  }
  /** The device that sound comes from; null while none is open. */
  get device() {
    return this.recording ? this.#stretch?.device ?? null : null;
  }
  /** Open the microphone at once, in a new epoch. Does nothing while it is open. */
  start() {
    if (this.recording) return;
    this.asked = "start";
    if (this.#closing) {
      this.#closing.then(() => this.asked === "start" && this.start());
      return;
    }
    const stretch = new Stretch();
    this.#stretch = stretch;
    this.problem = null;
    this.failed = false;
    this.#keep({ type: "start", page: this.page, epoch: stretch.epoch });
    const capture = this.#open({
      chunk: (buffer, rate, at) => this.#chunk(stretch, buffer, rate, at),
      level: (peak) => {
        stretch.level(peak, this.#now());
        this.level.hear(peak, this.#now());
      },
      ended: () => this.#ended(stretch),
      muted: (muted) => {
        stretch.muted = muted;
        this.#changed();
      }
    });
    stretch.capture = capture;
    capture.opened.then(
      (device) => {
        stretch.opened(device, this.#now());
        this.#changed();
      },
      (problem) => stretch.capture === capture && this.#failed(stretch, problem)
    );
    this.#changed();
  }
  /** Close the microphone once all it heard is on its way; the next start resumes. */
  pause() {
    this.#halt("pause");
  }
  /** The same, for good. */
  stop() {
    this.#halt("stop");
  }
  /** Open the microphone anew with other settings, if it is open. */
  reopen() {
    if (!this.recording) return;
    this.pause();
    this.start();
  }
  /**
   * Close the microphone without a word to the kernel, which is not there any more.
   * @param {Problem} problem
   */
  abandon(problem) {
    this.problem = problem;
    this.failed = true;
    this.asked = null;
    if (this.#stretch) this.#stretch.lost = true;
    this.#release();
    this.outbox.forget(() => true);
    this.#changed();
  }
  /** @param {Answer} answer from the kernel, to every page */
  receive(answer) {
    const stretch = this.#stretch;
    const now2 = this.#now();
    if (stretch && answer.epoch === stretch.epoch && (answer.type !== "accepted" || answer.page === this.page)) {
      stretch.accepted = true;
      if (this.asked === "start" && stretch.capture) this.asked = null;
    }
    if (answer.type === "ack") this.outbox.ack(answer.epoch, answer.next, now2, answer.ended);
    else if (answer.type === "again") {
      for (const { message, buffer } of this.outbox.again(answer.epoch, answer.from, answer.to, now2)) this.#send(message, buffer);
    } else if (answer.page === this.page) {
      this.outbox.settle((message) => message.type === "start" && message.epoch === answer.epoch, now2);
    } else this.#elsewhere();
    for (const { message, buffer } of this.outbox.released(now2)) this.#send(message, buffer);
    this.#changed();
  }
  /** @param {State} state the kernel's, whenever it changes */
  follow(state) {
    this.#states.push(state);
    if (this.problem === null || state !== "opening" && state !== "connecting") this.failed = false;
    this.#doubted = null;
    const doubtful = state === "paused" && this.outbox.silence(this.#now()) > UNHEARD_AFTER;
    if (this.recording && this.accepted && SETTLED.pause.has(state)) {
      if (doubtful) this.#doubted = this.#now();
      else this.#halt(state === "paused" ? "pause" : "stop", state);
    }
    const acted = { pause: state !== "draining" && SETTLED.pause.has(state), stop: SETTLED.stop.has(state) };
    if (!doubtful) this.outbox.settle(({ type }) => (type === "pause" || type === "stop") && acted[type], this.#now());
    if ((this.asked === "pause" || this.asked === "stop") && SETTLED[this.asked].has(state)) this.asked = null;
    if (state === "stopped") this.#over();
    for (const { message, buffer } of this.outbox.released(this.#now())) this.#send(message, buffer);
    this.#changed();
  }
  /** Send again what is overdue. To be called about twice a second while `active`. */
  tick() {
    const now2 = this.#now();
    if (this.#doubted !== null) {
      if (this.outbox.silence(now2) > 1) this.#doubted = now2;
      else if (now2 - this.#doubted > BACK_WITHIN) {
        this.#doubted = null;
        if (this.recording) this.#halt("pause", "paused");
      }
    }
    for (const { message, buffer } of this.outbox.due(now2)) this.#send(message, buffer);
    this.#changed();
  }
  /**
   * @param {"pause" | "stop"} type
   * @param {State[]} known states of the kernel that make it halt by itself
   */
  #halt(type, ...known) {
    this.asked = type;
    const stretch = this.#stretch;
    const states = this.#states = known;
    const tell = () => {
      const message = { type, page: this.page, epoch: stretch?.epoch ?? "", last: (stretch?.seq ?? 0) - 1 };
      if (states.some((state) => SETTLED[type].has(state))) this.#send(message, null);
      else this.#keep(message);
    };
    const closing = this.#release();
    if (closing) closing.then(tell);
    else tell();
    this.#changed();
  }
  /** "stopped" is the kernel's word that it takes no more of what it has accepted. */
  #over() {
    const stretch = this.#stretch;
    const open = stretch && !stretch.accepted ? stretch.epoch : null;
    if (stretch?.accepted) stretch.lost = true;
    this.outbox.forget((epoch) => epoch !== open);
  }
  /** @returns {Promise<void> | null} settled when the last sound is in the outbox; null if nothing is open */
  #release() {
    const capture = this.#stretch?.capture;
    if (this.#stretch && capture) {
      this.#stretch.capture = null;
      const closing = capture.close().then(() => {
        if (this.#closing === closing) this.#closing = null;
      });
      this.#closing = closing;
    }
    return this.#closing;
  }
  /**
   * @param {Stretch} stretch
   * @param {ArrayBuffer} buffer
   * @param {number} rate
   * @param {number} at
   */
  #chunk(stretch, buffer, rate, at) {
    if (stretch.lost) return;
    const seconds = buffer.byteLength / 2 / rate;
    this.captured += seconds;
    this.#keep(stretch.chunk(this.page, buffer, rate, at, this.#now()), buffer, seconds);
    if (this.outbox.state === "full" && stretch.capture) {
      this.#halt("pause");
      this.problem = OUTBOX_FULL(this.outbox.limit);
      this.#changed();
    }
  }
  /** @param {Stretch} stretch */
  #ended(stretch) {
    if (!stretch.capture) return;
    if (stretch.seq >= 10) this.reopen();
    else {
      this.#release();
      this.#failed(stretch, UNPLUGGED);
    }
  }
  /**
   * @param {Stretch} stretch
   * @param {Problem} problem
   */
  #failed(stretch, { name, message }) {
    stretch.capture = null;
    this.problem = { name, message };
    this.failed = true;
    this.asked = null;
    if (!stretch.seq) this.outbox.forget((epoch) => epoch === stretch.epoch);
    this.#send({ type: "microphone-error", name, message }, null);
    this.#changed();
  }
  /** Another page records from now on. */
  #elsewhere() {
    const stretch = this.#stretch;
    this.asked = null;
    if (!stretch) return;
    if (!stretch.accepted) {
      stretch.lost = true;
      this.outbox.forget((epoch) => epoch === stretch.epoch);
    }
    this.#release();
  }
  /**
   * @param {Kept} message
   * @param {ArrayBuffer | null} [buffer]
   * @param {number} [seconds]
   */
  #keep(message, buffer = null, seconds = 0) {
    if (this.outbox.add({ message, buffer, seconds }, this.#now())) this.#send(message, buffer);
  }
};

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
var VOICES = [
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

// src/times.js
var Times = class {
  #recorded = 0;
  #captured = 0;
  /** Seconds that went on to the service. */
  sent = 0;
  /**
   * @param {{ recorded: number, sent: number }} told by the kernel, in seconds
   * @param {number} waiting seconds that this page keeps: the kernel has not said that it has them
   * @param {number} captured seconds that this page captured so far
   */
  hear({ recorded, sent }, waiting, captured) {
    this.#recorded = Math.max(recorded + waiting, this.elapsed(captured));
    this.#captured = captured;
    this.sent = Math.max(0, sent);
  }
  /** @param {number} captured seconds that this page captured so far */
  elapsed(captured) {
    return this.#recorded + captured - this.#captured;
  }
};

// src/wake.js
var Wake = class {
  /** @type {Promise<{ release(): Promise<void> } | null> | null} */
  #lock = null;
  #wanted = false;
  /** @param {AbortSignal} signal */
  constructor(signal) {
    document.addEventListener("visibilitychange", () => this.#again(), { signal });
    signal.addEventListener("abort", () => this.hold(false), { once: true });
  }
  /** @param {boolean} wanted */
  hold(wanted) {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    if (wanted) this.#again();
    else {
      void this.#lock?.then((lock) => lock?.release());
      this.#lock = null;
    }
  }
  #again() {
    if (!this.#wanted || document.visibilityState !== "visible") return;
    const before = this.#lock;
    this.#lock = Promise.resolve(navigator.wakeLock?.request("screen")).then((lock) => lock ?? null, () => null);
    void before?.then((lock) => lock?.release());
  }
};

// src/microphone.js
var SHOWN = [
  "state",
  "status",
  "error",
  "destination",
  "notice",
  "composed",
  "busy_after",
  "disabled",
  "page",
  "better",
  "place"
];
var OPENED_WITH = SWITCHES.map(([name]) => name);
var START_WAITS = 5e3;
var NEWS = 6e3;
var microphone_default = () => {
  const page = randomName();
  const times = new Times();
  const panels2 = /* @__PURE__ */ new Map();
  let recorder;
  let devices;
  let wake;
  let dismissed = "";
  let left = false;
  let startUntil = 0;
  let link = "";
  let system = "";
  let [news, newsUntil, heard] = ["", 0, ""];
  function draw(model) {
    const traits = (
      /** @type {Traits} */
      /** @type {unknown} */
      Object.fromEntries(SHOWN.map((name) => [name, model.get(name)]))
    );
    const { recording, accepted, asked, failed, problem, muted, starved, silent, outbox, captured } = recorder;
    if (left && !recorder.active && kernelGone(model.get("layout"))) {
      const state = IDLE.has(traits.state) ? traits.state : "stopped";
      Object.assign(traits, { state, disabled: true, status: LEFT, better: {} });
    }
    const device = recorder.device?.label ?? "";
    const arranged = arrange(traits, {
      page,
      recording,
      accepted,
      asked,
      failed,
      problem,
      muted,
      starved,
      silent,
      device,
      news: Date.now() < newsUntil ? news : "",
      silence: outbox.silence(now()),
      seconds: outbox.seconds,
      limit: outbox.limit
    });
    const { destination, composed, disabled } = traits;
    const switches = (
      /** @type {Traits} */
      /** @type {unknown} */
      Object.fromEntries(OPENED_WITH.map((name) => [name, model.get(name)]))
    );
    const around = {
      destination,
      composed,
      disabled,
      recording,
      place: model.get("place"),
      notice: traits.notice === dismissed ? "" : traits.notice,
      elapsed: times.elapsed(captured),
      sent: times.sent,
      link: arranged.state === "error" ? link : "",
      better: offer(traits.better ?? {}, IDLE.has(arranged.state)),
      settings: { choices: choices(devices.list), chosen: model.get("device") || recall(devices.remembered, devices.list), device, switches, disabled }
    };
    for (const panel of panels2.values()) panel.draw({ ...arranged, ...around });
    wake.hold(recording);
  }
  function dismiss(model) {
    dismissed = model.get("notice");
    write2(model, { notice: "" });
  }
  function write2(model, traits) {
    try {
      for (const [name, value] of Object.entries(traits)) model.set(
        /** @type {keyof Traits & string} */
        name,
        value
      );
      model.save_changes();
    } catch {
    }
  }
  function send(model, message, buffer = null) {
    try {
      model.send(message, void 0, buffer ? [buffer] : []);
    } catch {
    }
  }
  function startIfSeen() {
    if (Date.now() > startUntil || !panels2.size || document.visibilityState !== "visible") return;
    startUntil = 0;
    recorder.start();
  }
  function opened() {
    const label = recorder.device?.label ?? "";
    if (!label || label === heard) return;
    if (heard) [news, newsUntil] = [`the microphone has changed: ${label}`, Date.now() + NEWS];
    heard = label;
    system = devices.system;
    void devices.refresh();
  }
  function plugged(model) {
    const before = system;
    system = devices.system;
    const follows = !model.get("device") && !recall(devices.remembered, devices.list);
    if (recorder.recording && follows && before && system && before !== system) recorder.reopen();
    draw(model);
  }
  function initialize({ model, signal }) {
    let ticking = null;
    devices = new Devices(() => plugged(model), signal);
    wake = new Wake(signal);
    const changed = () => {
      if (recorder.active && ticking === null) ticking = setInterval(() => recorder.tick(), 500);
      if (!recorder.active && ticking !== null) {
        clearInterval(ticking);
        ticking = null;
      }
      opened();
      draw(model);
    };
    recorder = new Recorder({
      page,
      now,
      changed,
      send(message, buffer) {
        send(model, message, buffer);
        if (message.type === "microphone-error" && helpsElsewhere(message)) send(model, { type: "capture-page", page });
      },
      open: (events) => {
        link = "";
        const [echo_cancellation, noise_suppression, auto_gain] = OPENED_WITH.map((name) => model.get(name));
        const [device, preferred] = [model.get("device"), recall(devices.remembered, devices.list)];
        return openCapture(
          /** @type {any} */
          { device, preferred, echo_cancellation, noise_suppression, auto_gain },
          events,
          signal
        );
      }
    });
    for (const name of SHOWN) model.on(`change:${name}`, () => name === "state" ? recorder.follow(model.get("state")) : draw(model));
    for (
      const name of
      /** @type {const} */
      ["device", ...OPENED_WITH]
    ) model.on(`change:${name}`, () => (draw(model), recorder.reopen()));
    let done = model.get("command")?.n ?? 0;
    model.on("change:command", () => {
      const { name, n = 0 } = model.get("command");
      if (n <= done) return;
      done = n;
      startUntil = 0;
      if (name === "start") {
        startUntil = Date.now() + START_WAITS;
        startIfSeen();
      } else if (recorder.recording) name === "pause" ? recorder.pause() : recorder.stop();
    });
    model.on("msg:custom", (message) => {
      if (["accepted", "ack", "again"].includes(message?.type)) recorder.receive(message);
      else if (message?.type === "clock") times.hear(message, recorder.outbox.seconds, recorder.captured);
      else if (message?.type === "capture-page" && message.page === page) link = message.address;
      else return;
      draw(model);
    });
    model.on(
      "comm_live_update",
      () => (
        // Later: the models of a kernel learn one after the other that it is gone.
        setTimeout(() => {
          left = true;
          if (recorder.active && kernelGone(model.get("layout"))) recorder.abandon(GONE);
          draw(model);
        })
      )
    );
    document.addEventListener("visibilitychange", startIfSeen, { signal });
    signal.addEventListener("abort", () => ticking !== null && clearInterval(ticking), { once: true });
    void devices.refresh();
    send(model, { type: "hello", page });
  }
  function render({ model, el, signal }) {
    addStyle(el);
    const panel = new Panel(el, { act, change, level: () => recorder.level.shown(now()) }, signal);
    panels2.set(el, panel);
    signal.addEventListener("abort", () => panels2.delete(el), { once: true });
    draw(model);
    startIfSeen();
    function change(change2) {
      if (change2.device !== void 0) devices.remember(change2.device);
      write2(model, change2);
      draw(model);
    }
    function act(action) {
      if (action === "warm") return recorder.recording ? void 0 : warmUp();
      if (action === "dismiss") dismiss(model);
      else if (action === "fetch" || action === "cancel") send(model, { type: "fetch", page, cancel: action === "cancel" });
      else if (kernelGone(model.get("layout"))) recorder.abandon(GONE);
      else if (model.get("place") === "kernel") send(model, { type: action, page, epoch: randomName(), last: -1 });
      else recorder[action]();
      draw(model);
    }
  }
  return { initialize, render };
};
function now() {
  return performance.now() / 1e3;
}
export {
  microphone_default as default
};
