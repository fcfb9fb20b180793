/** @typedef {import("./types.js").Segment} Segment */

/**
 * Seconds as m:ss or h:mm:ss.
 * @param {number} seconds
 */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/**
 * Final lines as text, one each, speakers named; marks stand among the times.
 * @param {Segment[]} segments
 * @param {boolean} times
 */
export function plainText(segments, times) {
  return segments
    .filter(({ final, error, mark, text }) => final && error === null && text.trim() && (times || !mark))
    .map(({ start, speaker, text, mark }) => {
      const time = times && start !== null ? `[${clock(start)}] ` : "";
      const said = text.trim().replaceAll(/\s+/g, " ");
      return mark ? `${time}(${said})` : `${time}${speaker ? `${speaker}: ` : ""}${said}`;
    })
    .join("\n");
}

/**
 * Where a text is found in the lines, from the first to the last; letters of either case count.
 * @param {Segment[]} segments
 * @param {string} query
 * @returns {{ sid: string, first: number, length: number }[]}
 */
export function find(segments, query) {
  if (!query.trim()) return [];
  const wanted = new RegExp(query.trim().replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&").replaceAll(/\s+/g, "\\s+"), "giu");
  return segments.flatMap(({ sid, text }) =>
    [...text.matchAll(wanted)].map((match) => ({ sid, first: match.index, length: match[0].length })),
  );
}
