import worklet from "worklet:code";
import { explain } from "./sentences.js";

/**
 * @typedef {import("./recorder.js").Capture} Capture
 * @typedef {import("./recorder.js").CaptureEvents} CaptureEvents
 * @typedef {{ device: string, echo_cancellation: boolean, noise_suppression: boolean, auto_gain: boolean }} Settings
 */

/** Hz; what every service takes. */
const RATE = 24000;

/** Seconds that the microphone stays open after a click on Pause or Stop: what was said before it is still on its way. */
const TAIL = 0.15;

/** Seconds to wait for the worklet's last words, and for a suspended context. */
const PATIENCE = 1;

/** Firefox refuses a stream in a context of another rate (Mozilla bug 1674892); known after the first try. */
let nativeRate = false;

/** @param {number} seconds */
const delay = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

/** @param {AbortSignal} signal @param {() => void} act at once if it is aborted already */
function onAbort(signal, act) {
  if (signal.aborted) act();
  else signal.addEventListener("abort", act, { once: true });
}

/** @param {string} name @param {unknown} message */
const failure = (name, message) => Object.assign(new Error(String(message)), { name });

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
    const prepared = prepare(life);
    prepared.catch(() => {});
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

  /**
   * @param {AudioContext} context
   * @param {MediaStream} stream
   */
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
    // It writes silence; a node that leads nowhere is not run by every browser.
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

/**
 * A running context that knows the worklet.
 * @param {AbortSignal} life
 */
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
  return context;
}

/** @param {Settings} settings @returns {MediaTrackConstraints} */
function constraints({ device, echo_cancellation, noise_suppression, auto_gain }) {
  return {
    ...(device && { deviceId: { exact: device } }),
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
