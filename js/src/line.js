import { attribute, element, write } from "./elements.js";
import { clock } from "./plain_text.js";

/** @typedef {import("./types.js").Segment} Segment */

/** Below these the words are marked as unsure: the mean probability of a word, of 1. */
const LOW = 0.4;
const FAIR = 0.65;

/** @type {HTMLElement | undefined} */
let template;

/** A line without anything in it: a time that plays, and words. @param {string} sid */
export function createLine(sid) {
  template ??= element(
    "p",
    "",
    {},
    element("button", "rt-time", { type: "button", tabIndex: -1, title: "Hear this line (Space)" }),
    " ",
    element("span", "rt-text"),
  );
  const line = /** @type {HTMLElement} */ (template.cloneNode(true));
  line.dataset.sid = sid;
  return line;
}

/**
 * Show a segment in its line, touching only what differs.
 * @param {HTMLElement} line
 * @param {Segment} segment
 * @param {string} direction
 * @param {number} voice number of the speaker's colour
 */
export function fill(line, { start, end, text, final, speaker, confidence, error, mark }, direction, voice) {
  const [time, words] = /** @type {[HTMLButtonElement, HTMLElement]} */ ([line.children[0], line.querySelector(".rt-text")]);
  const settled = final && line.dataset.final === "false";
  const kind = mark ? "rt-mark" : "rt-segment";
  if (line.className !== kind) line.className = kind;
  if (line.dir !== direction) line.dir = direction;
  // Text that may still change is not read aloud; set before the text, so that the last change is.
  attribute(line, "aria-live", final ? null : "off");
  attribute(line, "data-final", String(final));
  attribute(line, "data-voice", speaker ? String(voice) : null);
  write(time, start === null ? "" : clock(start));
  time.hidden = start === null;
  time.disabled = !final || end === null;
  part(line, "rt-speaker", speaker ? `${speaker}: ` : "", words);
  rewrite(words, text, settled);
  part(line, "rt-failed", error ? `${text ? " " : ""}not transcribed: ${error}` : "", null);
  const sure = !final || mark || confidence === null || confidence >= FAIR ? null : confidence < LOW ? "low" : "fair";
  attribute(line, "data-sure", sure);
  part(line, "rt-sure", sure && ` ${Math.round((confidence ?? 0) * 100)} % sure`, null);
}

/**
 * Change the end of a text and leave its beginning alone.
 * @param {HTMLElement} words
 * @param {string} text
 * @param {boolean} [settled] now final: read aloud even if it stays as it was
 */
export function rewrite(words, text, settled = false) {
  const known = words.firstChild;
  if (!(known instanceof Text) || words.childNodes.length > 1 || settled) {
    words.replaceChildren(text);
    return;
  }
  const { data } = known;
  if (data === text) return;
  let same = 0;
  while (same < data.length && data[same] === text[same]) same += 1;
  if (same && /[\ud800-\udbff]/.test(data[same - 1] ?? "")) same -= 1; // half a character would be shown as a box
  known.replaceData(same, data.length - same, text.slice(same));
}

/** @param {HTMLElement} line @param {string} name @param {string | null} text "" or null: none @param {Node | null} before */
function part(line, name, text, before) {
  const known = line.querySelector(`.${name}`);
  if (!text) known?.remove();
  else if (known) write(known, text);
  else line.insertBefore(element("span", name, { dir: name === "rt-speaker" ? "auto" : "" }, text), before);
}
