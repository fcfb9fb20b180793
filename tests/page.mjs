// The page's own recorder and outbox, driven by a test: one JSON line in, one line with what it sends out.
import { createInterface } from "node:readline";
import { Recorder } from "../js/src/recorder.js";

let time = 0;
let sent = [];
let microphone = null;
let next = 0; // number of the next chunk of the whole page

const recorder = new Recorder({
  page: "p",
  now: () => time,
  changed: () => {},
  send: (message, buffer) => sent.push({ ...message, pcm: buffer && Buffer.from(buffer).toString("base64") }),
  open(events) {
    microphone = events;
    return {
      opened: Promise.resolve(),
      async close() {
        sound(1);
        microphone = null;
      },
    };
  },
});

/** 100 ms of sound at 24 kHz that tells its number. */
function sound(count) {
  for (let i = 0; i < count && microphone; i++) microphone.chunk(new Uint16Array(2400).fill(next++).buffer, 24000, time);
}

const acts = {
  start: () => recorder.start(),
  pause: () => recorder.pause(),
  stop: () => recorder.stop(),
  tick: () => recorder.tick(),
  sound: ({ count }) => sound(count),
  receive: ({ answer }) => recorder.receive(answer),
  follow: ({ state }) => recorder.follow(state),
};

const settled = () => new Promise((resolve) => setImmediate(resolve));

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  time = asked.now;
  acts[asked.act](asked);
  await settled();
  await settled();
  const { outbox, recording, problem } = recorder;
  const { length, seconds, state } = outbox;
  console.log(JSON.stringify({ sent, recording, problem, captured: next, waiting: length, seconds, state }));
  sent = [];
}
