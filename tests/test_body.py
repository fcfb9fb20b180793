"""Code that runs after each segment: compiled once, in order, under its own cell, on a real kernel's main loop."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from rt_magic.body import Body, compile_body
from rt_magic.exceptions import ConfigurationError
from rt_magic.transcript.segments import Segment
from tests.kernels import FrontEnd, kernel


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A real IPython shell without a kernel."""
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    yield shell
    shell.reset(new_session=False)
    InteractiveShell.clear_instance()


def segments(count: int) -> list[Segment]:
    """Final segments s1, s2, …"""
    return [Segment(id=f"s{n}", text=f"text {n}", final=True) for n in range(1, count + 1)]


def test_the_body_runs_with_segment_bound_and_puts_it_back(shell: InteractiveShell) -> None:
    """`segment` is the segment while the body runs, and the user's own afterwards; what the body makes stays."""
    shell.user_ns["segment"] = "mine"
    step, awaits = compile_body("seen = [*globals().get('seen', []), segment.text, where]", shell, lambda: {"where": 1})
    for segment in segments(2):
        step(segment)
    assert not awaits
    assert shell.user_ns["seen"] == ["text 1", 1, "text 2", 1]
    assert shell.user_ns["segment"] == "mine"
    assert "where" not in shell.user_ns


def test_a_body_may_define_functions_and_use_magics(shell: InteractiveShell) -> None:
    """Functions and comprehensions of the body see `segment`, and IPython's own syntax works."""
    step, _ = compile_body(
        "def words(): return [word for word in segment.text.split() if segment]\nhere = %pwd\nfound = words()",
        shell,
        dict,
    )
    step(segments(1)[0])
    assert shell.user_ns["found"] == ["text", "1"]
    assert shell.user_ns["here"]


