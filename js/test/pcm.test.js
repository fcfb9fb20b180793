import assert from "node:assert/strict";
import { test } from "node:test";
import { Chunker, toInt16 } from "../src/pcm.js";

test("samples become 16-bit integers and louder ones are clipped", () => {
  const pcm = toInt16(new Float32Array([0, 0.5, -0.5, 1, -1, 1.7, -3, 1 / 32768]));
  assert.deepEqual([...pcm], [0, 16384, -16384, 32767, -32768, 32767, -32768, 1]);
});

test("quanta of 128 come out as whole chunks with nothing lost between them", () => {
  const chunker = new Chunker(2400);
  const samples = Float32Array.from({ length: 128 * 100 }, (_, i) => i / 32768);
  const chunks = [];
  for (let i = 0; i < samples.length; i += 128) chunks.push(...chunker.push(samples.subarray(i, i + 128)));
  assert.deepEqual(chunks.map((chunk) => chunk.length), [2400, 2400, 2400, 2400, 2400]);
  chunks.push(...chunker.flush());
  assert.deepEqual(chunks.flatMap((chunk) => [...chunk]), Array.from({ length: 12800 }, (_, i) => i));
});

test("one long push fills several chunks", () => {
  const chunker = new Chunker(4);
  assert.deepEqual(chunker.push(new Float32Array(9)).map((chunk) => chunk.length), [4, 4]);
  assert.deepEqual(chunker.flush().map((chunk) => chunk.length), [1]);
});

test("a flush of nothing gives no chunk", () => {
  const chunker = new Chunker(4);
  chunker.push(new Float32Array(4));
  assert.deepEqual(chunker.flush(), []);
});

test("a chunk owns exactly its bytes, so that its buffer can be sent as it is", () => {
  const chunker = new Chunker(100);
  chunker.push(new Float32Array(7));
  const [rest] = chunker.flush();
  assert.equal(rest.buffer.byteLength, 14);
});
