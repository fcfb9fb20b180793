/**
 * @typedef {import("./types.js").State} State
 * @typedef {Pick<import("./types.js").MicrophoneTraits, "state" | "status" | "error" | "page" | "disabled" | "busy_after">} Traits
 * @typedef {{ label: "Start" | "Stop" | "Pause" | "Resume", enabled: boolean }} Button
 *
 * @typedef {object} Recording what this page itself knows
 * @property {string} page
 * @property {boolean} recording
 * @property {boolean} accepted
 * @property {"start" | "pause" | "stop" | null} asked
 * @property {boolean} failed
 * @property {{ message: string } | null} problem
 * @property {boolean} muted
 * @property {boolean} starved
 * @property {boolean} silent nothing but zeros come
 * @property {string} device its name, "" where that is not known
 * @property {string} news what has just happened to the microphone
 * @property {number} silence seconds without an answer while something waits
 * @property {number} seconds of sound that wait
 * @property {number} limit of them
 */

/** The states in which nothing is recorded. @type {ReadonlySet<State>} */
export const IDLE = new Set(["ready", "stopped", "error"]);
/** Those in which sound is taken, whether or not the service is there. @type {ReadonlySet<State>} */
const UNDER_WAY = new Set(["connecting", "listening", "reconnecting"]);

/** Seconds without any answer to Start after which the kernel may be another one. */
const UNANSWERED = 20;

/**
 * What the cell shows: its state, two buttons and its sentences. Pure.
 * @param {Traits} traits
 * @param {Recording} page
 */
export function arrange(traits, page) {
  const state = shownState(traits.state, page);
  const elsewhere = !page.recording && traits.page !== "" && traits.page !== page.page && !IDLE.has(state) && state !== "paused";
  return {
    state,
    ...buttons(state, elsewhere, traits.disabled, page.asked),
    ...sentences(state, elsewhere, traits, page),
    error: page.problem?.message ?? traits.error,
  };
}

/**
 * @param {State} state
 * @param {Recording} page
 * @returns {State}
 */
function shownState(state, { recording, asked, failed }) {
  if (failed) return "error";
  return (recording || asked === "start") && !UNDER_WAY.has(state) ? "opening" : state;
}

/**
 * Start and Stop share one button and so do Pause and Resume: neither place nor focus jumps.
 * @param {State} state
 * @param {boolean} elsewhere
 * @param {boolean} disabled
 * @param {Recording["asked"]} asked
 * @returns {{ primary: Button, secondary: Button | null }}
 */
function buttons(state, elsewhere, disabled, asked) {
  if (IDLE.has(state)) return { primary: { label: "Start", enabled: !disabled }, secondary: null };
  const closing = asked === "pause" || asked === "stop";
  /** @type {Button} an open microphone can be closed even when the widget is disabled */
  const primary = { label: "Stop", enabled: state !== "draining" && asked !== "stop" };
  if (elsewhere || !(UNDER_WAY.has(state) || state === "paused")) return { primary, secondary: null };
  return { primary, secondary: { label: state === "paused" ? "Resume" : "Pause", enabled: !disabled && !closing } };
}

/**
 * @param {State} state
 * @param {boolean} elsewhere
 * @param {Traits} traits
 * @param {Recording} page
 * @returns {{ status: string, wait: string }} `wait` changes every second: shown, but not for reading aloud
 */
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
    if (page.failed) return ""; // the kernel's status is about what was before
    if (page.muted) return "the microphone is muted by the system or another program: nothing is heard";
    if (page.starved) return "no sound comes from the microphone: click Stop, then Start; if that does not help, reload the page";
    if (page.silent) return `no sound from ${page.device || "the microphone"}: muted in the system?`;
    if (elsewhere) return "recording from another window";
    if (state === "opening" && known !== "opening") return "opening the microphone; the browser may ask whether it is allowed";
    return page.news || status;
  }
}
