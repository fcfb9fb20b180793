import assert from "node:assert/strict";
import { test } from "node:test";
import { Lines } from "../src/lines.js";

const segment = (sid, at, text = sid, final = true) => ({
  sid, at, start: at, end: null, text, final, speaker: null, language: null, confidence: null, error: null,
});
const patch = (revision, upsert, remove = []) => ({ type: "patch", revision, upsert, remove });
const texts = (lines) => lines.all.map(({ text }) => text);
const sids = (changes) => changes.upsert.map(({ sid }) => sid);

/** Lines that know revision 0 of an empty transcript. */
function begun() {
  const lines = new Lines();
  lines.snapshot({ revision: 0, segments: [] });
  return lines;
}

test("nothing is known before the first snapshot, and an empty trait is none", () => {
  const lines = new Lines();
  lines.snapshot({});
  assert.equal(lines.revision, -1);
  assert.ok(lines.missing);
  lines.snapshot({ revision: 4, segments: [segment("s1", 0)] });
  assert.equal(lines.revision, 4);
  assert.ok(!lines.missing);
});

test("lines are sorted by time and, at the same time, by arrival", () => {
  const lines = begun();
  lines.patch(patch(1, [segment("s1", 5), segment("s2", 1), segment("s3", 5), segment("s4", 3)]));
  assert.deepEqual(texts(lines), ["s2", "s4", "s1", "s3"]);
  assert.equal(lines.next("s4")?.sid, "s1");
  assert.equal(lines.next("s3"), undefined);
});

test("a change names only the lines that differ", () => {
  const lines = begun();
  lines.patch(patch(1, [segment("s1", 0), segment("s2", 1, "hel", false)]));
  const changes = lines.patch(patch(2, [segment("s1", 0), segment("s2", 1, "hello", false)]));
  assert.deepEqual(sids(changes), ["s2"]);
  assert.deepEqual(texts(lines), ["s1", "hello"]);
});

test("a line moves when its time does", () => {
  const lines = begun();
  lines.patch(patch(1, [segment("s1", 1), segment("s2", 2)]));
  lines.patch(patch(2, [segment("s1", 3)]));
  assert.deepEqual(texts(lines), ["s2", "s1"]);
});

test("a removed line is gone, and only lines that were there are named", () => {
  const lines = begun();
  lines.patch(patch(1, [segment("s1", 0), segment("s2", 1)]));
  assert.deepEqual(lines.patch(patch(2, [], ["s1", "s9"])).remove, ["s1"]);
  assert.deepEqual(texts(lines), ["s2"]);
});

test("a patch that is known already changes nothing", () => {
  const lines = begun();
  lines.patch(patch(1, [segment("s1", 0, "new")]));
  assert.deepEqual(lines.patch(patch(1, [segment("s1", 0, "old")])), { upsert: [], remove: [] });
  assert.deepEqual(texts(lines), ["new"]);
});

test("after a gap new lines are shown at once and a snapshot is missing until it has come", () => {
  const lines = begun();
  lines.patch(patch(1, [segment("s1", 0)]));
  lines.patch(patch(3, [segment("s3", 3)]));
  assert.ok(lines.missing);
  assert.equal(lines.revision, 1);
  assert.deepEqual(texts(lines), ["s1", "s3"]);
  const changes = lines.snapshot({ revision: 3, segments: [segment("s1", 0), segment("s2", 2), segment("s3", 3)] });
  assert.ok(!lines.missing);
  assert.deepEqual(sids(changes), ["s2"]);
});

test("patches that overtook the snapshot stay", () => {
  const lines = new Lines();
  lines.patch(patch(6, [segment("s2", 1, "later")], ["s1"]));
  lines.patch(patch(7, [segment("s3", 2)]));
  lines.snapshot({ revision: 5, segments: [segment("s1", 0), segment("s2", 1, "earlier")] });
  assert.deepEqual(texts(lines), ["later", "s3"]);
  assert.equal(lines.revision, 7);
  assert.ok(!lines.missing);
});

