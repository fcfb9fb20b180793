/** A widget's model over a WebSocket: the kernel writes traits and sends messages, the page sends messages. */
export class SocketModel {
  /** @type {Record<string, unknown>} */
  #traits;
  #socket;
  /** @type {[string, (...values: any[]) => void][]} */
  #listeners = [];

  /** @param {Record<string, unknown>} traits @param {WebSocket} socket */
  constructor(traits, socket) {
    // Devices have other ids here than on the notebook's page, and links and models are asked for over there.
    this.#traits = { ...traits, layout: { comm_live: true } };
    this.#socket = socket;
  }

  /** @param {string} name */
  get(name) {
    return this.#traits[name];
  }

  /** @param {string} name @param {unknown} value in this page alone */
  set(name, value) {
    this.write({ [name]: value });
  }

  save_changes() {}

  /** @param {string} name @param {(...values: any[]) => void} callback */
  on(name, callback) {
    this.#listeners.push([name, callback]);
  }

  /**
   * @param {object} content
   * @param {unknown} _callbacks
   * @param {ArrayBuffer[]} [buffers]
   */
  send(content, _callbacks, buffers = []) {
    if (this.#socket.readyState !== WebSocket.OPEN) throw new Error("the connection with the kernel is closed");
    const text = JSON.stringify(content);
    const [buffer] = buffers;
    if (!buffer) return this.#socket.send(text);
    const head = new TextEncoder().encode(text);
    this.#socket.send(new Blob([new Uint32Array([head.length]), head, buffer]));
  }

  /** @param {Record<string, unknown>} traits */
  write(traits) {
    const changed = Object.keys(traits).filter((name) => JSON.stringify(this.get(name)) !== JSON.stringify(traits[name]));
    this.#traits = { ...this.#traits, ...traits };
    for (const name of changed) this.#trigger(`change:${name}`);
  }

  /** @param {object} message */
  receive(message) {
    this.#trigger("msg:custom", message, []);
  }

  /** The kernel will not answer any more. */
  gone() {
    this.#traits.layout = { comm_live: false };
    this.#trigger("comm_live_update");
  }

  /** @param {string} event @param {...unknown} values */
  #trigger(event, ...values) {
    for (const [name, callback] of this.#listeners) if (name === event) callback(...values);
  }
}
