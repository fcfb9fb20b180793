import makeMicrophone from "./microphone.js";
import { SocketModel } from "./socket_model.js";

// The token leaves the address before anything else happens: neither history nor a bookmark keeps it.
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);

const place = /** @type {HTMLElement} */ (document.getElementById("microphone"));
const state = /** @type {HTMLElement} */ (document.getElementById("state"));

if (token) open();
else state.textContent = "This address lacks its token: open the link in the notebook, or ask it for a new one.";

function open() {
  const socket = new WebSocket(`ws://${location.host}/socket`);
  socket.binaryType = "arraybuffer";
  /** @type {SocketModel | null} */
  let model = null;
  const life = new AbortController();

  socket.addEventListener("open", () => socket.send(JSON.stringify({ type: "token", token })));
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(data);
    if (message.type !== "traits") model?.receive(message);
    else if (model) model.write(message.traits);
    else {
      model = new SocketModel(message.traits, socket);
      const widget = makeMicrophone();
      const given = /** @type {any} */ ({ model, el: place, signal: life.signal });
      void widget.initialize(given);
      void widget.render(given);
      state.textContent = "What you say appears in the notebook. Keep this page open while you speak.";
    }
  });
  socket.addEventListener("close", ({ code, reason }) => {
    const ended = code === 1000;
    if (model && !ended) model.gone();
    else place.inert = true;
    state.textContent = ended
      ? "The session has ended. This page can be closed; the notebook gives a new link for the next one."
      : reason || "The kernel is gone. Run the cell again, then open the new link.";
  });
}
