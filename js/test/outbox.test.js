import assert from "node:assert/strict";
import { test } from "node:test";
import { Outbox } from "../src/outbox.js";

const chunk = (epoch, seq) => ({ message: { type: "audio", epoch, seq }, buffer: new ArrayBuffer(4800), seconds: 0.1 });
const control = (type, epoch) => ({ message: { type, epoch }, buffer: null, seconds: 0 });
const seqs = (entries) => entries.map(({ message }) => message.seq ?? message.type);

/** An outbox that holds a start and `n` chunks of epoch "a", all added at time 0. */
function filled(n, options) {
  const outbox = new Outbox(options);
  outbox.add(control("start", "a"), 0);
  for (let seq = 0; seq < n; seq++) outbox.add(chunk("a", seq), 0);
  return outbox;
}

test("an acknowledgement lets go of all chunks below it, and of the start", () => {
  const outbox = filled(5);
  outbox.ack("a", 3, 1);
  assert.deepEqual(seqs(outbox.again("a", 0, 99, 1)), [3, 4]);
  assert.equal(outbox.length, 2);
  assert.ok(Math.abs(outbox.seconds - 0.2) < 1e-9);
});

test("an acknowledgement of another epoch lets nothing go", () => {
  const outbox = filled(2);
  outbox.ack("b", 9, 1);
  assert.equal(outbox.length, 3);
});

test("a gap is sent again up to its end, from its epoch only", () => {
  const outbox = filled(6);
  outbox.add(chunk("b", 3), 0);
  const entries = outbox.again("a", 2, 5, 1);
  assert.deepEqual(entries.map(({ message }) => [message.epoch, message.seq]), [["a", 2], ["a", 3], ["a", 4]]);
});

test("silence counts from the first thing that waits, and from the last sign of life", () => {
  const outbox = new Outbox();
  assert.equal(outbox.silence(50), 0);
  outbox.add(chunk("a", 0), 100);
  outbox.add(chunk("a", 1), 102);
  assert.equal(outbox.silence(104), 4);
  outbox.ack("a", 1, 105);
  assert.equal(outbox.silence(106), 1);
  outbox.ack("a", 2, 106);
  assert.equal(outbox.silence(200), 0);
});

test("nothing is sent again while the kernel answers", () => {
  const outbox = filled(3);
  for (let now = 0; now < 60; now++) {
    outbox.ack("a", 0, now);
    assert.deepEqual(outbox.due(now + 0.5), []);
  }
});

test("after a long silence everything goes again in order and in parts, then the rounds grow rarer", () => {
  const outbox = filled(120);
  const sent = [];
  for (let now = 0; now <= 120; now += 0.5) for (const entry of outbox.due(now)) sent.push([now, entry.message.seq ?? -1]);
  const rounds = sent.filter(([, seq]) => seq === -1).map(([now]) => now);
  assert.deepEqual(rounds, [5, 16, 37, 78]);
  const first = sent.filter(([now]) => now < 16);
  assert.deepEqual(first.map(([, seq]) => seq), Array.from({ length: 121 }, (_, i) => i - 1));
  for (let now = 0; now <= 120; now += 0.5) assert.ok(sent.filter(([at]) => at === now).length <= 50);
});

test("rounds are never further apart than a minute", () => {
  const outbox = filled(1);
  const times = [];
  for (let now = 0; now <= 600; now++) if (outbox.due(now).length) times.push(now);
  const gaps = times.slice(1).map((time, i) => time - times[i]);
  assert.equal(Math.max(...gaps), 60);
});

test("start, pause and stop wait until the kernel has acted on them", () => {
  const outbox = filled(1);
  outbox.add(control("pause", "a"), 0);
  outbox.settle(({ type }) => type === "stop", 1);
  assert.equal(outbox.length, 3);
  outbox.settle(({ type }) => type === "pause", 1);
  assert.equal(outbox.length, 3, "the kernel knows nothing of this epoch yet: it speaks of another pause");
  outbox.ack("a", 0, 1);
  outbox.settle(({ type }) => type === "pause", 1);
  assert.equal(outbox.length, 2, "nor has it all of its sound");
  outbox.ack("a", 1, 1);
  outbox.settle(({ type }) => type === "pause", 1);
  assert.equal(outbox.length, 0);
});

test("an acknowledgement that says that an epoch has ended lets go of its pause, not of a stop", () => {
  const outbox = filled(1);
  outbox.add(control("pause", "a"), 0);
  outbox.add(control("stop", "a"), 0);
  outbox.ack("a", 1, 1, true);
  assert.equal(outbox.length, 1);
});

test("nothing of a later epoch goes while the kernel does not know of the one before", () => {
  const outbox = filled(1);
  assert.equal(outbox.add(control("pause", "a"), 0), true);
  assert.equal(outbox.add(control("start", "b"), 0), false);
  assert.equal(outbox.add(chunk("b", 0), 0), false);
  assert.deepEqual(seqs(outbox.due(10)), ["start", 0, "pause"]);
  assert.deepEqual(outbox.released(10), []);
  outbox.ack("a", 0, 11);
  assert.deepEqual(seqs(outbox.released(11)), ["start", 0]);
  assert.deepEqual(outbox.released(11), []);
});

test("what waits of an earlier epoch is sent again although the kernel answers", () => {
  const outbox = filled(2);
  outbox.settle(({ type }) => type === "start", 0);
  outbox.add(control("pause", "a"), 0);
  outbox.add(control("start", "b"), 1);
  outbox.settle(({ type, epoch }) => type === "start" && epoch === "b", 1);
  for (let now = 2; now < 6; now++) {
    outbox.add(chunk("b", now - 2), now);
    outbox.ack("b", now - 2, now);
  }
  assert.deepEqual(seqs(outbox.due(5.5)), [0, 1, "pause"]);
  assert.deepEqual(outbox.due(6), [], "and then not at once again");
});

test("a whole epoch can be forgotten", () => {
  const outbox = filled(3);
  outbox.add(chunk("b", 0), 0);
  outbox.forget((epoch) => epoch === "a");
  assert.equal(outbox.length, 1);
  assert.ok(Math.abs(outbox.seconds - 0.1) < 1e-9);
});

test("its state warns from half of the limit on, is full at the limit, and drops nothing", () => {
  const outbox = new Outbox({ limit: 1 });
  assert.equal(outbox.state, "empty");
  const states = [];
  for (let seq = 0; seq < 12; seq++) {
    outbox.add(chunk("a", seq), 0);
    states.push(outbox.state);
  }
  assert.deepEqual([states[0], states[3], states[5], states[11]], ["waiting", "waiting", "filling", "full"]);
  assert.equal(outbox.length, 12);
  outbox.ack("a", 12, 1);
  assert.equal(outbox.state, "empty");
  assert.equal(outbox.seconds, 0);
});
