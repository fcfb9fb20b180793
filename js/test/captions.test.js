import assert from "node:assert/strict";
import { test } from "node:test";
import { captions, wrap } from "../src/captions.js";

const said = (text, speaker = null, mark = false) => ({ text, speaker, mark });
const LONG = "please call the office in the morning and tell them that the president of the united states is on the line";

test("no line is longer than it may be, and no word is lost or broken", () => {
  for (const most of [32, 37, 42]) {
    const rows = wrap(LONG, most);
    assert.ok(rows.every((row) => row.length <= most));
    assert.equal(rows.join(" "), LONG);
  }
});

test("what has been said keeps its place while words are added", () => {
  const words = LONG.split(" ");
  let before = [];
  for (let n = 1; n <= words.length; n += 1) {
    const rows = wrap(words.slice(0, n).join(" "), 32);
    before.slice(0, -1).forEach((row, k) => assert.equal(rows[k], row));
    before = rows;
  }
});

test("a word that is too long is broken, and so are scripts without spaces, whose signs are wide", () => {
  assert.deepEqual(wrap("x".repeat(70), 32).map((row) => row.length), [32, 32, 6]);
  assert.deepEqual(wrap("会議は明日の午前十時から始まりますので皆さん来てください", 32).map((row) => [...row].length), [16, 12]);
});

test("captions are the last two lines, and name a speaker who has not spoken just before", () => {
  assert.deepEqual(captions([], 42), []);
  assert.deepEqual(captions([said("hello"), said("mark", null, true), said(" ")], 42), ["hello"]);
  assert.deepEqual(captions([said("one", "Anna"), said("two", "Anna"), said("three", "Ben")], 42), ["two", "Ben: three"]);
  const rows = captions([said("before"), said(LONG)], 37);
  assert.deepEqual(rows, wrap(LONG, 37).slice(-2));
});
