import { kernelGone } from "./kernel_gone.js";
import { Lines } from "./lines.js";
import { randomName } from "./random_name.js";
import { addStyle, hideTwin } from "./style.js";
import { View } from "./view.js";
import { wellFormed } from "./well_formed.js";

/**
 * @typedef {import("./types.js").TranscriptViewTraits & import("./types.js").Widget} Traits
 * @typedef {import("@anywidget/types").AnyModel<Traits>} Model
 */

/** Milliseconds at least between two hellos that were answered. */
const ASK_RARELY = 1000;
/** Milliseconds until an unanswered hello is said again, and from then on twice as long each time. */
const ASK_AGAIN = 5000;
const ASK_AT_MOST = 80000;

/** Traits that a view shows. @type {(keyof Traits & string)[]} */
const SHOWN = ["placeholder", "waiting", "direction", "composed", "disabled", "done", "next_step"];

// One call per model: what `initialize` makes, each `render` uses.
export default () => {
  const page = randomName();
  const lines = new Lines();
  /** @type {Set<(changes: import("./lines.js").Changes) => void>} */
  const updates = new Set();
  /** @type {Map<string, View>} */
  const views = new Map();

  /** @type {import("@anywidget/types").Initialize<Traits>} */
  function initialize({ model, signal }) {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let asking;
    let patience = ASK_AGAIN;
    let asked = 0;

    const ask = () => {
      asked = performance.now();
      try {
        model.send({ type: "hello", page, revision: Math.max(0, lines.revision) });
      } catch {
        // A model from a saved notebook: its snapshot is all there is.
      }
      asking = patience > ASK_AT_MOST ? undefined : setTimeout(again, patience);
      patience *= 2;
    };
    const again = () => {
      asking = undefined;
      if (lines.missing) ask();
    };
    const askSoon = () => {
      if (lines.missing && asking === undefined) asking = setTimeout(again, Math.max(0, asked + ASK_RARELY - performance.now()));
    };
    const update = (/** @type {import("./lines.js").Changes} */ changes) => {
      for (const draw of updates) draw(changes);
    };

    lines.snapshot(wellFormed(model.get("snapshot")));
    model.on("change:snapshot", () => update(lines.snapshot(wellFormed(model.get("snapshot")))));
    model.on("msg:custom", (message, buffers) => {
      if (message?.type === "snapshot") {
        clearTimeout(asking);
        asking = undefined;
        patience = ASK_AGAIN;
        update(lines.snapshot(message));
        askSoon();
      } else if (message?.type === "patch") {
        update(lines.patch(message));
        askSoon();
      } else views.get(message?.page)?.answer(message, buffers);
    });
    signal.addEventListener("abort", () => clearTimeout(asking), { once: true });
    // Whatever was said between the kernel's state and this moment has passed unheard.
    ask();
  }

  /** @type {import("@anywidget/types").Render<Traits>} */
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
    /** @type {(() => void) | null} */
    let showTwin = null;
    const show = () => {
      view.show(/** @type {import("./view.js").Shown} */ (Object.fromEntries(SHOWN.map((key) => [key, model.get(key)]))));
    };
    const hide = () => {
      showTwin?.();
      // Without a kernel and without words the twin is all there is.
      const empty = lines.all.length === 0 && kernelGone(model.get("layout"));
      showTwin = empty || signal.aborted ? null : hideTwin(el.ownerDocument, model.get("twin"));
    };
    const draw = (/** @type {import("./lines.js").Changes} */ changes) => {
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
      { once: true },
    );
    show();
    draw({ upsert: lines.all, remove: [] });
  }

  return { initialize, render };
};
