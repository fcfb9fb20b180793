import assert from "node:assert/strict";
import { test } from "node:test";
import { clock, find, plainText } from "../src/plain_text.js";

const segment = (sid, start, text, more = {}) => ({
  sid, at: start, start, end: null, text, final: true, speaker: null, language: null, confidence: null, error: null, mark: false, ...more,
});

test("a time stamp counts minutes, and hours from the first on", () => {
  assert.deepEqual([0, 3.9, 59.99, 60, 754.2, 3600, 36061].map(clock), ["0:00", "0:03", "0:59", "1:00", "12:34", "1:00:00", "10:01:01"]);
});

test("copied text has a line for each final segment that did not fail, and times when they are wanted", () => {
  const segments = [
    segment("s1", 0, "hello  there\n", { speaker: "Anna" }),
    segment("mark-0", 1, "question 1", { mark: true }),
    segment("s2", 2, "", { error: "busy" }),
    segment("s3", 61, "no name"),
    segment("s4", 70, "not yet", { final: false }),
  ];
  assert.equal(plainText(segments, false), "Anna: hello there\nno name");
  assert.equal(plainText(segments, true), "[0:00] Anna: hello there\n[0:01] (question 1)\n[1:01] no name");
});

test("a search finds every place, in letters of either case, and takes signs as they are", () => {
  const segments = [segment("s1", 0, "The cat. THE END"), segment("s2", 1, "a+b (c) élan"), segment("s3", 2, "two  words")];
  assert.deepEqual(find(segments, "the"), [{ sid: "s1", first: 0, length: 3 }, { sid: "s1", first: 9, length: 3 }]);
  assert.deepEqual(find(segments, "a+b (C)"), [{ sid: "s2", first: 0, length: 7 }]);
  assert.deepEqual(find(segments, "É"), [{ sid: "s2", first: 8, length: 1 }]);
  assert.deepEqual(find(segments, "two words"), [{ sid: "s3", first: 0, length: 10 }]);
  for (const nothing of ["", "  ", "-/\\^", "zebra"]) assert.deepEqual(find(segments, nothing), []);
});
