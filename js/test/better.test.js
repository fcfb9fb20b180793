import assert from "node:assert/strict";
import { test } from "node:test";
import { offer } from "../src/better.js";

const better = (state, more = {}) => ({ model: "small", megabytes: 484, languages: 99, state, done: 0, sentence: "", ...more });

test("the button says what a better model costs", () => {
  assert.equal(offer(better("offered"), true).label, "Better words: fetch a model (small, 484 MB, 99 languages)");
});

test("nothing is offered by other services, nor while somebody speaks", () => {
  assert.equal(offer({}, true), null);
  assert.equal(offer(better("offered"), false), null);
});

test("while it is fetched it says how far, and the button takes it back", () => {
  const shown = offer(better("fetching", { done: 121 }), false);
  assert.deepEqual([shown.label, shown.action, shown.done], ["Cancel", "cancel", 0.25]);
  assert.equal(shown.sentence, "fetching the model small: 121 of 484 MB");
});

test("a failure is one sentence and the button is there again", () => {
  const shown = offer(better("failed", { sentence: "no network" }), true);
  assert.deepEqual([shown.action, shown.sentence], ["fetch", "no network"]);
  assert.equal(offer(better("fetched", { sentence: "is here" }), true).label, "");
});
