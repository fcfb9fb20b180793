import assert from "node:assert/strict";
import { test } from "node:test";
import { arrange } from "../src/controls.js";

const traits = { state: "ready", status: "Ready.", error: "", page: "", disabled: false, busy_after: 3 };
const page = {
  page: "me", recording: false, accepted: false, asked: null, failed: false, problem: null, muted: false, starved: false,
  silent: false, device: "", news: "",
  silence: 0, seconds: 0, limit: 600,
};
const show = (some = {}, own = {}) => arrange({ ...traits, ...some }, { ...page, ...own });
const labels = ({ primary, secondary }) => [primary.label, primary.enabled, secondary?.label ?? null, secondary?.enabled ?? null];

test("each state has its buttons", () => {
  const table = {
    ready: ["Start", true, null, null],
    stopped: ["Start", true, null, null],
    error: ["Start", true, null, null],
    opening: ["Stop", true, null, null],
    connecting: ["Stop", true, "Pause", true],
    reconnecting: ["Stop", true, "Pause", true],
    listening: ["Stop", true, "Pause", true],
    paused: ["Stop", true, "Resume", true],
    draining: ["Stop", false, null, null],
  };
  for (const [state, buttons] of Object.entries(table)) assert.deepEqual(labels(show({ state })), buttons, state);
});

test("a click on Start shows opening at once, until the kernel is further", () => {
  const clicked = { recording: true, asked: "start" };
  assert.equal(show({ state: "ready" }, clicked).state, "opening");
  assert.equal(show({ state: "paused" }, clicked).state, "opening");
  assert.equal(show({ state: "connecting" }, clicked).state, "connecting");
  assert.match(show({ state: "ready" }, clicked).status, /opening the microphone/);
  assert.equal(show({ state: "ready" }, { recording: true, accepted: true }).state, "opening");
});

test("a button that was clicked cannot be clicked again before the kernel has answered", () => {
  assert.deepEqual(labels(show({ state: "listening" }, { asked: "pause" })), ["Stop", true, "Pause", false]);
  assert.deepEqual(labels(show({ state: "listening" }, { asked: "stop" })), ["Stop", false, "Pause", false]);
});

test("while another window records there is Stop and nothing else", () => {
  const shown = show({ state: "listening", page: "other" });
  assert.deepEqual(labels(shown), ["Stop", true, null, null]);
  assert.equal(shown.status, "recording from another window");
  assert.deepEqual(labels(show({ state: "paused", page: "other" })), ["Stop", true, "Resume", true]);
  assert.equal(show({ state: "listening", page: "me" }, { recording: true }).status, "Ready.");
});

test("a disabled widget cannot start, yet an open microphone can be closed", () => {
  assert.deepEqual(labels(show({ disabled: true })), ["Start", false, null, null]);
  assert.deepEqual(labels(show({ disabled: true, state: "listening" })), ["Stop", true, "Pause", false]);
});

test("a kernel that has been silent for long enough is called busy", () => {
  const busy = show({ state: "listening" }, { recording: true, accepted: true, silence: 7.2, seconds: 7.6 });
  assert.equal(busy.status + busy.wait, "kernel busy, 8 s waiting");
  assert.equal(show({ state: "listening" }, { silence: 2.9, seconds: 2.9 }).status, "Ready.");
  assert.equal(show({ state: "listening", busy_after: 10 }, { silence: 7, seconds: 7 }).status, "Ready.");
  assert.equal(show({ state: "stopped" }, { silence: 7, seconds: 7 }).status, "Ready.");
});

test("a start without any answer says in the end that the kernel may be another one", () => {
  const asked = { recording: true, asked: "start" };
  const wait = (silence) => show({}, { ...asked, silence, seconds: silence }).wait;
  assert.equal(wait(10), ", 10 s waiting");
  assert.match(wait(25), /^, 25 s waiting; no answer from the kernel.*run this cell again$/);
});

test("an outbox that fills up says when the microphone closes", () => {
  assert.equal(show({ state: "listening" }, { silence: 301, seconds: 301 }).wait, ", 301 s waiting; the microphone closes at 600 s");
});

test("what this page knows of its microphone goes before the kernel's status", () => {
  assert.match(show({ state: "listening" }, { recording: true, muted: true }).status, /muted/);
  assert.match(show({ state: "listening" }, { recording: true, starved: true }).status, /no sound/);
  const silent = show({ state: "listening" }, { recording: true, silent: true, device: "Headset" });
  assert.equal(silent.status, "no sound from Headset: muted in the system?");
  assert.equal(show({ state: "listening" }, { recording: true, news: "the microphone has changed: Desk" }).status, "the microphone has changed: Desk");
});

test("a failure of this page's microphone is shown before the kernel knows it", () => {
  const failed = show({ state: "opening" }, { failed: true, problem: { message: "No microphone was found." } });
  assert.equal(failed.state, "error");
  assert.deepEqual([failed.error, failed.status], ["No microphone was found.", ""]);
  assert.deepEqual(labels(failed), ["Start", true, null, null]);
  assert.equal(show({ state: "error", error: "The service said no." }).error, "The service said no.");
});
