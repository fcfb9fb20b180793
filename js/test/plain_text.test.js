import assert from "node:assert/strict";
import { test } from "node:test";
import { clock } from "../src/plain_text.js";

test("a time stamp counts minutes, and hours from the first on", () => {
  assert.deepEqual([0, 3.9, 59.99, 60, 754.2, 3600, 36061].map(clock), ["0:00", "0:03", "0:59", "1:00", "12:34", "1:00:00", "10:01:01"]);
});
