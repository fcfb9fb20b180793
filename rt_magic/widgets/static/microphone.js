// Generated from js/src (sha256 a583d24e15c1603cc358f9cb20c89786e9560665eb2907cdb93e4ea34aeb9fb0); edit there, then: npm --prefix js run build

// worklet:worklet:code
var worklet_code_default = '// src/pcm.js\nvar CHUNK_SECONDS = 0.1;\nfunction toInt16(samples) {\n  const pcm = new Int16Array(samples.length);\n  for (let i = 0; i < samples.length; i++) {\n    pcm[i] = Math.max(-32768, Math.min(32767, Math.round(\n      /** @type {number} */\n      samples[i] * 32768\n    )));\n  }\n  return pcm;\n}\nvar Chunker = class {\n  #chunk;\n  #filled = 0;\n  /** @param {number} length samples per chunk */\n  constructor(length) {\n    this.#chunk = new Float32Array(length);\n  }\n  /**\n   * Take samples in, give the chunks that are full.\n   * @param {Float32Array} samples\n   * @returns {Int16Array<ArrayBuffer>[]}\n   */\n  push(samples) {\n    const full = [];\n    for (let taken = 0; taken < samples.length; ) {\n      const part = samples.subarray(taken, taken + this.#chunk.length - this.#filled);\n      this.#chunk.set(part, this.#filled);\n      this.#filled += part.length;\n      taken += part.length;\n      if (this.#filled === this.#chunk.length) full.push(...this.flush());\n    }\n    return full;\n  }\n  /**\n   * Give what has been collected so far: one chunk, or none.\n   * @returns {Int16Array<ArrayBuffer>[]}\n   */\n  flush() {\n    if (this.#filled === 0) return [];\n    const pcm = toInt16(this.#chunk.subarray(0, this.#filled));\n    this.#filled = 0;\n    return [pcm];\n  }\n};\n\n// src/worklet.js\nvar Tap = class extends AudioWorkletProcessor {\n  #chunker = new Chunker(Math.round(sampleRate * CHUNK_SECONDS));\n  #open = true;\n  constructor() {\n    super();\n    this.port.onmessage = () => {\n      this.#open = false;\n      this.#post(this.#chunker.flush());\n      this.port.postMessage("flushed");\n    };\n  }\n  /** @param {Float32Array[][]} inputs */\n  process([input]) {\n    const samples = input?.[0];\n    if (this.#open && samples) this.#post(this.#chunker.push(samples));\n    return this.#open;\n  }\n  /** @param {Int16Array<ArrayBuffer>[]} chunks */\n  #post(chunks) {\n    for (const { buffer } of chunks) this.port.postMessage({ buffer, at: Date.now() / 1e3 }, [buffer]);\n  }\n};\nregisterProcessor("rt-magic-tap", Tap);\n';

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

// src/capture.js
var RATE = 24e3;
var TAIL = 0.15;
var PATIENCE = 1;
var nativeRate = false;
var delay = (seconds) => new Promise((resolve) => setTimeout(resolve, 1e3 * seconds));
function onAbort(signal, act) {
  if (signal.aborted) act();
  else signal.addEventListener("abort", act, { once: true });
}
var failure = (name, message) => Object.assign(new Error(String(message)), { name });
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
    const prepared = prepare(life);
    prepared.catch(() => {
    });
    const stream = await asked;
    const release = () => stream.getTracks().forEach((track) => track.stop());
    onAbort(life, release);
    if (life.aborted) return;
    for (const track of stream.getAudioTracks()) {
      track.addEventListener("ended", events.ended, { signal: life });
      track.addEventListener("mute", () => events.muted(true), { signal: life });
      track.addEventListener("unmute", () => events.muted(false), { signal: life });
      if (track.muted) events.muted(true);
    }
    const context = await connect(await prepared, stream);
    if (life.aborted) return;
    if (context.state === "suspended") await Promise.race([context.resume(), delay(PATIENCE)]);
    if (context.state === "suspended" && !life.aborted) throw failure("SuspendedError", "the audio context is suspended");
  }
  async function connect(context, stream) {
    let source;
    try {
      source = context.createMediaStreamSource(stream);
    } catch (error) {
      if (nativeRate) throw error;
      nativeRate = true;
      void context.close();
      context = await prepare(life);
      source = context.createMediaStreamSource(stream);
    }
    if (life.aborted) return context;
    tap = new AudioWorkletNode(context, "rt-magic-tap", { channelCount: 1, channelCountMode: "explicit" });
    const rate = context.sampleRate;
    tap.port.addEventListener("message", ({ data }) => data.buffer && events.chunk(data.buffer, rate, data.at));
    tap.port.start();
    source.connect(tap).connect(context.destination);
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
  return context;
}
function constraints({ device, echo_cancellation, noise_suppression, auto_gain }) {
  return {
    ...device && { deviceId: { exact: device } },
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
  if (elsewhere || state !== "listening" && state !== "paused") return { primary, secondary: null };
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
    if (elsewhere) return "recording from another window";
    if (state === "opening" && known !== "opening") return "opening the microphone; the browser may ask whether it is allowed";
    return status;
  }
}

