"""Programs of other people's packages that carry a page's microphone to a service, to run in their environments.

Each takes the service's address, its own port, and what the main thread does meanwhile (`idle`, `sleep` or `loop`), as
a notebook's kernel would: both packages serve from a thread beside it.
"""

FORWARD = """
import asyncio, base64, sys, threading, time
import numpy as np
service, port, meanwhile = sys.argv[1], int(sys.argv[2]), sys.argv[3]

def rest():
    print("ready", flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), __import__("os")._exit(0)), daemon=True).start()
    while meanwhile == "loop":
        for _ in range(1000):
            pass
    while True:
        time.sleep(0.2 if meanwhile == "idle" else 3600)

def append(pcm):
    return '{"type":"input_audio_buffer.append","audio":"' + base64.b64encode(pcm).decode("ascii") + '"}'
"""

FASTRTC = (
    FORWARD
    + """
from fastapi import FastAPI
from fastrtc import AsyncStreamHandler, Stream
import uvicorn, websockets

class Forward(AsyncStreamHandler):
    def __init__(self):
        super().__init__("mono", input_sample_rate=24000, output_sample_rate=24000)
        self.socket = None

    def copy(self):
        return Forward()

    async def start_up(self):
        pass

    async def receive(self, frame):
        if self.socket is None:
            self.socket = await websockets.connect(service, compression=None)
        await self.socket.send(append(frame[1].astype("<i2").tobytes()))

    async def emit(self):
        await asyncio.sleep(3600)

    async def shutdown(self):
        if self.socket is not None:
            await self.socket.close()

from starlette.middleware.cors import CORSMiddleware
app = FastAPI()
app.add_middleware(CORSMiddleware, allow_origins=["*"])
Stream(Forward(), modality="audio", mode="send-receive").mount(app)
server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
threading.Thread(target=server.run, daemon=True).start()
while not server.started:
    time.sleep(0.05)
rest()
"""
)

GRADIO = (
    FORWARD
    + """
import os
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
import gradio as gr
from websockets.sync.client import connect
socket = connect(service, compression=None)

def step(chunk):
    if chunk is not None:
        rate, samples = chunk
        samples = samples if samples.ndim == 1 else samples[:, 0]
        if rate != 24000:
            samples = np.interp(np.arange(0, len(samples), rate / 24000), np.arange(len(samples)), samples)
        socket.send(append(samples.astype("<i2").tobytes()))

with gr.Blocks() as demo:
    audio = gr.Audio(sources=["microphone"], streaming=True, type="numpy")
    audio.stream(step, inputs=[audio], outputs=[], stream_every=0.1, concurrency_limit=1, show_progress="hidden")
demo.launch(server_port=port, prevent_thread_lock=True, quiet=True, share=False)
rest()
"""
)

PAGE = """<!doctype html><title>bench</title><button id="start">Start</button><div id="log" role="log"></div><script>
const code = `registerProcessor("copy", class extends AudioWorkletProcessor {
  chunk = new Int16Array(2400); filled = 0;
  process([input]) {
    for (const value of input?.[0] ?? []) {
      this.chunk[this.filled++] = Math.max(-32768, Math.min(32767, Math.round(value * 32768)));
      if (this.filled === 2400) {
        this.port.postMessage(this.chunk.buffer, [this.chunk.buffer]);
        this.chunk = new Int16Array(2400); this.filled = 0;
      }
    }
    return true;
  }
});`;
const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
const mulaw = (samples) => Uint8Array.from(samples, (sample) => {
  const sign = sample < 0 ? 0x80 : 0;
  const value = Math.min(Math.abs(sample), 32635) + 132;
  const exponent = 31 - Math.clz32(value) - 7;
  return ~(sign | (exponent << 4) | ((value >> (exponent + 3)) & 15)) & 255;
});
const { searchParams } = new URL(location.href);
const socket = new WebSocket(searchParams.get("to"));
const media = searchParams.has("media");
socket.onopen = () => media && socket.send(JSON.stringify({ event: "start", websocket_id: "bench" }));
document.querySelector("#start").onclick = async () => {
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await navigator.mediaDevices.getUserMedia({ audio });
  const context = new AudioContext({ sampleRate: 24000 });
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  const node = new AudioWorkletNode(context, "copy", { channelCount: 1, channelCountMode: "explicit" });
  node.port.onmessage = ({ data }) => socket.send(media
    ? JSON.stringify({ event: "media", media: { payload: base64(mulaw(new Int16Array(data))) } })
    : '{"type":"input_audio_buffer.append","audio":"' + base64(new Uint8Array(data)) + '"}');
  context.createMediaStreamSource(stream).connect(node).connect(context.destination);
};
const log = document.querySelector("#log");
socket.onmessage = ({ data }) => {
  const event = JSON.parse(data);
  if (event.type?.endsWith(".delta")) log.textContent += event.delta;
};
</script>"""
"""The floor's page: the same capture as ours, sent at once; with `media`, in the form of FastRTC's WebSocket route."""
