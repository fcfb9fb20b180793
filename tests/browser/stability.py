"""How steady the words are that a page shows, as a MutationObserver saw them."""

from __future__ import annotations

from typing import Any

WATCH = """(() => {
  window.rtSeen = [];
  window.rtTouched = [];
  const settled = new Set([...document.querySelectorAll(".rt-segment[data-final=true]")].map((el) => el.dataset.sid));
  new MutationObserver((records) => {
    for (const { target, type, attributeName } of records) {
      const line = (target instanceof Element ? target : target.parentElement)?.closest(".rt-segment");
      if (line && settled.has(line.dataset.sid)) rtTouched.push([line.dataset.sid, type, attributeName]);
    }
    const changed = new Set(records.flatMap(({ target, addedNodes }) => {
      const line = (target instanceof Element ? target : target.parentElement)?.closest(".rt-segment");
      return line ? [line] : [...addedNodes].filter((node) => node instanceof Element && node.matches(".rt-segment"));
    }));
    for (const line of changed) {
      const final = line.dataset.final === "true";
      rtSeen.push([line.dataset.sid, line.querySelector(".rt-text").textContent, final]);
      if (final) settled.add(line.dataset.sid);
    }
  }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
})()"""
"""Run it in the page before the words come: `rtSeen` gets every state of every line, `rtTouched` every change of a line
that had been final before."""


def changed_again(seen: list[list[Any]]) -> tuple[int, int]:
    """Return how many words changed after they had been shown, and how many words are final.

    A word has changed where a later text has another one in its place, or none.
    """
    last: dict[str, list[str]] = {}
    finals: dict[str, int] = {}
    changed = 0
    for sid, text, final in seen:
        words = str(text).split()
        before = last.get(sid, [])
        changed += sum(1 for n, word in enumerate(before) if n >= len(words) or words[n] != word)
        last[sid] = words
        if final:
            finals[sid] = len(words)
    return changed, sum(finals.values())


def redraws(touched: list[list[Any]]) -> int:
    """Return how often the text of a final line was written again; attributes such as a focus are not its text."""
    return sum(1 for _, kind, _ in touched if kind != "attributes")
