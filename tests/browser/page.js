// Stands in for anywidget and the kernel: loads a bundle as anywidget does, and keeps what the page sends.
class Model {
  constructor(traits) {
    this.traits = traits;
    this.sent = [];
    this.listeners = [];
  }
  get(name) {
    return this.traits[name];
  }
  set(name, value) {
    if (this.traits[name] === value) return;
    this.traits[name] = value;
    this.trigger(`change:${name}`);
  }
  save_changes() {
    this.saved = { ...this.traits };
  }
  on(name, callback) {
    this.listeners.push([name, callback]);
  }
  send(content, callbacks, buffers = []) {
    this.sent.push(buffers.length ? { ...content, samples: [...new Int16Array(buffers[0])] } : content);
    const echo = this.answer?.(content);
    if (echo) setTimeout(() => this.receive(echo), 5);
  }
  /** The kernel writes traits. */
  write(traits) {
    Object.assign(this.traits, traits);
    for (const name of Object.keys(traits)) this.trigger(`change:${name}`);
  }
  /** The kernel sends a message. */
  receive(message) {
    this.trigger("msg:custom", message, []);
  }
  trigger(event, ...values) {
    for (const [name, callback] of this.listeners) if (name === event) callback(...values);
  }
}

/** A widget whose module comes from a blob, as anywidget loads it. */
async function widget(file, traits) {
  const source = await (await fetch(file)).text();
  const module = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const made = await module.default();
  const model = new Model(traits);
  const life = new AbortController();
  await made.initialize({ model, signal: life.signal });
  return {
    model,
    close: () => life.abort(),
    /** Draw it once more; the element knows how to go away. */
    show(parent = document.body) {
      const view = new AbortController();
      const el = document.createElement("div");
      parent.append(el);
      made.render({ model, el, signal: AbortSignal.any([life.signal, view.signal]) });
      return Object.assign(el, {
        dispose() {
          view.abort();
          el.remove();
        },
      });
    },
  };
}

/** A microphone whose kernel accepts each start and acknowledges each chunk. */
async function microphone(traits = {}) {
  const made = await widget("/microphone.js", {
    state: "ready", status: "", error: "", destination: "Stays on this machine.", notice: "", composed: false, busy_after: 3,
    disabled: false, page: "", place: "page", command: {}, device: "", echo_cancellation: false, noise_suppression: false, auto_gain: false, better: {},
    ...traits,
  });
  made.model.answer = ({ type, page, epoch, seq }) => {
    if (type === "start") return { type: "accepted", page, epoch };
    if (type === "audio") return { type: "ack", epoch, next: seq + 1 };
  };
  return made;
}

/** A transcript view; its kernel is the test. */
const transcript = (traits = {}) =>
  widget("/transcript_view.js", {
    snapshot: { revision: 0, segments: [] }, twin: "", composed: false, waiting: 0, placeholder: "Nothing was said yet.",
    direction: "auto", disabled: false, done: false, next_step: "", layout: {}, ...traits,
  });

/** A segment of a patch. */
const line = (sid, at, text, final = true, more = {}) => ({
  sid, at, start: at, end: null, text, final, speaker: null, language: null, confidence: null, error: null, mark: false, ...more,
});
