import assert from "node:assert/strict";
import { test } from "node:test";
import { decibels, FLOOR, Level, NOTHING } from "../src/level.js";
import { peak } from "../src/pcm.js";
import { Times } from "../src/times.js";

test("full scale is 0 decibels, half of it 6 less, and nothing is the floor", () => {
  assert.equal(decibels(1), 0);
  assert.equal(Math.round(decibels(0.5)), -6);
  assert.deepEqual([decibels(0), decibels(1e-9)], [FLOOR, FLOOR]);
});

test("a level rises at once and falls slowly to the floor", () => {
  const level = new Level();
  level.hear(1, 10);
  assert.equal(level.shown(10), 0);
  level.hear(0.001, 10.5);
  assert.equal(level.shown(10.5), -15);
  level.hear(0.9, 10.6);
  assert.ok(level.shown(10.6) > -1);
  assert.equal(level.shown(100), FLOOR);
});

test("the peak is the largest distance from zero, and two steps of a sample are nothing", () => {
  assert.equal(peak(Float32Array.of(0.1, -0.5, 0.25)), 0.5);
  assert.equal(peak(new Float32Array(5)), 0);
  assert.equal(NOTHING * 32768, 2);
});

test("elapsed time is what the kernel has, what waits here, and what was captured since", () => {
  const times = new Times();
  assert.equal(times.elapsed(0.7), 0.7);
  times.hear({ recorded: 60, sent: 58 }, 0.5, 1.5); // a page that was loaded anew
  assert.deepEqual([times.elapsed(1.5), times.sent], [60.5, 58]);
  assert.equal(times.elapsed(2.5), 61.5);
});

test("elapsed time never goes back while chunks are under way", () => {
  const times = new Times();
  times.hear({ recorded: 10, sent: 10 }, 0, 10);
  times.hear({ recorded: 10.9, sent: 10 }, 0, 11);
  assert.equal(times.elapsed(11), 11);
});
