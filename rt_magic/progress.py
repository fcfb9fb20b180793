"""How far long work is: a bar where somebody can see one, and the wait that draws it."""

from __future__ import annotations

import concurrent.futures
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from rt_magic.audio.decoding import AudioSource
from rt_magic.exceptions import RtMagicError
from rt_magic.shell import in_kernel
from rt_magic.transcript.transcript import Transcript

IN_A_LOG = 60.0
"""Seconds between two states of a bar where nobody sees it move: a line a minute is enough for a log."""


def is_seen() -> bool:
    """Whether somebody sees a bar move: in a notebook or a terminal, not in a log."""
    return in_kernel() or (sys.stderr is not None and sys.stderr.isatty())


def watched(
    future: concurrent.futures.Future[Transcript],
    settled: Callable[[], float],
    audio: AudioSource,
    *,
    show: bool = True,
    waits: Callable[[], str] = lambda: "",
) -> Transcript:
    """Wait; if `show` is true with a progress bar of the seconds of audio that are `settled`, where somebody sees it.

    `waits` says what the service is waited for, which is shown beside the bar, and in a log each time that it changes.
    """
    if not show:
        return _watch(future)
    if not is_seen():
        return _watch(future, _each(waits, lambda sentence: warn(audio.name, [sentence])))
    total = None if audio.duration is None else round(audio.duration, 1)

    # tqdm's own line would end in a speed of "s/s".
    shape = "{desc}: {percentage:3.0f}%|{bar}| {n:g} of {total:g} s" if total else "{desc}: {n:g} s"
    said = f"transcribing {audio.name}"
    with _bar(total=total, bar_format=shape, desc=said, leave=False) as bar:

        def show_all() -> None:
            why = waits()
            bar.set_description_str(f"{said} ({why})" if why else said, refresh=False)
            _advance(bar, settled())

        return _watch(future, show_all)


def warn(name: str, sentences: Iterable[str]) -> None:
    """Say what one should know of the words of a source: on stderr, in a notebook, where that is red, on stdout."""
    for sentence in sentences:
        print(f"{name}: {sentence}", file=sys.stdout if in_kernel() else sys.stderr)


def files_bar(count: int, *, show: bool) -> AbstractContextManager[Any]:
    """Show a bar of `count` files, which comes rarely into a log."""
    every = 0.1 if is_seen() else IN_A_LOG
    slowest = max(10.0, every)
    return _bar(total=count, unit="file", desc="transcribing", disable=not show, mininterval=every, maxinterval=slowest)


@contextmanager
def _bar(**options: Any) -> Iterator[Any]:
    """Show a bar of tqdm; a saved notebook keeps how it ended, where tqdm alone leaves how it began."""
    from tqdm.auto import tqdm
    from tqdm.notebook import tqdm as in_notebooks

    if options.get("disable") or not issubclass(tqdm, in_notebooks):
        with tqdm(**options) as bar:
            yield bar
        return
    from IPython.display import display

    bar = tqdm(**options, display=False)
    shown = display(bar.container, display_id=True)
    try:
        yield bar
    finally:
        ended = str(bar) if bar.leave else ""
        bar.close()
        drawn = bar.container._repr_mimebundle_() if bar.leave else {}
        shown.update({**drawn, "text/plain": ended}, raw=True)


def _watch(future: concurrent.futures.Future[Transcript], show: Callable[[], object] = lambda: None) -> Transcript:
    """Wait for a future; ten times a second call `show`.

    The wait is in short steps, so that an interrupt is heard on every system.
    """
    while True:
        try:
            return future.result(timeout=0.1)
        except concurrent.futures.TimeoutError:
            if future.done():
                raise
            show()
        except RtMagicError as error:  # the frames of another thread say nothing to who waits here
            raise error.with_traceback(None) from None


def _each(waits: Callable[[], str], say: Callable[[str], object]) -> Callable[[], None]:
    """Return what says each new sentence once."""
    last = ""

    def look() -> None:
        nonlocal last
        now = waits()
        if now and now != last:
            say(now)
        last = now

    return look


def _advance(bar: Any, seconds: float) -> None:
    bar.n = round(max(bar.n, min(seconds, bar.total or seconds)), 1)
    bar.refresh()
