"""Run code once per final segment: in order, on the kernel's main loop, under the cell that it belongs to."""

from __future__ import annotations

import ast
import inspect
import keyword
import logging
import re
import secrets
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TypeAlias

from rt_magic.exceptions import ConfigurationError, RtMagicError
from rt_magic.shell import running_shell
from rt_magic.transcript.segments import Segment

_log = logging.getLogger(__name__)

Step: TypeAlias = Callable[[Segment], Any]
"""What runs for a segment; what it returns is awaited if it can be."""

_BETWEEN = r"[\s,.;:!?…\"“”„«»()–—]"
_PROSE = re.compile(rf"[^\W\d_][\w'’-]*(?:{_BETWEEN}+[\w'’-]+)*(?:{_BETWEEN}*\s{_BETWEEN}*[\w'’-]+|!){_BETWEEN}*")
"""Words with spaces between them, or one with an exclamation mark; looked at only where it is not Python either."""


def compile_body(source: str, shell: Any, bound: Callable[[], Mapping[str, object]]) -> tuple[Step, bool]:
    """Compile a cell's body for an IPython shell; return what runs it for a segment, and whether it awaits.

    `segment` and the names of `bound()` are in the user's namespace while it runs and are put back afterwards; the
    value of a last expression is displayed, as in a cell. Raises SyntaxError for what is not Python, and
    ConfigurationError for prose, which is meant for something else.
    """
    from IPython.display import display

    if _is_prose(source.strip()):  # looked at first: IPython makes calls for help of questions
        raise ConfigurationError(
            "the body of the cell is Python that runs after each segment, and this is prose; "
            "words to expect go into --keywords, context into --prompt"
        )
    code = "\n" + shell.transform_cell(source)  # so that lines are counted as in the cell, whose first one is ours
    name = shell.compile.cache(code, _cell_number(shell))
    tree = ast.parse(code, name)  # a mistake is shown as one of this cell
    tree = shell.transform_ast(tree)
    last = tree.body.pop() if tree.body and _is_shown(tree.body[-1], source) else None
    flags = shell.compile.flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    parts = [compile(tree, name, "exec", flags, dont_inherit=True)] if tree.body else []
    if last is not None:
        assert isinstance(last, ast.Expr)
        parts.append(compile(ast.Expression(last.value), name, "eval", flags, dont_inherit=True))
    awaits = any(part.co_flags & inspect.CO_COROUTINE for part in parts)

    def finish(value: object) -> None:
        if last is not None and value is not None:
            display(value)

    def step(segment: Segment) -> None:
        with _in_namespace(shell.user_ns, {**bound(), "segment": segment}):
            value = None
            for part in parts:
                value = eval(part, shell.user_ns)
            finish(value)

    async def awaiting_step(segment: Segment) -> None:
        with _in_namespace(shell.user_ns, {**bound(), "segment": segment}):
            value = None
            for part in parts:
                value = eval(part, shell.user_ns)
                if part.co_flags & inspect.CO_COROUTINE:
                    value = await value
            finish(value)

    return (awaiting_step if awaits else step), awaits


def _is_prose(text: str) -> bool:
    first = re.match(r"\w*", text)
    if not _PROSE.fullmatch(text) or (first and keyword.iskeyword(first[0])):
        return False
    try:
        ast.parse(text)
    except SyntaxError:
        return True
    return False


def _cell_number(shell: Any) -> int:
    # Newer shells count on before they run the cell, older ones after it; its input is there in both.
    return len(shell.user_ns.get("In", ())) - 1 or int(shell.execution_count)


def _is_shown(node: ast.stmt, source: str) -> bool:
    return isinstance(node, ast.Expr) and not source.rstrip().endswith(";")


@contextmanager
def _in_namespace(namespace: dict[str, Any], bindings: Mapping[str, object]) -> Iterator[None]:
    before = {name: namespace[name] for name in bindings if name in namespace}
    namespace.update(bindings)
    try:
        yield
    finally:
        for name, value in bindings.items():
            if namespace.get(name) is value:  # else a cell gave it another one meanwhile
                if name in before:
                    namespace[name] = before[name]
                else:
                    del namespace[name]


