"""`%transcribe` and `%%transcribe`: read the line, make a Transcriber, show it, and wait where that is wanted."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets
from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult
from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.display import display

from rt_magic import arguments as reading
from rt_magic import body, languages, words
from rt_magic.arguments import Arguments
from rt_magic.cell.driver import transcripts
from rt_magic.cell.notices import set_notice
from rt_magic.cell.playback import FileTranscriber
from rt_magic.cell.presenting import check_place, present
from rt_magic.cell.status import LIVE
from rt_magic.completion import complete
from rt_magic.exceptions import ConfigurationError, RtMagicError
from rt_magic.manual import manual
from rt_magic.options import keyword_list
from rt_magic.session.defaults import chosen_service, configure
from rt_magic.session.resolution import allow, check_allowed, check_service, resolve_service
from rt_magic.shell import in_kernel
from rt_magic.transcriber import Transcriber, under_way
from rt_magic.transcript.transcript import Transcript

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


@dataclass(frozen=True)
class Run:
    """What a cell made when it ran: what transcribes, the arguments it was made with, the transcript's variable."""

    transcriber: Transcriber
    wanted: dict[str, Any]
    into: str

    @property
    def live(self) -> bool:
        """Whether it is under way."""
        return self.transcriber.state in LIVE


@magics_class
class TranscribeMagics(Magics):
    """Defaults of `%transcribe`, set by `%config TranscribeMagics.language = "fr"` and the like."""

    language = traitlets.Unicode("", help="language where --lang is absent").tag(config=True)
    service = traitlets.Unicode("", help="service where --service is absent").tag(config=True)
    model = traitlets.Unicode("", help="model where --model is absent").tag(config=True)
    idle = traitlets.Float(900.0, help="seconds without speech until it pauses").tag(config=True)
    private = traitlets.Bool(False, help="keep no word in the notebook, as --private").tag(config=True)
    allowed_services = traitlets.List(
        traitlets.Unicode(), help="names or hosts of the only services that may be used; empty: all"
    ).tag(config=True)

    notice = traitlets.Unicode(
        "", help="what everyone who will be heard should know, {where} for the place; empty: the built-in sentence"
    ).tag(config=True)

    shell: InteractiveShell

    def __init__(self, shell: Any, **kwargs: Any) -> None:
        self._most: frozenset[str] = frozenset()  # what was allowed from the start, by whoever runs this place
        super().__init__(shell=shell, **kwargs)
        self._most = frozenset(self.allowed_services)
        allow(self.allowed_services)
        configure(self._configured)
        self._runs: dict[str, Run] = {}
        """The newest run of each cell."""
        self._left: list[Transcriber] = []

    @traitlets.validate("language")
    def _valid_language(self, proposal: Any) -> str:
        try:
            return ",".join(languages.languages(proposal["value"]))
        except ConfigurationError as error:
            raise traitlets.TraitError(str(error)) from None

    @traitlets.validate("service")
    def _valid_service(self, proposal: Any) -> str:
        value = str(proposal["value"])
        try:
            if value and value not in words.SERVICES:
                resolve_service(value, namespace=self.shell.user_ns)
        except ConfigurationError as error:
            raise traitlets.TraitError(str(error)) from None
        return value

    def _configured(self) -> object:
        """Return the configured service, looked up where a variable of the user's is named."""
        return self.service if self.service in words.SERVICES else self.shell.user_ns.get(self.service, self.service)

    @traitlets.validate("idle")
    def _valid_idle(self, proposal: Any) -> float:
        if proposal["value"] < 0:
            raise traitlets.TraitError(f"idle is seconds, or 0 for never, not {proposal['value']:g}")
        return float(proposal["value"])

    @traitlets.validate("allowed_services")
    def _valid_allowed(self, proposal: Any) -> list[str]:
        names = list(proposal["value"])
        if self._most and not (names and self._most.issuperset(names)):
            allowed = ", ".join(sorted(self._most))
            raise traitlets.TraitError(
                f"only {allowed} may be used here; a notebook can allow fewer of them, not others"
            )
        return names

    @traitlets.observe("notice")
    def _use_notice(self, change: Any) -> None:
        set_notice(str(change["new"]))

    @traitlets.observe("allowed_services")
    def _allow(self, change: Any) -> None:
        allow(change["new"])

    @no_var_expand
    @line_cell_magic
    def transcribe(self, line: str, cell: str | None = None) -> Transcriber | None:
        """See `manual`."""
        try:
            return self._transcribe(line, cell)
        except RtMagicError as error:
            raise UsageError(str(error)) from None
        except SyntaxError as error:  # of the body; the lines in here say nothing of it
            raise error.with_traceback(None) from None
        except KeyboardInterrupt as stop:
            raise stop.with_traceback(None) from None
        except OSError as error:
            raise UsageError(
                f"the operating system says: {error}; free disk space or fix the permissions, and run the cell again"
            ) from None

    def _transcribe(self, line: str, cell: str | None) -> Transcriber | None:
        self._sweep()
        asked = reading.parse(line)
        if asked.doctor:
            self._doctor(asked)
            return None
        if asked.status or asked.stop:
            print(self._stop() if asked.stop else self._status())
            return None
        into = asked.into or "transcript"
        key = self._key(into)
        self._check_variable(into, key)
        wanted = self._wanted(asked)
        if asked.source is None:
            check_place(getattr(self.shell, "kernel", None), asked.microphone, asked.wait)
        waits = asked.wait if asked.wait is not None else asked.source is not None or not in_kernel()
        bound: dict[str, object] = {}
        step = self._step(cell, bound, waits)
        before = self._runs.get(key)
        if before is not None and before.live and not asked.new and _same(before.wanted, wanted):
            self._attach(replace(before, into=into), key, step, bound)
            present(before.transcriber, waits)
            return before.transcriber
        transcriber = FileTranscriber(**wanted) if "source" in wanted else Transcriber(**wanted)
        if before is not None:
            if before.live:
                print(
                    f"What ran into {before.into} is finished first, with what it has heard so far; its transcript "
                    "stays in rt_magic.transcripts."
                )
                before.transcriber.finish()
            self._leave(before.transcriber)
        self._attach(Run(transcriber, wanted, into), key, step, bound)
        if isinstance(transcriber, FileTranscriber):
            transcriber.start()
        present(transcriber, waits)
        return transcriber

    def _attach(self, run: Run, key: str, step: body.Step | None, bound: dict[str, object]) -> None:
        """Make this the cell's run: the variables have its transcript, and the body is run from now on."""
        self._runs[key] = run
        bound["transcript"] = self.shell.user_ns[run.into] = run.transcriber.transcript
        run.transcriber.run_for_each_segment(step)
        run.transcriber.bind(run.into)

    def _leave(self, known: Transcriber) -> None:
        """Say where the words of this cell's earlier run are, and close its widgets once nobody has them."""
        if len(known.transcript) and not isinstance(known, FileTranscriber):
            number = next((n for n, each in enumerate(transcripts) if each is known.transcript), None)
            if number is not None:  # the list is the user's to shorten
                print(f"The words that this cell had are in rt_magic.transcripts[{number}].")
        self._left.append(known)

    def _sweep(self) -> None:
        """Close what no cell shows any more, unless a variable of the user's holds it."""
        held = [value for name, value in self.shell.user_ns.items() if not name.startswith("_")]
        for known in [left for left in self._left if not any(value is left for value in held)]:
            known.close()
            self._left.remove(known)

    def _wanted(self, asked: Arguments) -> dict[str, Any]:
        """Return what a line asks for as the arguments of a transcriber, with everything looked up."""
        namespace = self.shell.user_ns
        service = chosen_service(asked.service, namespace=namespace)
        model = asked.model or self.model or None
        if model:
            service = replace(service, service=replace(service.service, model=model))
        spoken = ",".join(asked.languages) or self.language or None
        try:
            check_service(service.service, languages.languages(spoken) if spoken else ())
        except ConfigurationError as refused:
            typed = "%%transcribe" if asked.source is None else f'%transcribe "{asked.source}"'
            raise ConfigurationError(refused.message.replace("%%transcribe", typed)) from None
        prompt = None if asked.prompt is None else str(reading.look_up(asked.prompt, namespace, "--prompt"))
        options: dict[str, Any] = {
            "language": spoken,
            "service": service,
            "model": model,
            "prompt": prompt,
            "keywords": self._keywords(asked.keywords),
            "turn_detection": asked.turn_detection or "auto",
            "silence_ms": asked.silence_ms or 500,
            "noise_reduction": asked.noise_reduction,
            "private": asked.private or self.private,
        }
        if asked.source is not None:
            source: Any = reading.look_up(asked.source, namespace, "--from")
            if isinstance(source, str):
                source = Path(os.path.expanduser(source))  # unlike the method, it leaves the name of nobody as it is
            return {"source": source, "speed": asked.speed or "max", **options}
        if asked.speed is not None:
            raise ConfigurationError("--speed is for files: give one with --from, or leave --speed out")
        return {
            "save": asked.save,
            "duration": asked.duration,
            "idle": asked.idle or self.idle or None,
            "microphone": asked.microphone or ("page" if in_kernel() else "kernel"),
            **options,
        }

    def _step(self, cell: str | None, bound: dict[str, object], waits: bool) -> body.Step | None:
        if cell is None or not cell.strip():
            return None
        step, awaits = body.compile_body(cell, self.shell, lambda: bound)
        if not in_kernel() and (awaits or not waits):
            raise ConfigurationError(
                "in a terminal the code below the line runs while the cell waits: leave --no-wait out, and use no await"
            )
        if awaits and waits:
            raise ConfigurationError(
                "a cell that waits blocks the event loop, so its code cannot use await: add --no-wait"
            )
        return step

    def _keywords(self, text: str | None) -> tuple[str, ...]:
        if text is None:
            return ()
        if text.startswith("@"):
            try:
                return keyword_list(Path(os.path.expanduser(text[1:])).read_text("utf-8").splitlines())
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigurationError(f"--keywords {text}: the file cannot be read ({error})") from None
        return keyword_list(reading.look_up(text, self.shell.user_ns, "--keywords"))

    def _check_variable(self, into: str, key: str) -> None:
        """Raise ConfigurationError for a variable that another cell writes, or that is not ours to overwrite."""
        if any(run.into == into and run.live for other, run in self._runs.items() if other != key):
            raise ConfigurationError(
                f"another cell is writing {into}: end that with %transcribe --stop, or add --into another_name"
            )
        value = self.shell.user_ns.get(into)
        if value is not None and not isinstance(value, (Transcript, Transcriber)):
            raise ConfigurationError(
                f"{into} is a variable of yours ({type(value).__name__}): choose another name with --into"
            )

    def _key(self, into: str) -> str:
        kernel = getattr(self.shell, "kernel", None)
        cell = kernel.get_parent().get("metadata", {}).get("cellId") if kernel is not None else None
        return f"cell {cell}" if cell else f"variable {into}"

    def _doctor(self, asked: Arguments) -> None:
        from rt_magic.checks import doctor

        chosen = chosen_service(asked.service, namespace=self.shell.user_ns)
        check_allowed(chosen.service)
        made = [run.transcriber for run in self._runs.values()]
        recording = [known for known in made if not isinstance(known, FileTranscriber)]
        if asked.model or self.model:
            chosen = replace(chosen, service=replace(chosen.service, model=asked.model or self.model))
        display(doctor(chosen, widget=recording[-1] if recording else None))

    def completions(self, context: CompletionContext) -> SimpleMatcherResult:
        """What Tab offers on our lines, in the completer's own form."""
        offered = complete(context.text_until_cursor, self.shell.user_ns)
        if offered is None:
            return {"completions": [], "suppress": False}
        fragment, texts = offered
        return {
            "completions": [SimpleCompletion(text=text, type="magic") for text in texts],
            "matched_fragment": fragment,
            "suppress": True,
            "ordered": True,
        }

    def _running(self) -> list[tuple[str, Transcriber]]:
        """Return what is under way, made by a cell or by hand, each with a variable to speak of it by."""
        names = {run.transcriber: run.into for run in self._runs.values()}
        mine = {id(value): name for name, value in self.shell.user_ns.items() if not name.startswith("_")}
        return [(names.get(each) or mine.get(id(each)) or "a transcriber", each) for each in under_way()]

    def _status(self) -> str:
        lines = [
            f"{into}: {t.status or t.state}; {len(t.transcript)} segments, {t.transcript.duration:.0f} s"
            for into, t in self._running()
        ]
        return "\n".join(lines) or "nothing is being transcribed"

    def _stop(self) -> str:
        running = self._running()
        for _, transcriber in running:
            transcriber.stop()
        return f"stopping {', '.join(into for into, _ in running)}" if running else "nothing is being transcribed"

    def end(self) -> None:
        """Stop and close everything that was made here; the last words of what runs are waited for, not for ever."""
        made = [*self._left, *(run.transcriber for run in self._runs.values())]
        for transcriber in made:
            transcriber.stop()
        for transcriber in made:
            transcriber.finish()
            transcriber.close()
        self._left.clear()
        self._runs.clear()


TranscribeMagics.transcribe.__doc__ = manual()


def _same(known: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Tell whether two runs of a cell are the same transcription."""

    def comparable(options: dict[str, Any]) -> dict[str, Any]:
        source = options.get("source")
        named = source if isinstance(source, Path | None) else id(source)  # an array is compared element by element
        return {**options, "service": options["service"].service, "source": named}

    return known.keys() == wanted.keys() and comparable(known) == comparable(wanted)
