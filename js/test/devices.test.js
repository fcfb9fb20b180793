import assert from "node:assert/strict";
import { test } from "node:test";
import { choices, recall } from "../src/devices.js";

const device = (id, label) => ({ id, label, group: "" });
const HERE = [device("default", "Default - Desk"), device("communications", "Communications - Desk"), device("a", "Desk"), device("b", "Headset")];

test("each device is offered once, the system's choice first and by its name", () => {
  assert.deepEqual(choices(HERE), [
    { id: "", label: "System default (Desk)" },
    { id: "a", label: "Desk" },
    { id: "b", label: "Headset" },
  ]);
});

test("without leave there are no names and nothing but the system's choice", () => {
  assert.deepEqual(choices([device("", "")]), [{ id: "", label: "System default" }]);
});

test("a remembered device is found by id, then by name, else the system chooses", () => {
  assert.equal(recall({ id: "b", label: "Headset" }, HERE), "b");
  assert.equal(recall({ id: "old", label: "Headset" }, HERE), "b");
  assert.equal(recall({ id: "old", label: "Gone" }, HERE), "");
  assert.equal(recall(null, HERE), "");
});

test("before names are told the remembered device is asked for as it is", () => {
  assert.equal(recall({ id: "b", label: "Headset" }, [device("", "")]), "b");
});
