"""Files by the thousand: here, on threads, on processes or on a cluster; what is done stays done."""

from __future__ import annotations

import glob
import hashlib
import inspect
import itertools
import os
import queue
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self, TypeAlias

from rt_magic.audio.files import open_audio
from rt_magic.batch import Channels, Options, Speed
from rt_magic.exceptions import (
    AuthenticationError,
    ConfigurationError,
    ProtocolError,
    RtMagicError,
    ServiceConnectionError,
    ServiceError,
)
from rt_magic.manifest import Manifest, content_hash, settings_hash
from rt_magic.one_file import Outcome, portable, raised, settings_of, submit_here, transcribe_one
from rt_magic.optional import library
from rt_magic.options import keyword_list
from rt_magic.pacing import Pacing
from rt_magic.progress import files_bar, is_seen, warn
from rt_magic.session.defaults import chosen_service
from rt_magic.session.services import Local, Service
from rt_magic.transcript.transcript import Transcript

Paths: TypeAlias = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
Result: TypeAlias = Transcript | RtMagicError


USED_UP = (
    "these files were gone through already, and going through them uses them up; call transcribe_files again: with "
    "manifest= what is done comes from there"
)

_OF_THE_SERVICE = ServiceError, ServiceConnectionError, ProtocolError
"""Errors of a file that show that the service was there."""


