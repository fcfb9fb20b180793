import { failure, joined, onAbort, takeGraph } from "./graph.js";
import { explain } from "./sentences.js";

/**
 * @typedef {import("./stretch.js").Capture} Capture
 * @typedef {import("./stretch.js").CaptureEvents} CaptureEvents
 * @typedef {{ device: string, preferred: string, echo_cancellation: boolean, noise_suppression: boolean, auto_gain: boolean }} Settings
 */

/** Seconds that the microphone stays open after a click on Pause or Stop: what was said before it is still on its way. */
const TAIL = 0.15;

/** Seconds to wait for the worklet's last words, and for a suspended context. */
const PATIENCE = 1;

/** @param {number} seconds */
const delay = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

/**
 * Ask for the microphone at once and give its sound in chunks until closed or aborted.
 * @param {Settings} settings
 * @param {CaptureEvents} events
 * @param {AbortSignal} signal lets go of the microphone without delay
 * @returns {Capture}
 */
export function openCapture(settings, events, signal) {
  const controller = new AbortController();
  const life = AbortSignal.any([signal, controller.signal]);
  /** @type {AudioWorkletNode | null} */
  let tap = null;

  const opened = open().catch((error) => {
    controller.abort();
    throw explain(error, surroundings(settings.device));
  });
  opened.catch(() => {});
  return { opened, close };

  async function open() {
    if (!navigator.mediaDevices?.getUserMedia) throw failure("UnavailableError", "no mediaDevices");
    const asked = navigator.mediaDevices.getUserMedia({ audio: constraints(settings) });
    // The graph is built while the browser asks: what is said right after the click is not lost to that.
    const prepared = takeGraph(life);
    prepared.catch(() => {});
    const stream = await asked;
    const release = () => stream.getTracks().forEach((track) => track.stop());
    onAbort(life, release);
    if (life.aborted) return undefined;
    for (const track of stream.getAudioTracks()) {
      track.addEventListener("ended", events.ended, { signal: life });
      track.addEventListener("mute", () => events.muted(true), { signal: life });
      track.addEventListener("unmute", () => events.muted(false), { signal: life });
      if (track.muted) events.muted(true);
    }
    const context = await connect(await prepared, stream);
    if (life.aborted) return undefined;
    if (context.state === "suspended") await Promise.race([context.resume(), delay(PATIENCE)]);
    if (context.state === "suspended" && !life.aborted) throw failure("SuspendedError", "the audio context is suspended");
    const [track] = stream.getAudioTracks();
    const { deviceId: id = "", groupId: group = "" } = track?.getSettings() ?? {};
    return { id, group, label: track?.label ?? "" };
  }

  /**
   * @param {import("./graph.js").Graph} prepared
   * @param {MediaStream} stream
   */
  async function connect(prepared, stream) {
    const { context, tap: joint } = await joined(prepared, stream, life);
    if (life.aborted) return context;
    tap = joint;
    const rate = context.sampleRate;
    tap.port.addEventListener("message", ({ data }) => {
      if (data.buffer) events.chunk(data.buffer, rate, data.at);
      else if (data.peak !== undefined) events.level(data.peak);
    });
    tap.port.start(); // what it has heard since then has waited for this
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

/** @param {Settings} settings @returns {MediaTrackConstraints} */
function constraints({ device, preferred, echo_cancellation, noise_suppression, auto_gain }) {
  // What was chosen is opened or nothing is; what was used last time, only if it is there.
  const deviceId = device ? { exact: device } : preferred ? { ideal: preferred } : null;
  return {
    ...(deviceId && { deviceId }),
    channelCount: { ideal: 1 },
    echoCancellation: echo_cancellation,
    noiseSuppression: noise_suppression,
    autoGainControl: auto_gain,
  };
}

/** @param {string} device */
function surroundings(device) {
  /** @type {{ permissionsPolicy?: Policy, featurePolicy?: Policy }} @typedef {{ allowsFeature(name: string): boolean }} Policy */
  const { permissionsPolicy, featurePolicy } = /** @type {any} */ (document);
  const policy = permissionsPolicy ?? featurePolicy;
  return {
    origin: location.origin,
    secure: isSecureContext,
    framed: window !== window.top && policy?.allowsFeature("microphone") === false,
    device,
  };
}
