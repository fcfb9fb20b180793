"""What a benchmark answers, and the guide's page that is made of all answers."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "benchmarks.json"
PAGE = ROOT / "docs" / "benchmarks.md"
PICTURE = ROOT / "docs" / "benchmarks.png"


@dataclass(frozen=True)
class Row:
    """One contender under one condition: its numbers, each one measurement or one round."""

    contender: str
    values: tuple[float, ...]
    unit: str
    condition: str = ""
    note: str = ""
    floor: bool = False
    """Whether this is what nothing can be faster than."""

    @property
    def median(self) -> float:
        """The middle of all values."""
        return statistics.median(self.values)

    @property
    def p95(self) -> float:
        """The value that 95 of 100 do not exceed."""
        return percentile(self.values, 0.95)


@dataclass(frozen=True)
class Answer:
    """What one question's run found."""

    question: str
    goal: str
    how: str
    rows: tuple[Row, ...]
    verdict: str
    """One sentence: reached or not, and by which numbers."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Contenders that could not run, each with the reason."""
    versions: Mapping[str, str] = field(default_factory=dict)
    less_is_better: bool = True


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which that share lies, between the two nearest."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


K = TypeVar("K")


def interleaved(contenders: Mapping[K, Callable[[], float | Sequence[float]]], rounds: int) -> dict[K, list[float]]:
    """Run every contender once a round, in turns that begin at another one each time; return all their values."""
    found: dict[K, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            value = contenders[name]()
            found[name] += [value] if isinstance(value, (int, float)) else list(value)
    return found


def ratio(ours: Row, other: Row) -> float:
    """Return how many times the other's median ours is."""
    return ours.median / other.median if other.median else float("nan")


def shown(value: float) -> str:
    """Return a number with three digits that count."""
    if value == 0:
        return "0"
    digits = max(0, 2 - int(f"{abs(value):e}".partition("e")[2]))
    return f"{value:,.{digits}f}"


def table(answer: Answer) -> str:
    """Return an answer's rows as a Markdown table: medians and p95, and the spread of the middle half."""
    unit = answer.rows[0].unit
    lines = [
        f"| contender | condition | median, {unit} | p95 | middle half | n | |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    for row in answer.rows:
        half = f"{shown(percentile(row.values, 0.25))} – {shown(percentile(row.values, 0.75))}"
        name = f"**{row.contender}**" if row.contender.startswith("rt_magic") else row.contender
        name += " (floor)" if row.floor else ""
        own = f" {row.unit}" if row.unit != unit else ""
        cells = (name, row.condition, shown(row.median) + own, shown(row.p95), half, str(len(row.values)), row.note)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def section(name: str, answer: Answer, when: str) -> str:
    """Return an answer as a section of the page."""
    missing = "".join(f"\n* not run: {who}, because {why}" for who, why in answer.missing.items())
    versions = ", ".join(f"{package} {version}" for package, version in answer.versions.items())
    parts = [
        f"## {answer.question}",
        f"To reach: {answer.goal}. {answer.how}",
        table(answer) + (f"\n{missing}" if missing else ""),
        f"**{answer.verdict}**",
        f"`python3 do.py bench {name}`, {when}" + (f"; {versions}." if versions else "."),
    ]
    return "\n\n".join(parts)


def busy() -> str:
    """Return how busy the machine is before a question is asked, as one may have to know to trust its answer."""
    return f"load average {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else "load not known"


def keep(name: str, answer: Answer, load: str) -> None:
    """Remember an answer beside those of the other questions, and write page and picture anew."""
    known: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    when = f"{datetime.now(UTC):%d %B %Y}, {load}"
    plain = asdict(answer)
    for row in plain["rows"]:
        row["values"] = [float(f"{value:.5g}") for value in row["values"]]
    known[name] = {"when": when, "machine": machine(), **plain}
    RESULTS.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    write_page(known)


def machine() -> str:
    """Return what the numbers were measured on."""
    import psutil

    return (
        f"{psutil.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}"
    )


def answers(known: Mapping[str, Any]) -> dict[str, tuple[Answer, str]]:
    """Return what was remembered, in the order of the questions' names."""
    found = {}
    for name, entry in known.items():
        fields = {key: value for key, value in entry.items() if key not in ("when", "machine")}
        rows = tuple(Row(**{**row, "values": tuple(row["values"])}) for row in fields.pop("rows"))
        found[name] = (Answer(rows=rows, **fields), entry["when"])
    return found


BEGIN, END = "<!-- begin: written by do.py bench -->", "<!-- end: written by do.py bench -->"


def write_page(known: Mapping[str, Any]) -> None:
    """Put the answers between the page's two marks; what is written by hand around them stays."""
    from tests.bench.__main__ import ORDER
    from tests.bench.picture import draw

    chosen = {name: pair for name in ORDER if (pair := answers(known).get(name))}
    place = next(iter(known.values()))["machine"]
    parts = [f"Measured on: {place}.", "![All contenders of all questions, medians and p95](benchmarks.png)"]
    parts += [section(name, answer, when) for name, (answer, when) in chosen.items()]
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n" + "\n\n".join(parts) + f"\n\n{END}{after}", encoding="utf-8")
    draw({name: answer for name, (answer, _) in chosen.items()}, PICTURE)
