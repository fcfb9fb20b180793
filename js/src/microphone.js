import { openCapture } from "./capture.js";
import { arrange } from "./controls.js";
import { kernelGone } from "./kernel_gone.js";
import { Panel } from "./panel.js";
import { randomName } from "./random_name.js";
import { Recorder } from "./recorder.js";
import { addStyle } from "./style.js";

/**
 * @typedef {import("./types.js").MicrophoneTraits & import("./types.js").Widget} Traits
 * @typedef {import("@anywidget/types").AnyModel<Traits>} Model
 */

/** Traits that change what is shown. @type {(keyof Traits & string)[]} */
const SHOWN = ["state", "status", "error", "destination", "notice", "composed", "busy_after", "disabled", "page"];
/** Traits that a microphone is opened with. @type {(keyof Traits & string)[]} */
const SETTINGS = ["device", "echo_cancellation", "noise_suppression", "auto_gain"];

/** Milliseconds that a `.start()` from Python waits for a view to appear. */
const START_WAITS = 5000;

const GONE = {
  name: "KernelGoneError",
  message: "The kernel that this cell belongs to is gone. Run the cell again, then click Start.",
};

// One call per model: what `initialize` makes, each `render` uses.
export default () => {
  const page = randomName();
  /** @type {Map<HTMLElement, Panel>} */
  const panels = new Map();
  /** @type {Recorder} */
  let recorder;
  let dismissed = "";
  let startUntil = 0; // a `.start()` from Python that waits for a view

  /** @param {Model} model */
  function draw(model) {
    const traits = /** @type {Traits} */ (/** @type {unknown} */ (Object.fromEntries(SHOWN.map((name) => [name, model.get(name)]))));
    const { recording, accepted, asked, failed, problem, muted, starved, outbox } = recorder;
    const silence = outbox.silence(now());
    const { seconds, limit } = outbox;
    const arranged = arrange(traits, { page, recording, accepted, asked, failed, problem, muted, starved, silence, seconds, limit });
    const notice = traits.notice === dismissed ? "" : traits.notice;
    for (const panel of panels.values()) panel.draw({ ...arranged, notice, destination: traits.destination, composed: traits.composed });
  }

  /** @param {Model} model */
  function dismiss(model) {
    dismissed = model.get("notice");
    try {
      model.set("notice", ""); // once is enough, for other windows and after a reload too
      model.save_changes();
    } catch {
      // Without a kernel it is gone from this page alone.
    }
  }

  /** Follow a `.start()` of Python's if this is a page that somebody sees. */
  function startIfSeen() {
    if (Date.now() > startUntil || !panels.size || document.visibilityState !== "visible") return;
    startUntil = 0;
    recorder.start();
  }

  /** @type {import("@anywidget/types").Initialize<Traits>} */
  function initialize({ model, signal }) {
    /** @type {ReturnType<typeof setInterval> | null} */
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
          model.send(message, undefined, buffer ? [buffer] : []);
        } catch {
          // No way to the kernel: the outbox has it, and it is sent again.
        }
      },
      open: (events) => {
        const [device, echo_cancellation, noise_suppression, auto_gain] = SETTINGS.map((name) => model.get(name));
        return openCapture(/** @type {any} */ ({ device, echo_cancellation, noise_suppression, auto_gain }), events, signal);
      },
    });

    for (const name of SHOWN) model.on(`change:${name}`, () => (name === "state" ? recorder.follow(model.get("state")) : draw(model)));
    for (const name of SETTINGS) model.on(`change:${name}`, () => recorder.reopen());
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
    });
    model.on("comm_live_update", () =>
      // Later: the models of a kernel learn one after the other that it is gone.
      setTimeout(() => recorder.active && kernelGone(model.get("layout")) && recorder.abandon(GONE)),
    );
    document.addEventListener("visibilitychange", startIfSeen, { signal });
    signal.addEventListener("abort", () => ticking !== null && clearInterval(ticking), { once: true });
    try {
      model.send({ type: "hello", page });
    } catch {
      // A model from a saved notebook: drawn, but nobody is there.
    }
  }

  /** @type {import("@anywidget/types").Render<Traits>} */
  function render({ model, el, signal }) {
    addStyle(el.ownerDocument);
    const panel = new Panel(el, act, signal);
    panels.set(el, panel);
    signal.addEventListener("abort", () => panels.delete(el), { once: true });
    draw(model);
    startIfSeen();

    /** @param {import("./panel.js").Action} action */
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

/** Seconds, from any beginning. */
function now() {
  return performance.now() / 1000;
}
