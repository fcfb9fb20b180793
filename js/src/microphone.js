import { offer } from "./better.js";
import { openCapture } from "./capture.js";
import { arrange, IDLE } from "./controls.js";
import { choices, Devices, recall } from "./devices.js";
import { warmUp } from "./graph.js";
import { kernelGone } from "./kernel_gone.js";
import { Panel } from "./panel.js";
import { randomName } from "./random_name.js";
import { Recorder } from "./recorder.js";
import { GONE, helpsElsewhere, LEFT } from "./sentences.js";
import { SWITCHES } from "./settings.js";
import { addStyle } from "./style.js";
import { Times } from "./times.js";
import { Wake } from "./wake.js";

/**
 * @typedef {import("./types.js").MicrophoneTraits & import("./types.js").Widget} Traits
 * @typedef {import("@anywidget/types").AnyModel<Traits>} Model
 */

/** Traits that change what is shown. @type {(keyof Traits & string)[]} */
const SHOWN = [
  "state", "status", "error", "destination", "notice", "composed", "busy_after", "disabled", "page", "better", "place",
];
/** Traits that a microphone is opened with. */
const OPENED_WITH = SWITCHES.map(([name]) => name);

/** Milliseconds that a `.start()` from Python waits for a view to appear. */
const START_WAITS = 5000;

/** Milliseconds that a passing sentence stays. */
const NEWS = 6000;

// One call per model: what `initialize` makes, each `render` uses.
export default () => {
  const page = randomName();
  const times = new Times();
  /** @type {Map<HTMLElement, Panel>} */
  const panels = new Map();
  /** @type {Recorder} */
  let recorder;
  /** @type {Devices} */
  let devices;
  /** @type {Wake} */
  let wake;
  let dismissed = "";
  let left = false; // the kernel has been there, and went
  let startUntil = 0; // a `.start()` from Python that waits for a view
  let link = ""; // to a page that may use a microphone
  let system = ""; // the system's own choice when the microphone was opened
  let [news, newsUntil, heard] = ["", 0, ""];

  /** @param {Model} model */
  function draw(model) {
    const traits = /** @type {Traits} */ (/** @type {unknown} */ (Object.fromEntries(SHOWN.map((name) => [name, model.get(name)]))));
    const { recording, accepted, asked, failed, problem, muted, starved, silent, outbox, captured } = recorder;
    if (left && !recorder.active && kernelGone(model.get("layout"))) {
      const state = IDLE.has(traits.state) ? traits.state : "stopped";
      Object.assign(traits, { state, disabled: true, status: LEFT, better: {} });
    }
    const device = recorder.device?.label ?? "";
    const arranged = arrange(traits, {
      page, recording, accepted, asked, failed, problem, muted, starved, silent, device, news: Date.now() < newsUntil ? news : "",
      silence: outbox.silence(now()), seconds: outbox.seconds, limit: outbox.limit,
    });
    const { destination, composed, disabled } = traits;
    const switches = /** @type {Traits} */ (/** @type {unknown} */ (Object.fromEntries(OPENED_WITH.map((name) => [name, model.get(name)]))));
    const around = {
      destination, composed, disabled, recording, place: model.get("place"),
      notice: traits.notice === dismissed ? "" : traits.notice,
      elapsed: times.elapsed(captured), sent: times.sent,
      link: arranged.state === "error" ? link : "",
      better: offer(traits.better ?? {}, IDLE.has(arranged.state)),
      settings: { choices: choices(devices.list), chosen: model.get("device") || recall(devices.remembered, devices.list), device, switches, disabled },
    };
    for (const panel of panels.values()) panel.draw({ ...arranged, ...around });
    wake.hold(recording);
  }

  /** @param {Model} model */
  function dismiss(model) {
    dismissed = model.get("notice");
    write(model, { notice: "" }); // once is enough, for other windows and after a reload too
  }

  /** @param {Model} model @param {Partial<Traits>} traits */
  function write(model, traits) {
    try {
      for (const [name, value] of Object.entries(traits)) model.set(/** @type {keyof Traits & string} */ (name), value);
      model.save_changes();
    } catch {
      // Without a kernel it is so in this page alone.
    }
  }

  /** @param {Model} model @param {object} message @param {ArrayBuffer | null} [buffer] */
  function send(model, message, buffer = null) {
    try {
      model.send(message, undefined, buffer ? [buffer] : []);
    } catch {
      // No way to the kernel: what matters is in the outbox, and is sent again.
    }
  }

  /** Follow a `.start()` of Python's if this is a page that somebody sees. */
  function startIfSeen() {
    if (Date.now() > startUntil || !panels.size || document.visibilityState !== "visible") return;
    startUntil = 0;
    recorder.start();
  }

  /** The microphone is open: which one is it, and is it another one than before? */
  function opened() {
    const label = recorder.device?.label ?? "";
    if (!label || label === heard) return;
    if (heard) [news, newsUntil] = [`the microphone has changed: ${label}`, Date.now() + NEWS];
    heard = label;
    system = devices.system;
    void devices.refresh(); // with names, now that there is leave
  }

  /** @param {Model} model the devices of this computer are others now */
  function plugged(model) {
    const before = system;
    system = devices.system;
    const follows = !model.get("device") && !recall(devices.remembered, devices.list);
    if (recorder.recording && follows && before && system && before !== system) recorder.reopen();
    draw(model);
  }

  /** @type {import("@anywidget/types").Initialize<Traits>} */
  function initialize({ model, signal }) {
    /** @type {ReturnType<typeof setInterval> | null} */
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
        return openCapture(/** @type {any} */ ({ device, preferred, echo_cancellation, noise_suppression, auto_gain }), events, signal);
      },
    });

    for (const name of SHOWN) model.on(`change:${name}`, () => (name === "state" ? recorder.follow(model.get("state")) : draw(model)));
    for (const name of /** @type {const} */ (["device", ...OPENED_WITH])) model.on(`change:${name}`, () => (draw(model), recorder.reopen()));
    // What was asked before this page came is over.
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
    model.on("comm_live_update", () =>
      // Later: the models of a kernel learn one after the other that it is gone.
      setTimeout(() => {
        left = true;
        if (recorder.active && kernelGone(model.get("layout"))) recorder.abandon(GONE);
        draw(model);
      }),
    );
    document.addEventListener("visibilitychange", startIfSeen, { signal });
    signal.addEventListener("abort", () => ticking !== null && clearInterval(ticking), { once: true });
    void devices.refresh();
    send(model, { type: "hello", page });
  }

  /** @type {import("@anywidget/types").Render<Traits>} */
  function render({ model, el, signal }) {
    addStyle(el);
    const panel = new Panel(el, { act, change, level: () => recorder.level.shown(now()) }, signal);
    panels.set(el, panel);
    signal.addEventListener("abort", () => panels.delete(el), { once: true });
    draw(model);
    startIfSeen();

    /** @param {import("./settings.js").Change} change */
    function change(change) {
      if (change.device !== undefined) devices.remember(change.device);
      write(model, change);
      draw(model);
    }

    /** @param {import("./panel.js").Action} action */
    function act(action) {
      if (action === "warm") return recorder.recording ? undefined : warmUp();
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

/** Seconds, from any beginning. */
function now() {
  return performance.now() / 1000;
}
