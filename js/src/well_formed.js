/**
 * @typedef {import("./types.js").Segment} Segment
 * @typedef {import("./types.js").Snapshot} Snapshot
 */

/** @param {unknown} value @returns {number | null} */
const number = (value) => (typeof value === "number" && Number.isFinite(value) ? value : null);

/** @param {unknown} value @returns {string | null} */
const string = (value) => (typeof value === "string" ? value : null);

/**
 * The transcript in a saved state, whatever somebody's editor or a half-written file has made of it.
 * What is no line is left out, and what a line lacks is nothing. @param {any} saved @returns {Partial<Snapshot>}
 */
export function wellFormed(saved) {
  const revision = number(saved?.revision);
  if (revision === null || !Array.isArray(saved.segments)) return {};
  const segments = saved.segments
    .filter((/** @type {any} */ line) => string(line?.sid) && string(line.text) !== null)
    .map((/** @type {any} */ line) => ({
      ...line,
      at: number(line.at) ?? 0, start: number(line.start), end: number(line.end), final: line.final === true,
      speaker: string(line.speaker), language: string(line.language), confidence: number(line.confidence),
      error: string(line.error), mark: line.mark === true,
    }));
  return { revision, segments, ...(saved.reset === true && { reset: true }) };
}