def test_a_value_in_the_last_line_is_displayed(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    """As in a cell, the last expression is shown, unless a semicolon ends it."""
    for source in ("segment.text", "segment.text;", "x = segment.text", "None"):
        compile_body(source, shell, dict)[0](segments(1)[0])
    assert capsys.readouterr().out.count("text 1") == 1


def test_what_is_not_python_is_refused_at_once(shell: InteractiveShell) -> None:
    """A syntax error is one; prose is told where words to expect belong."""
    with pytest.raises(SyntaxError):
        compile_body("print(segment.text", shell, dict)
    for prose in (
        "New York and Paris",
        "Please transcribe this meeting, thank you.",
        "l'école est finie",
        "How are you today?",
        "C'est l'été, n'est-ce pas?",
        'Please note: he said "yes" (twice).',
        "Mr. Smith's talk (part 2)",
        "Hello!",
    ):
        with pytest.raises(ConfigurationError, match="--keywords"):
            compile_body(prose, shell, dict)
    for code in ("segment?", "!ls", "segment", "print(segment.text)", "x = segment.start", "-segment.start"):
        compile_body(code, shell, dict)
    for wrong in ("for word in segment.words", "print(segment.text))", "if segment"):
        with pytest.raises(SyntaxError):
            compile_body(wrong, shell, dict)


def test_without_a_loop_it_runs_inside_the_wait(capsys: pytest.CaptureFixture[str]) -> None:
    """Where no kernel has a loop, segments wait for whoever waits, and run in order on that thread."""
    got: list[str] = []
    changes: list[int] = []
    body = Body(lambda segment: got.append(segment.id), lambda: changes.append(body.waiting))
    for segment in segments(3):
        body.submit(segment)
    assert (got, body.waiting) == ([], 3)
    with body.here():
        while body.run_waiting():
            pass
    assert got == ["s1", "s2", "s3"]
    assert changes == [1, 2, 3, 2, 1, 0]


def test_an_error_does_not_stop_the_next(caplog: pytest.LogCaptureFixture) -> None:
    """What the step raises is shown and the next segment has its turn; so is an await where nothing can be awaited."""

    async def waits(segment: Segment) -> None:
        pass

    body = Body(lambda segment: 1 / 0)
    body.submit(segments(1)[0])
    assert body.run_waiting()
    assert "ZeroDivisionError" in caplog.text
    body.replace(waits)
    body.submit(segments(1)[0])
    assert body.run_waiting()
    assert "add --no-wait" in caplog.text


SETUP = """
import threading, time, asyncio
from rt_magic.body import Body, compile_body
from rt_magic.transcript.segments import Segment

def make(source):
    step, _ = compile_body(source, get_ipython(), dict)
    return Body(step, lambda: counts.append(body.waiting))

def feed(count, every):
    def go():
        for n in range(count):
            body.submit(Segment(id=f"s{n}", text=f"text {n}", final=True)); time.sleep(every)
    thread = threading.Thread(target=go); thread.start(); return thread

counts = []
"""


@pytest.fixture
def page() -> Iterator[FrontEnd]:
    """A kernel in which the functions above are defined."""
    with kernel() as front_end:
        cell = front_end.run(SETUP)
        assert cell.status == "ok", cell.text
        yield front_end


def test_output_lands_under_the_cell_that_started_it(page: FrontEnd) -> None:
    """While other cells run, all output of the body comes under its own cell, in order, and none is dropped."""
    cell = page.run("body = make('print(segment.id)\\nsegment.text'); thread = feed(20, 0.05); print('begun')")
    sleeping = page.run("print('one'); time.sleep(0.5); print('two')")
    awaiting = page.run("for n in range(5):\n    await asyncio.sleep(0.1); print('tick')")
    page.run("thread.join()")
    page.until(lambda: cell.text.count("text") == 20)
    lines = [line for line in cell.text.splitlines() if line]
    assert lines == ["begun", *(line for n in range(20) for line in (f"s{n}", f"'text {n}'"))]
    assert [line for line in sleeping.text.splitlines() if line] == ["one", "two"]
    assert awaiting.text.split() == ["tick"] * 5
    assert page.value("body.waiting") == 0
    assert page.value("max(counts)") > 3


def test_a_body_that_awaits_keeps_the_order(page: FrontEnd) -> None:
    """With top-level await, one body ends before the next begins, and cells run in between."""
    cell = page.run(
        "body = make('print(segment.id, end=\" \"); await asyncio.sleep(0.05); print(segment.id)'); feed(6, 0.01)"
    )
    assert page.value("1 + 1") == 2
    page.until(lambda: cell.text.count("s5") == 2)
    shown = [line for line in cell.text.splitlines() if line.startswith("s")]
    assert shown == [f"s{n} s{n}" for n in range(6)]


def test_errors_are_shown_under_the_cell(page: FrontEnd) -> None:
    """A traceback of the body comes under its cell, names its line, and the next segment is not affected."""
    cell = page.run("body = make('if segment.id == \"s1\": 1 / 0\\nprint(segment.id)'); feed(3, 0.01);")
    page.until(lambda: "s2" in cell.text)
    errors = [output["ename"] for output in cell.outputs if "ename" in output]
    assert errors == ["ZeroDivisionError"]
    assert "s0" in cell.text
    assert "s1\n" not in cell.text


def test_a_body_that_exits_ends_no_kernel(page: FrontEnd) -> None:
    """sys.exit is shown as what it is, the next segment has its turn, and the kernel lives on."""
    cell = page.run("body = make('if segment.id == \"s1\": raise SystemExit(1)\\nprint(segment.id)'); feed(3, 0.01);")
    page.until(lambda: "s2" in cell.text)
    assert "SystemExit" in str(cell.outputs) and page.value("1 + 1") == 2


def test_errors_show_the_users_lines_and_repeats_are_counted(page: FrontEnd) -> None:
    """A traceback names the running cell and the cell's own lines, none of the library's; the same one is counted."""
    cell = page.run("body = make('x = 1\\nnothing(segment.id)'); feed(4, 0.01);")
    number = cell.reply["execution_count"]
    page.until(lambda: page.value("body.waiting") == 0)
    (error,) = [output for output in cell.outputs if "ename" in output]
    shown = re.sub(r"\x1b\[[\d;]*m", "", error["text"])
    assert "rt_magic" not in shown and "body.py" not in shown
    assert f"Cell In[{number}], line 3" in shown
    (again,) = [
        output["transient"]["display_id"] for output in cell.outputs if "display_id" in output.get("transient", {})
    ]
    page.until(lambda: page.displays[again] == {"text/plain": "NameError again (3 times)"})


def test_a_body_can_be_interrupted(page: FrontEnd) -> None:
    """An endless body ends by the interrupt button, as a cell would, and the kernel lives on."""
    cell = page.run("body = make('while True: time.sleep(0.01)'); feed(1, 0);")
    page.until(lambda: page.cells and _busy(page), timeout=10)
    request = page.client.session.msg("interrupt_request", {})
    page.client.control_channel.send(request)
    page.until(lambda: any(output.get("ename") == "KeyboardInterrupt" for output in cell.outputs), timeout=20)
    assert page.value("1 + 1") == 2


def _busy(page: FrontEnd) -> bool:
    """Whether a cell sent now does not end within a moment, since the body holds the loop."""
    cell = page.start("pass")
    page.pump(1.0)
    return cell.status == "running"


def test_inside_a_waiting_cell_it_runs_at_once(page: FrontEnd) -> None:
    """A cell that waits runs the body itself, on its own thread, and nothing is left for the loop."""
    cell = page.run(
        "body = make('print(segment.id, threading.current_thread().name)'); thread = feed(5, 0.02)\n"
        "with body.here():\n"
        "    while thread.is_alive() or body.waiting: body.run_waiting(); time.sleep(0.005)\n"
        "print('done')"
    )
    lines = [line for line in cell.text.splitlines() if line]
    assert lines == [*(f"s{n} MainThread" for n in range(5)), "done"]
