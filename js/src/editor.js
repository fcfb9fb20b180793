/**
 * Let a reader correct the words of a line in their place: Enter and leaving keep the new text, Escape does not.
 * @param {HTMLElement} line
 * @param {string} name of what is corrected, for those who do not see it
 * @param {(text: string) => void} done called with another text only
 * @param {boolean} whole what is typed takes the place of everything
 */
export function correct(line, name, done, whole) {
  const words = /** @type {HTMLElement} */ (line.querySelector(".rt-text"));
  if (line.querySelector(".rt-edit")) return;
  const before = words.textContent ?? "";
  const field = Object.assign(document.createElement("textarea"), { className: "rt-edit", value: before, rows: 1, dir: "auto" });
  field.setAttribute("aria-label", name);
  let over = false;
  const end = (/** @type {boolean} */ keep, /** @type {boolean} */ back) => {
    if (over) return;
    over = true;
    const text = field.value.trim().replaceAll(/\s+/g, " ");
    field.remove();
    words.hidden = false;
    if (back) {
      line.tabIndex = -1;
      line.focus({ preventScroll: true });
    }
    if (keep && text !== before.trim()) done(text);
  };
  const fit = () => {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight + 2}px`;
  };
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
    event.preventDefault();
    end(event.key === "Enter", true);
  });
  field.addEventListener("input", fit);
  field.addEventListener("blur", () => end(true, false));
  words.hidden = true;
  words.after(field);
  fit();
  field.focus({ preventScroll: true });
  if (whole) field.select();
}