class Body:
    """Run a step for each segment that is submitted: none dropped, one at a time, in order.

    In a kernel that is between cells, on its main loop; where nobody has a loop to run on, inside `run_waiting`.
    `changed` is called, on any thread, when the number of waiting segments has changed.
    """

    def __init__(self, step: Step, changed: Callable[[], object] = lambda: None) -> None:
        self._changed = changed
        self._waiting: deque[Segment] = deque()
        self._running = False
        self._scheduled = False
        self._taken = 0
        self._errors = Errors()
        self.replace(step)

    def replace(self, step: Step) -> None:
        """Run `step` from now on, under the cell that calls this; what waits is kept."""
        self._step = step
        self._cell = _current_cell()
        self._errors = Errors()

    @property
    def waiting(self) -> int:
        """Number of segments whose turn has not come, or has not ended."""
        return len(self._waiting) + self._running

    def submit(self, segment: Segment) -> None:
        """Run the step for this segment when its turn comes; from any thread, returns at once."""
        self._waiting.append(segment)
        self._changed()
        self._schedule()

    @contextmanager
    def here(self) -> Iterator[None]:
        """While this thread, the kernel's main one, is blocked and calls `run_waiting`, run nothing on its loop."""
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
            self._schedule()

    def run_waiting(self) -> bool:
        """Run the step now, on this thread, for the segment whose turn it is; False if there is none.

        KeyboardInterrupt comes through; what else the step raises is shown.
        """
        if self._running or not self._waiting:
            return False
        segment = self._waiting.popleft()
        self._running = True
        try:
            with _under(self._cell):
                try:
                    value = self._step(segment)
                    if inspect.iscoroutine(value):
                        value.close()
                        raise ConfigurationError(
                            "this cell waits, so its code cannot await: the loop is taken; add --no-wait"
                        )
                except (Exception, SystemExit) as error:  # a step ends neither the kernel nor the transcription
                    self._errors.show(error)
        finally:
            self._running = False
            self._changed()
        return True

    def _schedule(self) -> None:
        kernel = _kernel()
        if kernel is not None and not self._scheduled and self._waiting:
            self._scheduled = True
            kernel.io_loop.add_callback(self._run_one)

    async def _run_one(self) -> None:
        self._scheduled = False
        if self._running or self._taken or not self._waiting:
            return
        segment = self._waiting.popleft()
        self._running = True
        try:
            with _under(self._cell):
                try:
                    with _interruptible():
                        value = self._step(segment)
                    if inspect.isawaitable(value):
                        await value
                except (Exception, KeyboardInterrupt, SystemExit) as error:
                    self._errors.show(error)
        finally:
            self._running = False
            self._changed()
            self._schedule()  # as a new callback, so that cells get their turn in between


class Errors:
    """Show what a step raises: the lines of the user's own, and what comes again from the same line only as a count."""

    def __init__(self) -> None:
        self._seen: dict[object, tuple[int, str]] = {}

    def show(self, error: BaseException) -> None:
        """Show it in the cell that prints now; without IPython it is logged."""
        error = error.with_traceback(_without_ours(error.__traceback__))
        shell = running_shell()
        if shell is None:
            _log.error("the code that runs for each segment raised", exc_info=error)
            return
        lines = tuple((frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__))
        count, name = self._seen.get((type(error), lines), (0, f"rt-again-{secrets.token_hex(4)}"))
        self._seen[type(error), lines] = (count + 1, name)
        if count:
            self._again(type(error).__name__, count, name)
        elif isinstance(error, RtMagicError):
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        else:
            shell.showtraceback((type(error), error, error.__traceback__))

    def _again(self, kind: str, count: int, name: str) -> None:
        from IPython.display import display, update_display

        said = {"text/plain": f"{kind} again ({count} time{'s' if count > 1 else ''})"}
        if count == 1:
            display(said, raw=True, display_id=name)
        elif _kernel() is not None:
            update_display(said, raw=True, display_id=name)
        elif count & (count - 1) == 0:  # a terminal cannot take back what it printed
            print(said["text/plain"])


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the frames of this file that lead to the user's code."""
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return trace


def _kernel() -> Any | None:
    module = sys.modules.get("ipykernel.kernelbase")
    return module.Kernel.instance() if module is not None and module.Kernel.initialized() else None


def _current_cell() -> tuple[Any, Any] | None:
    kernel = _kernel()
    return None if kernel is None else (kernel._parent_ident["shell"], kernel.get_parent("shell"))


@contextmanager
def _under(cell: tuple[Any, Any] | None) -> Iterator[None]:
    """Print and display under this cell, although another one ran meanwhile."""
    kernel = _kernel()
    if kernel is None or cell is None:
        yield
        return
    before = _current_cell()
    kernel.set_parent(*cell)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        if before is not None:
            kernel.set_parent(*before)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let the interrupt button end what runs between cells, as it ends a cell."""
    try:
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
    except ValueError:  # not the main thread: nothing to interrupt it with
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