// src/kernel_gone.js
var kernelGone = (layout) => (
  /** @type {{ comm_live?: boolean } | undefined} */
  layout?.comm_live === false
);

// src/panel.js
var ACTIONS = { Start: "start", Resume: "start", Pause: "pause", Stop: "stop" };
var panels = 0;
function element(tag, name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), { className: name }, properties);
  made.append(...children);
  return made;
}
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
var Panel = class {
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
    this.#destination.id = `rt-destination-${panels += 1}-${Date.now().toString(36)}`;
    this.#primary.setAttribute("aria-describedby", this.#destination.id);
    this.#wait.setAttribute("aria-hidden", "true");
    status.setAttribute("role", "status");
    this.#error.setAttribute("role", "alert");
    el.classList.add("rt-microphone");
    el.replaceChildren(
      this.#destination,
      element("div", "rt-controls", {}, this.#primary, this.#secondary, status),
      this.#noticeLine,
      this.#error
    );
    for (const button of [this.#primary, this.#secondary]) {
      button.addEventListener("click", (event) => event.detail < 2 && act(
        /** @type {Action} */
        button.dataset.action
      ), { signal });
    }
    dismiss.addEventListener("click", () => act("dismiss"), { signal });
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
   * Keep a message that is being sent now.
   * @param {Entry<M>} entry
   * @param {number} now
   */
  add(entry, now2) {
    if (!this.length) this.#heard(now2);
    this.#entries.push(entry);
    this.seconds += entry.seconds;
  }
  /**
   * Let go of all chunks of an epoch below `next`; its start has arrived as well.
   * @param {string} epoch
   * @param {number} next
   * @param {number} now
   */
  ack(epoch, next, now2) {
    this.#heard(now2);
    this.#drop(({ message: m }) => m.epoch === epoch && (m.type === "start" || (m.seq ?? Infinity) < next));
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
    return this.#entries.filter(
      ({ message: m }) => m.epoch === epoch && m.seq !== void 0 && from <= m.seq && m.seq < to
    );
  }
  /**
   * Let go of start, pause and stop messages that the kernel has acted on, and of the starts before them.
   * @param {(message: M) => boolean} settled
   * @param {number} now
   */
  settle(settled, now2) {
    const done = this.#entries.filter(({ message: m }) => m.seq === void 0 && settled(m));
    if (!done.length) return;
    this.#heard(now2);
    const epochs = new Set(done.map(({ message: m }) => m.epoch));
    this.#drop((e) => done.includes(e) || e.message.type === "start" && epochs.has(e.message.epoch));
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
   * bounded parts, one call after the other; then a pause that doubles with each round.
   * @param {number} now
   * @returns {Entry<M>[]}
   */
  due(now2) {
    if (now2 < this.#round || this.silence(now2) < this.resendAfter) return [];
    const part = this.#entries.slice(this.#cursor, this.#cursor + BATCH);
    this.#cursor += part.length;
    if (this.#cursor >= this.length) {
      this.#cursor = 0;
      this.#pause = Math.min(2 * this.#pause, this.resendAtMost);
      this.#round = now2 + this.#pause;
    }
    return part;
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

// src/recorder.js
var SETTLED = {
  pause: /* @__PURE__ */ new Set(["paused", "draining", "stopped", "error", "ready"]),
  stop: /* @__PURE__ */ new Set(["draining", "stopped", "error", "ready"])
};
var STARVED_AFTER = 3;
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
    const heard = this.recording ? this.#stretch?.heard : null;
    return heard != null && this.#now() - heard > STARVED_AFTER;
  }
  /** Open the microphone at once, in a new epoch. Does nothing while it is open. */
  start() {
    if (this.recording) return;
    this.asked = "start";
    if (this.#closing) {
      this.#closing.then(() => this.asked === "start" && this.start());
      return;
    }
    const stretch = {
      epoch: randomName(),
      seq: 0,
      first: 0,
      accepted: false,
      lost: false,
      heard: null,
      muted: false,
      capture: null
    };
    this.#stretch = stretch;
    this.problem = null;
    this.failed = false;
    this.#keep({ type: "start", page: this.page, epoch: stretch.epoch });
    const capture = this.#open({
      chunk: (buffer, rate, at) => this.#chunk(stretch, buffer, rate, at),
      ended: () => this.#ended(stretch),
      muted: (muted) => {
        stretch.muted = muted;
        this.#changed();
      }
    });
    stretch.capture = capture;
    capture.opened.then(
      () => {
        stretch.heard = this.#now();
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
    if (stretch && answer.epoch === stretch.epoch) {
      stretch.accepted = true;
      if (this.asked === "start" && stretch.capture) this.asked = null;
    }
    if (answer.type === "ack") this.outbox.ack(answer.epoch, answer.next, now2);
    else if (answer.type === "again") {
      for (const { message, buffer } of this.outbox.again(answer.epoch, answer.from, answer.to, now2)) this.#send(message, buffer);
    } else if (answer.page === this.page) {
      this.outbox.settle((message) => message.type === "start" && message.epoch === answer.epoch, now2);
    } else this.#elsewhere();
    this.#changed();
  }
  /** @param {State} state the kernel's, whenever it changes */
  follow(state) {
    this.#states.push(state);
    this.failed = false;
    if (this.recording && this.accepted && SETTLED.pause.has(state)) this.#halt(state === "paused" ? "pause" : "stop", state);
    this.outbox.settle(({ type }) => (type === "pause" || type === "stop") && SETTLED[type].has(state), this.#now());
    if ((this.asked === "pause" || this.asked === "stop") && SETTLED[this.asked].has(state)) this.asked = null;
    if (state === "stopped") this.#over();
    this.#changed();
  }
  /** Send again what is overdue. To be called about twice a second while `active`. */
  tick() {
    for (const { message, buffer } of this.outbox.due(this.#now())) this.#send(message, buffer);
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
    const { epoch, first } = stretch;
    const samples = buffer.byteLength / 2;
    const seq = stretch.seq++;
    stretch.first += samples;
    stretch.heard = this.#now();
    this.#keep({ type: "audio", page: this.page, epoch, seq, first, captured_at: at, rate }, buffer, samples / rate);
    if (this.outbox.state === "full" && stretch.capture) {
      this.#halt("pause");
      this.problem = {
        name: "OutboxFullError",
        message: `The kernel has taken no sound for ${Math.round(this.outbox.limit / 60)} minutes, so the microphone was closed. What was said until now waits in this page and goes on its way when the kernel answers; do not close the page.`
      };
      this.#changed();
    }
  }
  /** @param {Stretch} stretch */
  #ended(stretch) {
    if (!stretch.capture) return;
    if (stretch.seq >= 10) this.reopen();
    else {
      const message = "The microphone was unplugged or taken away. Connect one, then click Start.";
      this.#release();
      this.#failed(stretch, { name: "NotReadableError", message });
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
    this.outbox.add({ message, buffer, seconds }, this.#now());
    this.#send(message, buffer);
  }
};

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
.rt-view[style*="height"] > .rt-scroll { flex: 1 1 0; }
.rt-view[style*="height"] .rt-log { max-height: none; flex: 1 1 0; }
.rt-block { content-visibility: auto; contain-intrinsic-size: auto 1400px; }
.rt-block:last-child { content-visibility: visible; }
.rt-newest {
  position: absolute; inset-block-end: 8px; inset-inline: 0; margin-inline: auto; width: fit-content;
  border: 1px solid var(--rt-line); border-radius: 14px; background: var(--rt-ground); color: var(--rt-text); box-shadow: 0 1px 4px rgb(0 0 0 / 25%);
}
.rt-newest:hover { background: var(--rt-hover); }
.rt-unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }

.rt-view [data-sid] {
  position: relative; margin: 0; padding: 2px 6px 2px 4.3em; border-radius: 4px; overflow-wrap: anywhere; min-height: 24px;
}
.rt-view [data-sid]:dir(rtl) { padding: 2px 4.3em 2px 6px; }
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
[data-voice]::before { content: ""; position: absolute; inset-block: 3px; inset-inline-start: 0; border-inline-start: 3px solid var(--rt-voice); border-radius: 2px; }
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
function addStyle(document2) {
  const known = document2.getElementById(ID);
  const style = known ?? document2.createElement("style");
  if (style.textContent !== STYLE) style.textContent = STYLE;
  if (known) return;
  style.id = ID;
  document2.head.append(style);
}

// src/microphone.js
var SHOWN = ["state", "status", "error", "destination", "notice", "composed", "busy_after", "disabled", "page"];
var SETTINGS = ["device", "echo_cancellation", "noise_suppression", "auto_gain"];
var START_WAITS = 5e3;
var GONE = {
  name: "KernelGoneError",
  message: "The kernel that this cell belongs to is gone. Run the cell again, then click Start."
};
var microphone_default = () => {
  const page = randomName();
  const panels2 = /* @__PURE__ */ new Map();
  let recorder;
  let dismissed = "";
  let startUntil = 0;
  function draw(model) {
    const traits = (
      /** @type {Traits} */
      /** @type {unknown} */
      Object.fromEntries(SHOWN.map((name) => [name, model.get(name)]))
    );
    const { recording, accepted, asked, failed, problem, muted, starved, outbox } = recorder;
    const silence = outbox.silence(now());
    const { seconds, limit } = outbox;
    const arranged = arrange(traits, { page, recording, accepted, asked, failed, problem, muted, starved, silence, seconds, limit });
    const notice = traits.notice === dismissed ? "" : traits.notice;
    for (const panel of panels2.values()) panel.draw({ ...arranged, notice, destination: traits.destination, composed: traits.composed });
  }
  function dismiss(model) {
    dismissed = model.get("notice");
    try {
      model.set("notice", "");
      model.save_changes();
    } catch {
    }
  }
  function startIfSeen() {
    if (Date.now() > startUntil || !panels2.size || document.visibilityState !== "visible") return;
    startUntil = 0;
    recorder.start();
  }
  function initialize({ model, signal }) {
    let ticking = null;
    const changed = () => {
      if (recorder.active && ticking === null) ticking = setInterval(() => recorder.tick(), 500);
      if (!recorder.active && ticking !== null) {
        clearInterval(ticking);
        ticking = null;
      }
      draw(model);
    };
    recorder = new Recorder({
      page,
      now,
      changed,
      send(message, buffer) {
        try {
          model.send(message, void 0, buffer ? [buffer] : []);
        } catch {
        }
      },
      open: (events) => {
        const [device, echo_cancellation, noise_suppression, auto_gain] = SETTINGS.map((name) => model.get(name));
        return openCapture(
          /** @type {any} */
          { device, echo_cancellation, noise_suppression, auto_gain },
          events,
          signal
        );
      }
    });
    for (const name of SHOWN) model.on(`change:${name}`, () => name === "state" ? recorder.follow(model.get("state")) : draw(model));
    for (const name of SETTINGS) model.on(`change:${name}`, () => recorder.reopen());
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
    });
    model.on(
      "comm_live_update",
      () => (
        // Later: the models of a kernel learn one after the other that it is gone.
        setTimeout(() => recorder.active && kernelGone(model.get("layout")) && recorder.abandon(GONE))
      )
    );
    document.addEventListener("visibilitychange", startIfSeen, { signal });
    signal.addEventListener("abort", () => ticking !== null && clearInterval(ticking), { once: true });
    try {
      model.send({ type: "hello", page });
    } catch {
    }
  }
  function render({ model, el, signal }) {
    addStyle(el.ownerDocument);
    const panel = new Panel(el, act, signal);
    panels2.set(el, panel);
    signal.addEventListener("abort", () => panels2.delete(el), { once: true });
    draw(model);
    startIfSeen();
    function act(action) {
      if (action === "dismiss") dismiss(model);
      else if (kernelGone(model.get("layout"))) recorder.abandon(GONE);
      else if (model.get("place") === "kernel") model.send({ type: action, page, epoch: randomName(), last: -1 });
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