class Executor(Protocol):
    """Whatever runs a function elsewhere: an executor of threads, processes, dask.distributed or ipyparallel."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Any:
        """Begin a call and return its future, with `add_done_callback` and `result`."""


def transcribe_files(
    paths: Paths,
    *,
    executor: Executor | None = None,
    max_concurrency: int = 8,
    manifest: str | os.PathLike[str] | None = None,
    language: str | None = None,
    service: Service | str | None = None,
    model: str | None = None,
    prompt: str | None = None,
    keywords: Sequence[str] = (),
    turn_detection: str = "auto",
    silence_ms: int = 500,
    noise_reduction: str | None = None,
    channels: Channels = "mix",
    speed: Speed = "max",
    start: float | None = None,
    stop: float | None = None,
    progress: bool = True,
) -> Results:
    """Transcribe many files; iterating gives (path, transcript or error) as each file is done.

    `paths` are paths or a pattern such as "interviews/**/*.flac". At most `max_concurrency` files are under way at a
    time (work begins with the first step of the iteration); with the embedded engine of this process no more than the
    machine has cores, since each of its decoders keeps one busy. `executor` is anything with `submit`:
    threads, processes, `Client.get_executor()` of dask.distributed, ipyparallel's `view.executor`; the workers see the
    same paths, and sign in by themselves. `manifest` names a file of JSON lines by which a rerun does only what is
    missing, also after a kill. The error of a file is yielded and the rest goes on; where the service asks to wait, or
    is away for a while, all wait. `transcribe_files(...).to_pandas()` is one table of them all. Raises
    ConfigurationError, AuthenticationError, ServiceConnectionError where the service cannot be reached from the
    beginning or does not come back within minutes, and what else concerns all files.
    """
    chosen = chosen_service(service).service
    options = Options(
        service=chosen,
        language=language,
        model=model,
        prompt=prompt,
        keywords=keyword_list(keywords),
        turn_detection=turn_detection,
        silence_ms=silence_ms,
        noise_reduction=noise_reduction,
        channels=channels,
        speed=speed,
        start=start,
        stop=stop,
    )
    options.check()
    if start is not None and stop is not None and stop <= start:
        raise ConfigurationError(f"start={start:g} and stop={stop:g} leave nothing of any file; stop must come later")
    if max_concurrency < 1:
        raise ConfigurationError(f"max_concurrency={max_concurrency!r} is not possible; give 1 or more")
    if isinstance(executor, type) or (executor is not None and not callable(getattr(executor, "submit", None))):
        raise ConfigurationError(
            f"{executor!r} is not an executor; give one with submit(), such as ThreadPoolExecutor(8) or "
            "dask.distributed's Client(...).get_executor()"
        )
    here = executor is None or isinstance(executor, ThreadPoolExecutor)
    if here and isinstance(chosen, Local):
        max_concurrency = min(max_concurrency, os.cpu_count() or 1)
    if not here:
        options = replace(options, service=portable(chosen))
    submit = submit_here if executor is None else executor.submit
    return Results(
        found_files(paths), options, submit, max_concurrency, None if manifest is None else Manifest(manifest), progress
    )


def found_files(paths: Paths) -> list[Path]:
    """Return the files that a pattern or a list means, each once. Raises ConfigurationError where there is none."""
    if not isinstance(paths, str | os.PathLike | Iterable):
        raise ConfigurationError(f"{paths!r} are no files; give a pattern such as 'talks/*.flac', or a list of paths")
    if not isinstance(paths, str | os.PathLike):
        given = list(paths)
        if wrong := [path for path in given if not isinstance(path, str | os.PathLike)]:
            raise ConfigurationError(f"{wrong[0]!r} is no path; give a list of paths, or a pattern: 'talks/*.flac'")
        found = [Path(path).expanduser() for path in given]
    elif (path := Path(paths).expanduser()).is_dir():
        raise ConfigurationError(f"{os.fspath(paths)!r} is a folder; say which files: {os.fspath(path / '*.flac')!r}")
    elif path.exists():
        found = [path]
    else:
        found = [Path(name) for name in sorted(glob.glob(os.fspath(path), recursive=True)) if not os.path.isdir(name)]
    if not found and not isinstance(paths, str | os.PathLike):
        raise ConfigurationError("the list of files is empty; give at least one path")
    if not found:
        raise ConfigurationError(f"there is no file {paths!r}; it is looked for in {Path.cwd()}")
    return list(dict.fromkeys(found))


@dataclass(slots=True)
class _Job:
    path: Path
    content: str | None = None
    attempts: int = 0


class Results(Iterator[tuple[Path, Result]]):
    """The files as they get done: pairs of path and transcript, or error; `errors` keeps the latter by path.

    `to_pandas()` does them all and returns one table. Going through it uses it up, and a second time raises
    ConfigurationError: with a manifest the call of `transcribe_files` can be repeated at no cost. After an error that
    concerned all, or an interrupt, a loop goes on with the files that are left.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        options: Options,
        submit: Callable[..., Any],
        most: int,
        manifest: Manifest | None,
        progress: bool,
    ) -> None:
        self.errors: dict[Path, RtMagicError] = {}
        self._options = options
        self._settings = settings_hash(settings_of(options))
        self._submit = submit
        self._most = most
        self._pacing = Pacing(most)
        self._numbers = itertools.count()
        self._wordless: list[Path] = []
        self._given = 0
        self._manifest = manifest
        self._count = len(paths)
        self._waiting = deque(_Job(path) for path in paths)
        self._running: dict[int, tuple[_Job, Any]] = {}
        self._ended: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._progress = progress
        self._steps = self._work()

    def __iter__(self) -> Self:
        if self._given == self._count:
            raise ConfigurationError(USED_UP)
        self._go_on()
        return self

    def __next__(self) -> tuple[Path, Result]:
        done = next(self._steps)
        self._given += 1
        return done

    def __len__(self) -> int:
        return self._count

    def close(self) -> None:
        """End early: what has not begun does not begin, and what runs here is cancelled."""
        self._steps.close()

    def __repr__(self) -> str:
        under_way = len(self._waiting) + len(self._running)
        return (
            f"<{self._count} files: {self._count - under_way} done, {len(self.errors)} of them failed (.errors); "
            "iterate, .to_pandas() or .to_parquet(folder)>"
        )

    def to_pandas(self, *, words: bool = False) -> Any:
        """Do all files and return one DataFrame: the columns of a transcript's `to_pandas`, behind `path`.

        Files that failed are in `errors`. Needs pandas. Raises ConfigurationError where files were gone through before.
        """
        pandas = library("pandas")
        self._check_whole()
        tables = [Transcript().to_pandas(words=words).assign(path="")]
        tables += [
            result.to_pandas(words=words).assign(path=str(path))
            for path, result in self
            if isinstance(result, Transcript)
        ]
        table = pandas.concat([table for table in tables if len(table)] or tables, ignore_index=True)
        return table[["path", *(name for name in table.columns if name != "path")]]

    def to_parquet(self, folder: str | os.PathLike[str], *, words: bool = False) -> Path:
        """Do all files, write one Parquet file for each and return the folder, which pandas reads as one table.

        The columns are those of `to_arrow`, behind `path`. Files that failed are in `errors`. Needs pyarrow. Raises
        ConfigurationError where files were gone through before.
        """
        parquet, arrow = library("pyarrow.parquet"), library("pyarrow")
        self._check_whole()
        target = Path(folder).expanduser()
        target.mkdir(parents=True, exist_ok=True)
        for path, result in self:
            if isinstance(result, Transcript):
                table = result.to_arrow(words=words)
                column = arrow.array([str(path)] * len(table), arrow.string())
                name = f"{path.stem[:100]}-{hashlib.sha256(str(path).encode()).hexdigest()[:8]}.parquet"
                parquet.write_table(table.add_column(0, "path", column), target / name)
        return target

    # ── inner ──

    def _check_whole(self) -> None:
        if self._given:
            raise ConfigurationError(USED_UP)
        self._go_on()

    def _go_on(self) -> None:
        """Take up, with new hope, what an error or an interrupt has left."""
        if inspect.getgeneratorstate(self._steps) == inspect.GEN_CLOSED:
            self._pacing = Pacing(self._most)
            self._steps = self._work()

    def _work(self) -> Generator[tuple[Path, Result]]:
        shown = ""
        try:
            with files_bar(self._count, show=self._progress) as bar:
                while self._running or (self._waiting and self._pacing.lost is None):
                    now = time.monotonic()
                    if self._waiting and self._pacing.room(len(self._running), now):
                        done = self._begin(self._waiting.popleft())
                    else:
                        done = self._next_ended(timeout=0.1)  # short, so that an interrupt is heard everywhere
                    if (said := self._said(now)) != shown:
                        bar.set_postfix_str(shown := said, refresh=is_seen())
                    if done is not None:
                        bar.update()
                        if isinstance(done[1], Transcript) and not len(done[1]):
                            self._wordless.append(done[0])
                        yield done
            if self._waiting and self._pacing.lost is not None:
                raise self._pacing.lost
            if self._progress:
                warn("transcribe_files", self._shortfall())
        finally:
            for job, future in self._running.values():
                future.cancel()
                self._waiting.appendleft(job)
            self._running.clear()

    def _shortfall(self) -> Iterator[str]:
        """Yield what is missing in a table of the files."""
        if self.errors:
            yield f"{len(self.errors)} of {self._count} files failed; .errors says why"
        if self._wordless:
            names = ", ".join(path.name for path in self._wordless[:3]) + (", …" if len(self._wordless) > 3 else "")
            yield f"in {len(self._wordless)} of {self._count} files no words were found: {names}"

    def _said(self, now: float) -> str:
        failed = f"{len(self.errors)} failed" if self.errors else ""
        return "; ".join(filter(None, [self._pacing.said(now), failed]))

    def _begin(self, job: _Job) -> tuple[Path, Result] | None:
        """Start a file, unless the manifest has its transcript or it cannot be read."""
        if self._manifest is not None and job.content is None:
            try:
                job.content = content_hash(job.path)
            except OSError:
                pass  # opening it says in words what is wrong
            else:
                known = self._manifest.find(job.content, self._settings)
                if known is not None:
                    return self._with_sound(job.path, known)
        job.attempts += 1
        number = next(self._numbers)
        # The number of the attempt makes each call another one: some executors know a call again by its arguments.
        try:
            future = self._submit(transcribe_one, str(job.path), self._options, job.attempts)
        except BrokenExecutor as broken:
            self._waiting.appendleft(job)
            raise _broken(broken) from broken
        self._running[number] = job, future
        future.add_done_callback(lambda _: self._ended.put(number))
        return None

    def _next_ended(self, timeout: float) -> tuple[Path, Result] | None:
        try:
            number = self._ended.get(timeout=timeout)
        except queue.Empty:
            return None
        if number not in self._running:  # it was cancelled, and is done anew
            return None
        job, future = self._running[number]
        outcome = self._outcome(future)
        del self._running[number]
        why = "refused" if isinstance(outcome.error, AuthenticationError) else outcome.why
        if why is not None and outcome.error is not None:
            self._waiting.appendleft(job)
            self._pacing.miss(why, outcome.error, outcome.retry_after, time.monotonic())
            return None
        if outcome.error is None or isinstance(outcome.error, _OF_THE_SERVICE):
            self._pacing.reach()
        result: Result | None = outcome.transcript if outcome.error is None else outcome.error
        assert result is not None
        if self._manifest is not None:
            self._manifest.add(job.path, job.content, self._settings, result)
        if isinstance(result, Transcript):
            return self._with_sound(job.path, result)
        self.errors[job.path] = result
        return job.path, result

    @staticmethod
    def _outcome(future: Any) -> Outcome:
        try:
            outcome = future.result()
        except BrokenExecutor as broken:
            raise _broken(broken) from broken
        except (Exception, CancelledError) as error:  # of the executor: a worker that is gone, what cannot be pickled
            return Outcome(None, raised(error))
        assert isinstance(outcome, Outcome)
        return outcome

    def _with_sound(self, path: Path, transcript: Transcript) -> tuple[Path, Transcript]:
        """Let a transcript that comes from elsewhere read its sound from the file."""
        if transcript._store.source is None:
            try:
                transcript._release(open_audio(path, start=self._options.start, stop=self._options.stop))
            except RtMagicError:
                pass  # it was moved meanwhile; the words are there
        return path, transcript


def _broken(broken: BrokenExecutor) -> RtMagicError:
    return RtMagicError(
        f"the executor is broken ({broken}); make a new one and run it again: with manifest= it goes on where it stood"
    )
