import assert from "node:assert/strict";
import { test } from "node:test";
import { Recorder } from "../src/recorder.js";

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A recorder whose kernel, clock and microphone are in the test's hands. */
function bench() {
  const bench = {
    time: 100,
    /** @type {any[]} */ sent: [],
    /** @type {any[]} */ microphones: [],
    take: () => bench.sent.splice(0),
    types: () => bench.take().map((message) => (message.type === "audio" ? message.seq : message.type)),
    /** Sound of 0.1 s at 24 kHz from the newest microphone. */
    sound: (n = 1, samples = 2400) => {
      for (let i = 0; i < n; i++) bench.microphones.at(-1).events.chunk(new ArrayBuffer(2 * samples), 24000, bench.time);
    },
  };
  const recorder = new Recorder({
    page: "me",
    now: () => bench.time,
    changed: () => {},
    send: (message) => bench.sent.push(message),
    open(events) {
      const microphone = { events, closed: 0 };
      const opened = new Promise((resolve, reject) => Object.assign(microphone, { resolve, reject }));
      bench.microphones.push(microphone);
      return {
        opened,
        async close() {
          microphone.closed += 1;
          if (microphone.rest) bench.sound(1, microphone.rest);
        },
      };
    },
  });
  const start = () => {
    recorder.start();
    const { epoch } = bench.sent.findLast(({ type }) => type === "start");
    bench.microphones.at(-1).resolve();
    return epoch;
  };
  return Object.assign(bench, { recorder, start });
}

test("start asks for the microphone in the same breath and goes before the first chunk", () => {
  const { recorder, microphones, sound, sent } = bench();
  recorder.start();
  assert.equal(microphones.length, 1);
  sound(2);
  const [{ epoch }] = sent;
  assert.deepEqual(sent, [
    { type: "start", page: "me", epoch },
    { type: "audio", page: "me", epoch, seq: 0, first: 0, captured_at: 100, rate: 24000 },
    { type: "audio", page: "me", epoch, seq: 1, first: 2400, captured_at: 100, rate: 24000 },
  ]);
});

test("a second start opens no second microphone", () => {
  const { recorder, microphones, types } = bench();
  recorder.start();
  recorder.start();
  assert.equal(microphones.length, 1);
  assert.deepEqual(types(), ["start"]);
});

test("pause sends the rest of the sound before it says which chunk was the last", async () => {
  const { recorder, microphones, sound, start, sent, types } = bench();
  const epoch = start();
  sound(3);
  microphones[0].rest = 700;
  recorder.pause();
  await settled();
  assert.deepEqual(sent.at(-1), { type: "pause", page: "me", epoch, last: 3 });
  assert.equal(sent.at(-2).first, 7200);
  assert.deepEqual(types(), ["start", 0, 1, 2, 3, "pause"]);
  assert.equal(microphones[0].closed, 1);
});

test("resume counts from zero again, in a new epoch", async () => {
  const { recorder, sound, start, sent } = bench();
  const first = start();
  recorder.receive({ type: "accepted", page: "me", epoch: first });
  sound(2);
  recorder.pause();
  await settled();
  recorder.follow("paused");
  const second = start();
  sound();
  assert.notEqual(second, first);
  assert.deepEqual([sent.at(-1).epoch, sent.at(-1).seq, sent.at(-1).first], [second, 0, 0]);
});

test("stop while the browser still asks closes the microphone and says that nothing came", async () => {
  const { recorder, microphones, sent } = bench();
  recorder.start();
  recorder.stop();
  await settled();
  assert.equal(microphones[0].closed, 1);
  assert.deepEqual([sent[1].type, sent[1].last], ["stop", -1]);
});

test("a start that comes while the microphone closes waits for the pause to be told", async () => {
  const { recorder, sound, start, microphones, types } = bench();
  recorder.receive({ type: "accepted", page: "me", epoch: start() });
  sound();
  recorder.pause();
  recorder.start();
  assert.equal(microphones.length, 1);
  await settled();
  assert.equal(microphones.length, 2);
  assert.deepEqual(types(), ["start", 0, "pause", "start"]);
});

test("stop undoes a start that waits", async () => {
  const { recorder, sound, start, microphones, types } = bench();
  start();
  sound();
  recorder.pause();
  recorder.start();
  recorder.stop();
  await settled();
  assert.equal(microphones.length, 1);
  assert.deepEqual(types(), ["start", 0, "pause", "stop"]);
});

