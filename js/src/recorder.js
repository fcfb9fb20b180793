import { Level } from "./level.js";
import { Outbox } from "./outbox.js";
import { OUTBOX_FULL, UNPLUGGED } from "./sentences.js";
import { Stretch } from "./stretch.js";

/**
 * @typedef {import("./types.js").State} State
 * @typedef {import("./types.js").Start | import("./types.js").Pause | import("./types.js").Stop} Control
 * @typedef {Control | import("./types.js").Audio} Kept
 * @typedef {import("./types.js").Accepted | import("./types.js").Ack | import("./types.js").Again} Answer
 * @typedef {{ name: string, message: string }} Problem
 * @typedef {import("./stretch.js").Capture} Capture
 * @typedef {import("./stretch.js").CaptureEvents} CaptureEvents
 */

/** The states in which the kernel has acted on a message. */
const SETTLED = {
  pause: new Set(["paused", "draining", "stopped", "error", "ready"]),
  stop: new Set(["draining", "stopped", "error", "ready"]),
};

/** Seconds without an answer after which the kernel may have taken this page for gone. */
const UNHEARD_AFTER = 2.5;

/** Seconds that a kernel which answers again has to say that it hears this page after all. */
const BACK_WITHIN = 3;

/** Numbers what a page captures, keeps it until the kernel has it, and puts start, pause and stop around it. */
export class Recorder {
  #send;
  #open;
  #now;
  #changed;
  /** @type {Stretch | null} */
  #stretch = null;
  /** @type {Promise<void> | null} */
  #closing = null;
  /** @type {State[]} the kernel's states since the last pause or stop */
  #states = [];
  /** @type {number | null} when the kernel, which had not heard this page, called it paused */
  #doubted = null;

  /**
   * @param {object} shell
   * @param {string} shell.page
   * @param {(message: Kept | import("./types.js").MicrophoneError, buffer: ArrayBuffer | null) => void} shell.send
   * @param {(events: CaptureEvents) => Capture} shell.open asks for the microphone before it returns
   * @param {() => number} shell.now seconds
   * @param {() => void} shell.changed something to show has changed
   */
  constructor({ page, send, open, now, changed }) {
    this.page = page;
    this.#send = send;
    this.#open = open;
    this.#now = now;
    this.#changed = changed;
    /** @type {Outbox<Kept>} */
    this.outbox = new Outbox();
    /** @type {Problem | null} */
    this.problem = null;
    /** @type {Control["type"] | null} what this page asked for and the kernel has not answered */
    this.asked = null;
    /** The microphone failed and the kernel has not answered that yet. */
    this.failed = false;
    /** Seconds that this page has captured for recordings. */
    this.captured = 0;
    this.level = new Level();
  }

