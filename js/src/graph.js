import worklet from "worklet:code";

/** Hz; what every service takes. */
const RATE = 24000;

/** Milliseconds that a graph is kept for a click that may come. */
const KEPT = 20000;

/** Firefox refuses a stream in a context of another rate (Mozilla bug 1674892); known after the first try. */
let nativeRate = false;

/** @typedef {{ context: AudioContext, tap: AudioWorkletNode }} Graph the tap gives what it hears, once a source leads to it */

/** @type {{ graph: Promise<Graph>, life: AbortController } | null} */
let warm = null;

/** @param {AbortSignal} signal @param {() => void} act at once if it is aborted already */
export function onAbort(signal, act) {
  if (signal.aborted) act();
  else signal.addEventListener("abort", act, { once: true });
}

/** @param {string} name @param {unknown} message */
export const failure = (name, message) => Object.assign(new Error(String(message)), { name });

/**
 * Build a graph before it is asked for: no microphone, nothing runs, but the click need not wait for it. What could
 * not be built is tried again at the click, and told then.
 */
export function warmUp() {
  if (warm) return;
  const life = new AbortController();
  const made = { graph: prepare(life.signal), life };
  warm = made;
  const drop = () => {
    if (warm !== made) return; // it was taken
    warm = null;
    life.abort();
  };
  made.graph.catch(drop);
  setTimeout(drop, KEPT);
}

/**
 * A graph that lacks only its source, running or about to.
 * @param {AbortSignal} life closes it
 */
export function takeGraph(life) {
  const made = warm;
  warm = null;
  if (!made) return prepare(life);
  onAbort(life, () => made.life.abort());
  return made.graph.then((graph) => {
    void graph.context.resume(); // made before the click, it has been waiting for one
    return graph;
  });
}

/**
 * Lead the stream into a graph that fits it, and return that: the one that was made, or another at the stream's own rate.
 * @param {Graph} graph
 * @param {MediaStream} stream
 * @param {AbortSignal} life
 */
export async function joined(graph, stream, life) {
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

/** @param {AbortSignal} life @returns {Promise<Graph>} */
async function prepare(life) {
  const context = new AudioContext(nativeRate ? {} : { sampleRate: RATE });
  onAbort(life, () => context.state !== "closed" && void context.close());
  if (!context.audioWorklet) throw failure("UnavailableError", "no audioWorklet");
  const address = URL.createObjectURL(new Blob([worklet], { type: "text/javascript" }));
  try {
    await context.audioWorklet.addModule(address);
  } catch (error) {
    throw failure("WorkletRefusedError", error instanceof Error ? error.message : error);
  } finally {
    URL.revokeObjectURL(address);
  }
  const tap = new AudioWorkletNode(context, "rt-magic-tap", { channelCount: 1, channelCountMode: "explicit" });
  tap.connect(context.destination); // it writes silence; a node that leads nowhere is not run by every browser
  return { context, tap };
}
