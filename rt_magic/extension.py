"""Register the magics with a shell, and take away everything that they brought."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.core.completer import CompletionContext, SimpleMatcherResult, context_matcher

from rt_magic.cell.notices import set_notice
from rt_magic.magic import TranscribeMagics
from rt_magic.recovery import announcement
from rt_magic.session.defaults import configure
from rt_magic.session.resolution import allow
from rt_magic.transcriber import close_all


def give_a_body(lines: list[str]) -> list[str]:
    """Make a cell of `%%transcribe` and nothing else one that IPython takes: it refuses an empty body."""
    if lines and lines[0].split()[:1] == ["%%transcribe"] and not "".join(lines[1:]).strip():
        return [lines[0].rstrip("\n") + "\n", "\n", "\n"]
    return lines


_UNDO = "_rt_magic_undo"


def load(shell: Any) -> None:
    """Register the magics; twice is once."""
    if hasattr(shell, _UNDO):
        return
    magics = TranscribeMagics(shell)
    shell.register_magics(magics)
    shell.input_transformers_cleanup.append(give_a_body)

    @context_matcher(identifier="rt_magic")  # type: ignore[untyped-decorator, unused-ignore]
    def matcher(context: CompletionContext) -> SimpleMatcherResult:
        return magics.completions(context)

    shell.Completer.custom_matchers.append(matcher)
    if said := announcement():
        print(said)

    def undo() -> None:
        magics.end()
        shell.input_transformers_cleanup.remove(give_a_body)
        shell.Completer.custom_matchers.remove(matcher)
        set_notice("")
        allow(())
        configure(None)
        for kind in ("line", "cell"):
            shell.magics_manager.magics[kind].pop("transcribe", None)
        shell.magics_manager.registry.pop("TranscribeMagics", None)
        if magics in shell.configurables:
            shell.configurables.remove(magics)

    setattr(shell, _UNDO, undo)


def unload(shell: Any) -> None:
    """Take the magics away, and with them widgets, sessions, the lane, the embedded server and the portal."""
    undo: Callable[[], None] | None = getattr(shell, _UNDO, None)
    if undo is None:
        return
    delattr(shell, _UNDO)
    undo()
    close_all()