  /** The microphone is open, or being opened. */
  get recording() {
    return Boolean(this.#stretch?.capture);
  }

  /** Something is under way that `tick` has to look after. */
  get active() {
    return this.recording || this.#closing !== null || this.outbox.length > 0;
  }

  get accepted() {
    return Boolean(this.#stretch?.accepted);
  }

  get muted() {
    return this.recording && Boolean(this.#stretch?.muted);
  }

  /** The microphone is open and yet no sound at all arrives, not even silence. */
  get starved() {
    return this.recording && Boolean(this.#stretch?.starved(this.#now()));
  }

  /** Sound arrives and is nothing but zeros. */
  get silent() {
    return this.recording && Boolean(this.#stretch?.silent(this.#now()));
  }

  /** The device that sound comes from; null while none is open. */
  get device() {
    return this.recording ? (this.#stretch?.device ?? null) : null;
  }

  /** Open the microphone at once, in a new epoch. Does nothing while it is open. */
  start() {
    if (this.recording) return;
    this.asked = "start";
    if (this.#closing) {
      this.#closing.then(() => this.asked === "start" && this.start());
      return;
    }
    const stretch = new Stretch();
    this.#stretch = stretch;
    this.problem = null;
    this.failed = false;
    this.#keep({ type: "start", page: this.page, epoch: stretch.epoch });
    const capture = this.#open({
      chunk: (buffer, rate, at) => this.#chunk(stretch, buffer, rate, at),
      level: (peak) => {
        stretch.level(peak, this.#now());
        this.level.hear(peak, this.#now());
      },
      ended: () => this.#ended(stretch),
      muted: (muted) => {
        stretch.muted = muted;
        this.#changed();
      },
    });
    stretch.capture = capture;
    capture.opened.then(
      (device) => {
        stretch.opened(device, this.#now());
        this.#changed();
      },
      (problem) => stretch.capture === capture && this.#failed(stretch, problem),
    );
    this.#changed();
  }

  /** Close the microphone once all it heard is on its way; the next start resumes. */
  pause() {
    this.#halt("pause");
  }

  /** The same, for good. */
  stop() {
    this.#halt("stop");
  }

  /** Open the microphone anew with other settings, if it is open. */
  reopen() {
    if (!this.recording) return;
    this.pause();
    this.start();
  }

  /**
   * Close the microphone without a word to the kernel, which is not there any more.
   * @param {Problem} problem
   */
  abandon(problem) {
    this.problem = problem;
    this.failed = true;
    this.asked = null;
    if (this.#stretch) this.#stretch.lost = true;
    this.#release();
    this.outbox.forget(() => true);
    this.#changed();
  }

  /** @param {Answer} answer from the kernel, to every page */
  receive(answer) {
    const stretch = this.#stretch;
    const now = this.#now();
    if (stretch && answer.epoch === stretch.epoch && (answer.type !== "accepted" || answer.page === this.page)) {
      stretch.accepted = true;
      // Of an epoch that is closing it says nothing about the start that waits for that.
      if (this.asked === "start" && stretch.capture) this.asked = null;
    }
    if (answer.type === "ack") this.outbox.ack(answer.epoch, answer.next, now, answer.ended);
    else if (answer.type === "again") {
      for (const { message, buffer } of this.outbox.again(answer.epoch, answer.from, answer.to, now)) this.#send(message, buffer);
    } else if (answer.page === this.page) {
      this.outbox.settle((message) => message.type === "start" && message.epoch === answer.epoch, now);
    } else this.#elsewhere();
    for (const { message, buffer } of this.outbox.released(now)) this.#send(message, buffer);
    this.#changed();
  }

  /** @param {State} state the kernel's, whenever it changes */
  follow(state) {
    this.#states.push(state);
    // Where the microphone did not open, the kernel is still about to hear that.
    if (this.problem === null || (state !== "opening" && state !== "connecting")) this.failed = false;
    this.#doubted = null;
    // A kernel that had not heard this page takes it for gone, until what waits here reaches it.
    const doubtful = state === "paused" && this.outbox.silence(this.#now()) > UNHEARD_AFTER;
    // Before its start is accepted, a state still speaks of what was before.
    if (this.recording && this.accepted && SETTLED.pause.has(state)) {
      if (doubtful) this.#doubted = this.#now();
      else this.#halt(state === "paused" ? "pause" : "stop", state);
    }
    const acted = { pause: state !== "draining" && SETTLED.pause.has(state), stop: SETTLED.stop.has(state) };
    if (!doubtful) this.outbox.settle(({ type }) => (type === "pause" || type === "stop") && acted[type], this.#now());
    if ((this.asked === "pause" || this.asked === "stop") && SETTLED[this.asked].has(state)) this.asked = null;
    if (state === "stopped") this.#over();
    for (const { message, buffer } of this.outbox.released(this.#now())) this.#send(message, buffer);
    this.#changed();
  }

  /** Send again what is overdue. To be called about twice a second while `active`. */
  tick() {
    const now = this.#now();
    if (this.#doubted !== null) {
      if (this.outbox.silence(now) > 1) this.#doubted = now;
      else if (now - this.#doubted > BACK_WITHIN) {
        this.#doubted = null;
        if (this.recording) this.#halt("pause", "paused"); // it hears this page, and paused all the same
      }
    }
    for (const { message, buffer } of this.outbox.due(now)) this.#send(message, buffer);
    this.#changed();
  }

  /**
   * @param {"pause" | "stop"} type
   * @param {State[]} known states of the kernel that make it halt by itself
   */
  #halt(type, ...known) {
    this.asked = type;
    const stretch = this.#stretch;
    const states = (this.#states = known);
    const tell = () => {
      /** @type {Kept} */
      const message = { type, page: this.page, epoch: stretch?.epoch ?? "", last: (stretch?.seq ?? 0) - 1 };
      // What the kernel has done already will not be confirmed by a change of state.
      if (states.some((state) => SETTLED[type].has(state))) this.#send(message, null);
      else this.#keep(message);
    };
    const closing = this.#release();
    if (closing) closing.then(tell);
    else tell();
    this.#changed();
  }

  /** "stopped" is the kernel's word that it takes no more of what it has accepted. */
  #over() {
    const stretch = this.#stretch;
    const open = stretch && !stretch.accepted ? stretch.epoch : null;
    if (stretch?.accepted) stretch.lost = true;
    this.outbox.forget((epoch) => epoch !== open);
  }

  /** @returns {Promise<void> | null} settled when the last sound is in the outbox; null if nothing is open */
  #release() {
    const capture = this.#stretch?.capture;
    if (this.#stretch && capture) {
      this.#stretch.capture = null;
      const closing = capture.close().then(() => {
        if (this.#closing === closing) this.#closing = null;
      });
      this.#closing = closing;
    }
    return this.#closing;
  }

  /**
   * @param {Stretch} stretch
   * @param {ArrayBuffer} buffer
   * @param {number} rate
   * @param {number} at
   */
  #chunk(stretch, buffer, rate, at) {
    if (stretch.lost) return;
    const seconds = buffer.byteLength / 2 / rate;
    this.captured += seconds;
    this.#keep(stretch.chunk(this.page, buffer, rate, at, this.#now()), buffer, seconds);
    if (this.outbox.state === "full" && stretch.capture) {
      this.#halt("pause");
      this.problem = OUTBOX_FULL(this.outbox.limit);
      this.#changed();
    }
  }

  /** @param {Stretch} stretch */
  #ended(stretch) {
    if (!stretch.capture) return;
    // A device that ends as soon as it is opened is not asked again.
    if (stretch.seq >= 10) this.reopen();
    else {
      this.#release();
      this.#failed(stretch, UNPLUGGED);
    }
  }

  /**
   * @param {Stretch} stretch
   * @param {Problem} problem
   */
  #failed(stretch, { name, message }) {
    stretch.capture = null;
    this.problem = { name, message };
    this.failed = true;
    this.asked = null;
    if (!stretch.seq) this.outbox.forget((epoch) => epoch === stretch.epoch); // a start sent again would lie
    this.#send({ type: "microphone-error", name, message }, null);
    this.#changed();
  }

  /** Another page records from now on. */
  #elsewhere() {
    const stretch = this.#stretch;
    this.asked = null;
    if (!stretch) return;
    if (!stretch.accepted) {
      stretch.lost = true; // this sound belongs to no recording
      this.outbox.forget((epoch) => epoch === stretch.epoch);
    }
    this.#release();
  }

  /**
   * @param {Kept} message
   * @param {ArrayBuffer | null} [buffer]
   * @param {number} [seconds]
   */
  #keep(message, buffer = null, seconds = 0) {
    if (this.outbox.add({ message, buffer, seconds }, this.#now())) this.#send(message, buffer);
  }
}