test("what the kernel asks for is sent again, and what it has is let go", () => {
  const { recorder, sound, start, take, types } = bench();
  const epoch = start();
  sound(4);
  take();
  recorder.receive({ type: "again", epoch, from: 1, to: 3 });
  assert.deepEqual(types(), [1, 2]);
  recorder.receive({ type: "ack", epoch, next: 4 });
  assert.equal(recorder.outbox.length, 0);
  assert.ok(recorder.accepted);
});

test("everything that waits is sent again when the kernel is silent, the start included", () => {
  const b = bench();
  b.start();
  b.sound(2);
  b.take();
  b.time += 4;
  b.recorder.tick();
  assert.deepEqual(b.types(), []);
  b.time += 2;
  b.recorder.tick();
  assert.deepEqual(b.types(), ["start", 0, 1]);
});

test("a stop that was lost on the way is said again until the kernel stops", async () => {
  const b = bench();
  const epoch = b.start();
  b.sound();
  b.recorder.receive({ type: "ack", epoch, next: 1 });
  b.recorder.follow("listening");
  b.recorder.stop();
  await settled();
  b.take();
  b.time += 6;
  b.recorder.tick();
  assert.deepEqual(b.types(), ["stop"]);
  b.recorder.follow("draining");
  b.time += 60;
  b.recorder.tick();
  assert.deepEqual(b.types(), []);
  assert.equal(b.recorder.asked, null);
});

test("a stop is kept when the state that would confirm it is an old one", async () => {
  const b = bench();
  b.recorder.follow("stopped");
  b.start();
  b.sound();
  b.recorder.stop();
  await settled();
  assert.deepEqual(b.types(), ["start", 0, "stop"]);
  assert.equal(b.recorder.outbox.length, 3);
  assert.equal(b.recorder.asked, "stop");
});

test("a page that loses the microphone to another closes it and keeps what it had recorded", async () => {
  const { recorder, microphones, sound, start, types, sent } = bench();
  const epoch = start();
  recorder.receive({ type: "accepted", page: "me", epoch });
  sound(3);
  microphones[0].rest = 100;
  recorder.receive({ type: "accepted", page: "other", epoch: "theirs" });
  await settled();
  assert.ok(!recorder.recording);
  assert.equal(recorder.outbox.length, 4);
  assert.equal(sent.at(-1).seq, 3);
  assert.ok(!types().includes("pause"));
});

test("a page that loses the race for Start forgets what no recording wants", async () => {
  const { recorder, microphones, sound, start, take, types } = bench();
  start();
  sound(3);
  take();
  microphones[0].rest = 100;
  recorder.receive({ type: "accepted", page: "other", epoch: "theirs" });
  await settled();
  assert.equal(recorder.outbox.length, 0);
  assert.deepEqual(types(), []);
  assert.equal(microphones[0].closed, 1);
});

test("a page whose start another one has answered first is not accepted, whatever epoch the kernel names", async () => {
  const { recorder, microphones, sound, start } = bench();
  const epoch = start();
  sound(3);
  recorder.receive({ type: "accepted", page: "other", epoch });
  await settled();
  assert.ok(!recorder.accepted);
  assert.equal(recorder.outbox.length, 0);
  assert.equal(microphones[0].closed, 1);
});

test("the microphone closes when the kernel stops or pauses by itself", async () => {
  for (const [state, type] of [["paused", "pause"], ["draining", "stop"], ["error", "stop"]]) {
    const { recorder, sound, start, sent } = bench();
    const epoch = start();
    recorder.receive({ type: "accepted", page: "me", epoch });
    recorder.follow("listening");
    sound(2);
    recorder.follow(state);
    await settled();
    assert.ok(!recorder.recording, state);
    assert.deepEqual(sent.at(-1), { type, page: "me", epoch, last: 1 });
    assert.equal(recorder.asked, null);
  }
});

test("a kernel that took this page for gone does not close its microphone, unless it stays with that", async () => {
  for (const back of [true, false]) {
    const world = bench();
    const { recorder, sound, start, types } = world;
    const epoch = start();
    recorder.receive({ type: "accepted", page: "me", epoch });
    recorder.follow("listening");
    world.time += 1;
    sound(1);
    world.time += 7; // the line is dead
    recorder.follow("paused");
    await settled();
    assert.ok(recorder.recording);
    types();
    recorder.receive({ type: "ack", epoch, next: 1 });
    if (back) recorder.follow("listening");
    for (let i = 0; i < 10; i++) {
      world.time += 0.5;
      recorder.tick();
    }
    await settled();
    assert.equal(recorder.recording, back);
    assert.deepEqual(types(), back ? [] : ["pause"]);
  }
});

