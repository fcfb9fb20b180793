// The contract between page and kernel: the same names, in the same order, as rt_magic/widgets/messages.py
// and the traits of the two widgets; a test compares them.

export type State =
  | "ready" | "opening" | "connecting" | "listening" | "paused" | "reconnecting" | "draining" | "stopped" | "error";

/** Python's `.start()`, `.pause()` and `.stop()`; `n` grows with each call. */
export interface Command {
  name: "start" | "pause" | "stop";
  n: number;
}

// Traits: state only, no streams.

export interface MicrophoneTraits {
  state: State;
  status: string;
  error: string;
  destination: string;
  notice: string;
  composed: boolean;
  busy_after: number; // seconds
  disabled: boolean;
  page: string;
  place: "page" | "kernel" | "file"; // where the sound comes from
  command: Command | Record<string, never>;
  device: string;
  echo_cancellation: boolean;
  noise_suppression: boolean;
  auto_gain: boolean;
  better: Better | Record<string, never>;
}

/** A model with which the embedded engine would hear better, and how far its fetching is. */
export interface Better {
  model: string;
  megabytes: number;
  languages: number;
  state: "offered" | "fetching" | "fetched" | "failed";
  done: number; // megabytes
  sentence: string;
}

/** What ipywidgets itself puts beside the traits of a widget. */
export interface Widget {
  layout?: unknown;
}

export interface TranscriptViewTraits {
  snapshot: Snapshot | Record<string, never>;
  twin: string;
  composed: boolean;
  waiting: number;
  placeholder: string;
  direction: string;
  disabled: boolean; // to be read only: no correcting, no marking
  done: boolean; // no more text will come
  next_step: string; // code that a reader may go on with when it is done
}

/** A line of the transcript on its way to the page. Times in seconds of the recording. */
export interface Segment {
  sid: string;
  at: number; // lines are sorted by it
  start: number | null;
  end: number | null;
  text: string;
  final: boolean;
  speaker: string | null;
  language: string | null;
  confidence: number | null;
  error: string | null;
  mark: boolean; // not speech but a moment that somebody marked; its text is the name
}

// Messages, page → kernel.

export interface Hello {
  type: "hello";
  page: string;
}

export interface Start {
  type: "start";
  page: string;
  epoch: string;
}

export interface Pause {
  type: "pause";
  page: string;
  epoch: string;
  last: number;
}

export interface Stop {
  type: "stop";
  page: string;
  epoch: string;
  last: number;
}

/** With one buffer of Int16 samples, mono, little-endian. */
export interface Audio {
  type: "audio";
  page: string;
  epoch: string;
  seq: number;
  first: number; // samples at `rate`
  captured_at: number; // Unix time in seconds of the last sample
  rate: number; // Hz
}

export interface MicrophoneError {
  type: "microphone-error";
  name: string;
  message: string;
}

/** Fetch the model of the trait `better`, or do not. */
export interface Fetch {
  type: "fetch";
  page: string;
  cancel: boolean;
}

/** This page may not use a microphone: where may one? */
export interface AskCapturePage {
  type: "capture-page";
  page: string;
}

// Messages, kernel → page.

export interface Accepted {
  type: "accepted";
  page: string;
  epoch: string;
}

export interface Ack {
  type: "ack";
  epoch: string;
  next: number;
  ended?: boolean;
}

export interface Again {
  type: "again";
  epoch: string;
  from: number;
  to: number; // exclusive
}

/** How much is in the recording and how much of it went on to the service, in seconds. */
export interface Clock {
  type: "clock";
  recorded: number;
  sent: number;
}

/** To the page that asked: the address of a page that may use a microphone. It can be opened once. */
export interface CapturePage {
  type: "capture-page";
  page: string;
  address: string;
}

// Messages of a transcript view. `page` names one view in one page, so that an answer finds who asked.

export interface ViewHello {
  type: "hello";
  page: string;
  revision?: number; // 0 or none: nothing yet
}

export interface Edit {
  type: "edit";
  page: string;
  sid: string;
  text: string;
}

export interface Mark {
  type: "mark";
  page: string;
}

export interface Listen {
  type: "listen";
  page: string;
  sid: string;
}

export interface Save {
  type: "save";
  page: string;
  format: "srt" | "txt" | "json";
}

export interface Patch {
  type: "patch";
  revision: number;
  upsert: Segment[];
  remove: string[];
}

export interface Snapshot {
  type?: "snapshot";
  revision: number;
  segments: Segment[];
  reset?: boolean; // another transcript from here on
}

/** With one buffer of Int16 samples, mono, little-endian. */
export interface Sound {
  type: "sound";
  page: string;
  sid: string;
  rate: number; // Hz
}

/** With one buffer: the content. */
export interface File {
  type: "file";
  page: string;
  name: string;
  mime: string;
}

export interface Failed {
  type: "failed";
  page: string;
  sid: string; // the line it is about, or ""
  message: string;
}
