/** @typedef {import("./types.js").Segment} Segment */

/** Lines that are shown at a time. */
const ROWS = 2;
/** Characters that are twice as wide as a letter. */
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]/u;

/** @param {string} text in widths of a letter */
const width = (text) => [...text].reduce((sum, sign) => sum + (WIDE.test(sign) ? 2 : 1), 0);

/**
 * Break a text into lines of at most `most` letters' width, from its beginning: what has been said keeps its place
 * while words are added at the end.
 * @param {string} text
 * @param {number} most
 */
export function wrap(text, most) {
  /** @type {string[]} */
  const rows = [];
  let row = "";
  // A word may be broken only where its script has no spaces, or where it does not fit on a line at all.
  for (const unit of text.match(/\s*[\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff]|\s*[^\s\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff]+/gu) ?? []) {
    if (width(row + unit) <= most) row += row ? unit : unit.trimStart();
    else {
      if (row) rows.push(row);
      row = "";
      for (const sign of unit.trimStart()) {
        if (width(row + sign) > most) {
          rows.push(row);
          row = "";
        }
        row += sign;
      }
    }
  }
  return row ? [...rows, row] : rows;
}

/**
 * The last two lines of what was said, as captions: each segment begins a line, a change of speaker is named.
 * @param {Segment[]} segments in their order
 * @param {number} most letters in a line
 * @returns {string[]}
 */
export function captions(segments, most) {
  /** @type {string[]} */
  let rows = [];
  const said = segments.filter(({ text, mark }) => text.trim() && !mark);
  for (let n = said.length - 1; n >= 0 && rows.length < ROWS; n -= 1) {
    const { text, speaker } = /** @type {Segment} */ (said[n]);
    const named = speaker && speaker !== said[n - 1]?.speaker ? `${speaker}: ` : "";
    rows = [...wrap(named + text.trim(), most), ...rows];
  }
  return rows.slice(-ROWS);
}
