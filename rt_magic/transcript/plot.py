"""A transcript over time: the sound, who speaks when, and how sure the machine was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rt_magic.audio.pcm import SAMPLE_RATE, to_float32
from rt_magic.exceptions import AudioError
from rt_magic.optional import library
from rt_magic.transcript.export import short_clock
from rt_magic.transcript.segments import Segment

if TYPE_CHECKING:
    from rt_magic.transcript.transcript import Transcript

COLUMNS = 2000
"""Pieces that the sound is cut into to draw it; more than a screen has pixels."""

LONG = 180.0
"""Seconds from which on times are written as a clock shows them."""

STEPS = (30, 60, 120, 300, 600, 1200, 1800, 3600)
"""Seconds between two marks of the axis."""

_FAILED = {"facecolor": "none", "edgecolor": "tab:red", "hatch": "////"}


def envelope(blocks: Iterable[bytes], samples: int, columns: int = COLUMNS) -> NDArray[np.float32]:
    """Return lowest and highest value of each of `columns` equal pieces of the sound, shape (columns, 2).

    Blocks are PCM16; no more than one of them is held at a time.
    """
    extremes = np.zeros((columns, 2), np.float32)
    position = 0
    for block in blocks:
        wave = to_float32(block)
        if not len(wave):
            continue
        places = np.arange(position, position + len(wave)) * columns // max(1, samples)
        begins = np.flatnonzero(np.diff(places, prepend=-1))
        here = np.minimum(places[begins], columns - 1)
        np.minimum.at(extremes[:, 0], here, np.minimum.reduceat(wave, begins))
        np.maximum.at(extremes[:, 1], here, np.maximum.reduceat(wave, begins))
        position += len(wave)
    return extremes


def lanes(segments: Iterable[Segment]) -> list[str | None]:
    """Return the speakers in the order in which they are first heard; None is who is not known."""
    return list(dict.fromkeys(segment.speaker for segment in segments))


def plot(transcript: Transcript, blocks: Iterator[bytes], offset: float, ax: Any = None) -> Any:
    """Draw on `ax`, or on a new figure; return the axes."""
    pyplot = library("matplotlib.pyplot", "matplotlib")
    colors = library("matplotlib.colors", "matplotlib")
    segments = [s for s in transcript.segments if s.start is not None and s.end is not None]
    duration = max([transcript.duration, *(segment.end or 0.0 for segment in segments)])
    speakers = lanes(segments) or [None]
    try:
        wave = envelope(blocks, round((transcript.duration - offset) * SAMPLE_RATE))
    except AudioError:
        wave = np.zeros((COLUMNS, 2), np.float32)  # a part of the sound would pass for silence after it
    heard = bool(wave.any())
    rows = len(speakers) + (1 if heard else 0)
    if ax is None:
        _, ax = pyplot.subplots(figsize=(10, 0.9 + 0.6 * rows + (0.5 if heard else 0)), layout="constrained")
    if heard:
        times = offset + (np.arange(COLUMNS) + 0.5) / COLUMNS * (transcript.duration - offset)
        scale = 0.45 / max(1e-3, float(np.abs(wave).max()))
        ax.fill_between(times, -wave[:, 1] * scale, -wave[:, 0] * scale, color="0.55", linewidth=0)
    first = 1 if heard else 0
    sure = [s.confidence for s in segments if s.confidence is not None and s.error is None]
    norm, colormap = colors.Normalize(0, 1), pyplot.get_cmap("viridis")
    for lane, speaker in enumerate(speakers, first):
        own = [segment for segment in segments if segment.speaker == speaker]
        plain = "0.8" if sure else f"C{(lane - first) % 10}"
        for failed in (False, True):
            _bars(ax, lane, [s for s in own if (s.error is not None) == failed], failed, plain, norm, colormap)
    if sure:
        mappable = pyplot.cm.ScalarMappable(norm, colormap)
        ax.figure.colorbar(mappable, ax=ax, label="confidence", pad=0.01, fraction=0.05)
    for event in transcript.events:
        if event.get("type") == "mark":
            ax.axvline(event["at"], color="0.3", linestyle=":", linewidth=1)
            ax.annotate(str(event.get("label", "")), (event["at"], 1), xycoords=("data", "axes fraction"), fontsize=8,
                        xytext=(2, -2), textcoords="offset points", va="top", parse_math=False)  # fmt: skip
    if any(segment.error is not None for segment in segments):
        failed_patch = library("matplotlib.patches", "matplotlib").Patch(**_FAILED, label="failed")
        ax.legend(handles=[failed_patch], loc="lower right", bbox_to_anchor=(1, 1), frameon=False, fontsize=8)
    names = [*(["sound"] if heard else []), *("speech" if name is None else name for name in speakers)]
    ax.set_yticks(range(rows), names, parse_math=False)
    ax.set(xlim=(min(0.0, offset), duration or 1.0), ylim=(rows - 0.4, -0.6), xlabel="time (s)")
    if duration >= LONG:
        ticker = library("matplotlib.ticker", "matplotlib")
        step = next((step for step in STEPS if duration <= 10 * step), STEPS[-1])
        ax.xaxis.set_major_locator(ticker.MultipleLocator(step))
        ax.xaxis.set_major_formatter(lambda second, _: short_clock(round(second), hours=duration >= 3600))
        ax.set_xlabel("time (h:mm:ss)" if duration >= 3600 else "time (m:ss)")
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.tick_params(axis="y", length=0)
    return ax


def _bars(ax: Any, lane: int, segments: Sequence[Segment], failed: bool, plain: str, norm: Any, colormap: Any) -> None:
    """Draw one speaker's segments: those that failed are hatched outlines."""
    if not segments:
        return
    spans = [(s.start, max((s.end or 0.0) - (s.start or 0.0), 1e-9)) for s in segments]
    if failed:
        ax.broken_barh(spans, (lane - 0.3, 0.6), **_FAILED)
        return
    colours = [plain if s.confidence is None else colormap(norm(s.confidence)) for s in segments]
    ax.broken_barh(spans, (lane - 0.3, 0.6), facecolor=colours, edgecolor="white", linewidth=0.5)