test("what is said after a pause waits until the kernel knows of what was said before", async () => {
  const { recorder, sound, start, types } = bench();
  const first = start();
  sound();
  recorder.pause();
  await settled();
  recorder.start();
  sound();
  assert.deepEqual(types(), ["start", 0, "pause"]);
  recorder.receive({ type: "accepted", page: "me", epoch: first });
  assert.deepEqual(types(), ["start", 0]);
});

test("a state that is older than the start does not close the microphone", () => {
  const { recorder, start } = bench();
  start();
  recorder.follow("paused");
  assert.ok(recorder.recording);
});

test("stopped is the kernel's word that it takes no more of a recording", () => {
  const { recorder, sound, start } = bench();
  const epoch = start();
  recorder.receive({ type: "accepted", page: "me", epoch });
  sound(3);
  recorder.follow("stopped");
  assert.equal(recorder.outbox.seconds, 0);
});

test("a microphone that does not open is told to the kernel in the page's words", async () => {
  const { recorder, microphones, sent } = bench();
  recorder.start();
  microphones[0].reject({ name: "NotFoundError", message: "No microphone was found." });
  await settled();
  assert.deepEqual(sent.at(-1), { type: "microphone-error", name: "NotFoundError", message: "No microphone was found." });
  assert.ok(recorder.failed);
  assert.equal(recorder.outbox.length, 0, "its start is not sent again");
  recorder.follow("opening");
  assert.ok(recorder.failed, "the kernel answers the start before it hears of the failure");
  recorder.follow("error");
  assert.ok(!recorder.failed);
  assert.equal(recorder.problem?.name, "NotFoundError");
  recorder.start();
  assert.equal(recorder.problem, null);
});

test("an unplugged device leads to a new epoch on whatever microphone there is", async () => {
  const { recorder, microphones, sound, start, types } = bench();
  recorder.receive({ type: "accepted", page: "me", epoch: start() });
  sound(20);
  microphones[0].events.ended();
  await settled();
  assert.equal(microphones.length, 2);
  assert.deepEqual(types().slice(-2), ["pause", "start"]);
  microphones[1].events.ended();
  await settled();
  assert.equal(microphones.length, 2, "one that ends at once is not asked again");
  assert.equal(recorder.problem?.name, "NotReadableError");
});

test("an acknowledgement that comes while a microphone closes does not keep the next one from opening", async () => {
  const { recorder, microphones, sound, start } = bench();
  const epoch = start();
  sound(20);
  recorder.reopen();
  recorder.receive({ type: "ack", epoch, next: 10 });
  await settled();
  assert.equal(microphones.length, 2);
});

test("other settings open the microphone anew, and only an open one", async () => {
  const { recorder, microphones, start } = bench();
  recorder.reopen();
  assert.equal(microphones.length, 0);
  start();
  recorder.reopen();
  await settled();
  assert.equal(microphones.length, 2);
});

test("a full outbox closes the microphone, says so and keeps every chunk", async () => {
  const { recorder, microphones, sound, start, sent } = bench();
  start();
  sound(6000);
  await settled();
  assert.equal(microphones[0].closed, 1);
  assert.match(recorder.problem?.message ?? "", /10 minutes/);
  assert.deepEqual([sent.at(-1).type, sent.at(-1).last], ["pause", 5999]);
  assert.equal(recorder.outbox.seconds.toFixed(1), "600.0");
});

test("an open microphone that gives nothing at all is noticed", async () => {
  const b = bench();
  b.start();
  await settled();
  b.time += 2;
  assert.ok(!b.recorder.starved);
  b.time += 2;
  assert.ok(b.recorder.starved);
  b.sound();
  assert.ok(!b.recorder.starved);
});

test("zeros alone are noticed, and taken back when sound comes", async () => {
  const b = bench();
  b.start();
  await settled();
  const hear = (peak) => (b.sound(), b.microphones.at(-1).events.level(peak));
  b.time += 2;
  hear(0);
  assert.ok(!b.recorder.silent);
  b.time += 0.5;
  hear(0);
  assert.ok(b.recorder.silent);
  hear(0.01);
  assert.ok(!b.recorder.silent);
});

test("a kernel that is gone closes the microphone and is told nothing", async () => {
  const { recorder, microphones, sound, start, take, sent } = bench();
  start();
  sound();
  take();
  recorder.abandon({ name: "KernelGoneError", message: "gone" });
  await settled();
  assert.equal(microphones[0].closed, 1);
  assert.deepEqual(sent, []);
  assert.ok(!recorder.active);
  assert.equal(recorder.problem?.message, "gone");
});

test("a stop from a page that never recorded names no epoch", () => {
  const { recorder, sent } = bench();
  recorder.stop();
  assert.deepEqual(sent, [{ type: "stop", page: "me", epoch: "", last: -1 }]);
});
