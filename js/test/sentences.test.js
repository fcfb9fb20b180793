import assert from "node:assert/strict";
import { test } from "node:test";
import { explain } from "../src/sentences.js";

const page = { origin: "http://hub.example", secure: true, framed: false, device: "" };
const say = (name, message = "", surroundings = {}) => explain({ name, message }, { ...page, ...surroundings }).message;

test("a plain http page names its address and both ways out", () => {
  const sentence = say("UnavailableError", "", { secure: false });
  for (const part of ["http://hub.example", "https", "localhost", "ssh -L"]) assert.ok(sentence.includes(part), sentence);
});

test("a secure page without microphone support blames the browser", () => {
  assert.match(say("UnavailableError"), /browser offers no microphone/);
});

test("a refusal says who refused and how to allow", () => {
  assert.match(say("NotAllowedError", "Permission denied"), /Allow it for this page/);
  assert.match(say("NotAllowedError", "Permission denied by system"), /operating system/);
  assert.match(say("NotAllowedError", "Permission denied", { framed: true }), /VS Code.*--from/);
});

test("every failure ends with something to do and keeps its name", () => {
  const names = ["UnavailableError", "NotAllowedError", "NotFoundError", "OverconstrainedError", "NotReadableError",
    "AbortError", "SecurityError", "WorkletRefusedError", "SuspendedError", "OddError"];
  for (const name of names) {
    const told = explain({ name, message: "odd 17" }, page);
    assert.equal(told.name, name);
    assert.match(told.message, /click Start|Use a current|ask whoever|Click Start/, name);
  }
});

test("an unknown failure shows what was received", () => {
  assert.match(say("OddError", "odd 17"), /OddError: odd 17/);
  assert.match(say("OverconstrainedError", "", { device: "abc" }), /abc/);
});