test("a snapshot that does not reach the gap leaves it open", () => {
  const lines = begun();
  lines.patch(patch(1, [segment("s1", 0)]));
  lines.patch(patch(5, [segment("s5", 5)]));
  lines.snapshot({ revision: 2, segments: [segment("s1", 0), segment("s2", 1)] });
  assert.ok(lines.missing);
  assert.equal(lines.revision, 2);
  assert.deepEqual(texts(lines), ["s1", "s2", "s5"]);
  lines.snapshot({ revision: 4, segments: [segment("s1", 0), segment("s2", 1), segment("s4", 4)] });
  assert.ok(!lines.missing);
  assert.equal(lines.revision, 5);
  assert.deepEqual(texts(lines), ["s1", "s2", "s4", "s5"]);
});

test("an older snapshot, meant for another page, is passed over", () => {
  const lines = begun();
  lines.patch(patch(1, [segment("s1", 0)]));
  lines.patch(patch(2, [segment("s2", 1)]));
  assert.deepEqual(lines.snapshot({ revision: 1, segments: [segment("s1", 0)] }), { upsert: [], remove: [] });
  assert.deepEqual(texts(lines), ["s1", "s2"]);
});

test("another transcript replaces the lines, whatever its revision", () => {
  const lines = begun();
  lines.patch(patch(1, [segment("s1", 0)]));
  lines.patch(patch(9, [segment("s9", 9)]));
  const changes = lines.snapshot({ revision: 0, segments: [segment("s1", 0, "other")], reset: true });
  assert.deepEqual(changes.remove, ["s9"]);
  assert.deepEqual(texts(lines), ["other"]);
  assert.ok(!lines.missing);
  lines.patch(patch(1, [segment("s2", 1)]));
  assert.deepEqual(texts(lines), ["other", "s2"]);
});

test("any order of snapshots and patches ends with the same lines", () => {
  // A small generator with a seed, so that a failure can be repeated.
  for (let seed = 1; seed <= 200; seed++) {
    let x = seed;
    const random = (n) => (x = (x * 1103515245 + 12345) % 2147483648) % n;
    const truth = new Map();
    const history = [[]];
    const patches = [];
    for (let revision = 1; revision <= 20; revision++) {
      const sid = `s${random(8)}`;
      if (truth.has(sid) && random(3) === 0) {
        truth.delete(sid);
        patches.push(patch(revision, [], [sid]));
      } else {
        truth.set(sid, segment(sid, random(5), `${sid} at ${revision}`));
        patches.push(patch(revision, [truth.get(sid)]));
      }
      history.push([...truth.values()]);
    }
    const lines = begun();
    for (const one of patches) {
      if (random(4)) lines.patch(one);
      if (random(5) === 0) {
        const revision = random(one.revision + 1);
        lines.snapshot({ revision, segments: history[revision] });
      }
    }
    lines.snapshot({ revision: 20, segments: history[20] });
    assert.ok(!lines.missing, `seed ${seed}`);
    assert.deepEqual(new Map(lines.all.map(({ sid, text }) => [sid, text])), new Map([...truth].map(([sid, { text }]) => [sid, text])), `seed ${seed}`);
    const times = lines.all.map(({ at }) => at);
    assert.deepEqual(times, times.slice().sort((a, b) => a - b), `seed ${seed}`);
  }
});

test("speakers are numbered in the order in which they came, and eight have numbers of their own", () => {
  const lines = begun();
  const by = (sid, at, speaker) => ({ ...segment(sid, at), speaker });
  lines.patch(patch(1, [by("s1", 5, "Anna"), by("s2", 1, "Ben"), by("s3", 2, null)]));
  assert.deepEqual(["Anna", "Ben", null].map((name) => lines.voice(name)), [0, 1, 0]);
  for (let n = 0; n < 6; n += 1) lines.voice(`more ${n}`);
  assert.equal(lines.voice("a ninth"), 0);
  assert.equal(lines.voice("Ben"), 1);
});

test("a line is known by its name until it is removed", () => {
  const lines = begun();
  lines.patch(patch(1, [segment("s1", 0)]));
  assert.equal(lines.get("s1")?.text, "s1");
  lines.patch(patch(2, [], ["s1"]));
  assert.equal(lines.get("s1"), undefined);
});
