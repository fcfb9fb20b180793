/**
 * @typedef {{ id: string, label: string, group: string }} Device
 * @typedef {{ id: string, label: string }} Remembered
 */

const KEY = "rt-magic-microphone";

/** Names under which Chromium lists devices a second time. */
const ALIASES = new Set(["default", "communications"]);

/**
 * What a picker offers: the system's choice first, under its name where that is known. Pure.
 * @param {Device[]} devices
 * @returns {Remembered[]}
 */
export function choices(devices) {
  const own = devices.find(({ id }) => id === "default")?.label.replace(/^[^-]*- /, "");
  const named = devices.filter(({ id, label }) => id && label && !ALIASES.has(id));
  return [{ id: "", label: own ? `System default (${own})` : "System default" }, ...named.map(({ id, label }) => ({ id, label }))];
}

/**
 * The device that was used last time: by its id, else by its name, for browsers change ids. Pure.
 * @param {Remembered | null} remembered
 * @param {Device[]} devices
 * @returns {string} "" for the system's choice
 */
export function recall(remembered, devices) {
  if (!remembered) return "";
  const named = devices.filter(({ id, label }) => id && label);
  if (!named.length) return remembered.id; // names are not told before the microphone was allowed once
  const found = named.find(({ id }) => id === remembered.id) ?? named.find(({ label }) => label === remembered.label);
  return found?.id ?? "";
}

/** The microphones of this computer, and the one that was chosen here before. */
export class Devices {
  /** @type {Device[]} */
  list = [];
  #changed;

  /** @param {() => void} changed @param {AbortSignal} signal */
  constructor(changed, signal) {
    this.#changed = changed;
    navigator.mediaDevices?.addEventListener?.("devicechange", () => void this.refresh(), { signal });
  }

  /** The group of the system's own choice, "" where the browser does not say. */
  get system() {
    return this.list.find(({ id }) => id === "default")?.group ?? "";
  }

  get remembered() {
    try {
      const { id, label } = JSON.parse(localStorage.getItem(KEY) ?? "null") ?? {};
      return typeof id === "string" ? { id, label: String(label) } : null;
    } catch {
      return null; // no storage here, or something else in it
    }
  }

  /** @param {string} id "" for the system's choice */
  remember(id) {
    try {
      if (id) localStorage.setItem(KEY, JSON.stringify({ id, label: choices(this.list).find((one) => one.id === id)?.label ?? "" }));
      else localStorage.removeItem(KEY);
    } catch {
      // The trait has it for as long as the kernel lives.
    }
  }

  async refresh() {
    try {
      const all = await navigator.mediaDevices.enumerateDevices();
      this.list = all.filter(({ kind }) => kind === "audioinput").map(({ deviceId, label, groupId }) => ({ id: deviceId, label, group: groupId }));
    } catch {
      this.list = [];
    }
    this.#changed();
  }
}
