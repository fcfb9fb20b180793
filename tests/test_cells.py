"""Live cells on a real kernel, with a page that speaks in messages and a scripted service."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from rt_magic.testing import Refusal
from tests.kernels import Cell, FrontEnd, kernel
from tests.speakers import Peer, Speaker, drawn, words
from tests.speech import PHRASES_FLAC

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def page() -> Iterator[FrontEnd]:
    """A kernel with the extension loaded."""
    with kernel() as front_end:
        cell = front_end.run("%load_ext rt_magic")
        assert cell.status == "ok", cell.text
        yield front_end


def outputs(cell: Cell) -> list[str]:
    """What a cell shows: "view", "twin" or the text."""
    shown = []
    for output in cell.outputs:
        data = output.get("data", {})
        is_twin = "rt-static" in data.get("text/html", "")
        shown.append("view" if VIEW in data else "twin" if is_twin else output.get("text", data.get("text/plain", "")))
    return shown


def test_words_come_while_another_cell_sleeps(page: FrontEnd) -> None:
    """The cell returns at once with one view and one twin; sound and words pass during a cell that sleeps."""
    with Peer(words("one two", "three")) as peer:
        cell = page.run(f"%%transcribe --service {peer.url}")
        assert cell.status == "ok", cell.text
        assert outputs(cell) == ["view", "twin"]
        speaker = Speaker(page)
        assert speaker.state == "ready"
        busy = page.start("import time; time.sleep(4)")
        page.pump(0.3)
        speaker.start()
        speaker.speak()
        page.until(lambda: drawn(page) == ["one two"], 3)
        assert busy.status == "running"
        assert speaker.state == "listening"
        page.finish(busy)
        speaker.speak()
        speaker.end()
        page.until(lambda: speaker.state == "stopped")
    assert page.value("transcript.text") == "one two three"
    assert page.value("(transcript.events[-1]['captured'], transcript.events[-1]['received'])") == (48_000, 48_000)
    page.until(lambda: any("three" in shown["text/plain"] for shown in page.displays.values()))


def test_it_is_shown_exactly_once(page: FrontEnd) -> None:
    """As the value of its own cell nothing is shown a second time, and assigned it is shown once; later again."""
    for code in ("%%transcribe", "%transcribe", "t = %transcribe"):
        assert outputs(page.run(code)) == ["view", "twin"], code
    assert outputs(page.run("t")) == ["view", "twin"]
    assert outputs(page.run("t.state")) == ["'ready'"]


def test_running_a_live_cell_again_attaches_to_it(page: FrontEnd) -> None:
    """The same cell, run again while it is live, shows the same recording; with other options that ends first."""
    with Peer(words("one", "two")) as peer:
        line = f"%%transcribe --service {peer.url}\n"
        page.run(f"{line}print('first', segment.text)", cell_id="c1")
        speaker = Speaker(page)
        speaker.start()
        speaker.speak()
        page.until(lambda: drawn(page) == ["one"])
        again = page.run(f"{line}print('second', segment.text)", cell_id="c1")
        assert outputs(again)[:2] == ["view", "twin"]
        assert "one" in again.outputs[1]["data"]["text/plain"]
        speaker.speak()
        page.until(lambda: "second two" in again.text)
        refused = page.run(line, cell_id="c2")
        assert "--into" in refused.text
        assert "--stop" in refused.text
        speaker.end()
        page.until(lambda: speaker.state == "stopped")
    assert page.value("transcript.text") == "one two"


def test_a_live_cell_run_again_binds_its_transcript_anew(page: FrontEnd) -> None:
    """The variable that was deleted is there again, and the body has the transcript of its own cell."""
    with Peer(words("one", "two")) as peer:
        cell = f"%%transcribe --service {peer.url} --into talk\nprint(segment.text, len(transcript))"
        page.run(cell, cell_id="c1")
        speaker = Speaker(page)
        speaker.start()
        speaker.speak()
        page.until(lambda: drawn(page) == ["one"])
        page.run("del talk")
        again = page.run(cell, cell_id="c1")
        assert page.value("talk.text") == "one"
        speaker.speak()
        page.until(lambda: "two 2" in again.text)
        page.run(cell.replace("talk", "interview"), cell_id="c1")
        assert page.value("interview is talk")
        assert "interview: listening" in page.run("%transcribe --status").text
        speaker.end()
        page.until(lambda: speaker.state == "stopped")


def test_another_service_behind_the_same_name_is_another_transcription(page: FrontEnd) -> None:
    """What a line looks up counts, not how it is written: sound never goes on to a service that was replaced."""
    with Peer(words("one")) as first, Peer(spare=1) as second:
        page.run(f"import rt_magic as rt; mine = rt.Compatible('{first.url}')")
        page.run("%%transcribe --service mine", cell_id="c1")
        speaker = Speaker(page)
        speaker.start()
        speaker.speak()
        page.until(lambda: drawn(page) == ["one"])
        page.run(f"mine = rt.Compatible('{second.url}')")
        again = page.run("%%transcribe --service mine", cell_id="c1")
        assert "finished first" in again.text
        assert page.value("transcript.text") == ""
        assert page.value("rt.transcripts[-1].done") is True


def test_what_was_started_by_hand_is_seen_and_stopped_from_any_cell(page: FrontEnd) -> None:
    """`--status` and `--stop` know every transcriber of the kernel by a variable that holds it."""
    with Peer(words("one")) as peer:
        page.run(f"import rt_magic as rt; mine = rt.Transcriber(service='{peer.url}')\nmine")
        speaker = Speaker(page)
        speaker.start()
        speaker.speak()
        page.until(lambda: drawn(page) == ["one"])
        assert "mine: listening" in page.run("%transcribe --status").text
        assert "stopping mine" in page.run("%transcribe --stop").text
        page.until(lambda: page.comms[speaker.comm]["state"] in ("draining", "stopped"))
        speaker.end()
        page.until(lambda: speaker.state == "stopped")


def test_a_finished_cell_run_again_starts_afresh(page: FrontEnd) -> None:
    """A ready or finished cell gives an empty transcript; the finished one stays in `rt_magic.transcripts`."""
    with Peer(words("one")) as peer:
        page.run(f"%%transcribe --service {peer.url}", cell_id="c1")
        speaker = Speaker(page)
        speaker.start()
        speaker.speak()
        speaker.end()
        page.until(lambda: speaker.state == "stopped")
        again = page.run(f"%%transcribe --service {peer.url}", cell_id="c1")
        assert outputs(again)[0] == "The words that this cell had are in rt_magic.transcripts[0].\n"
        second = page.run(f"%%transcribe --service {peer.url}", cell_id="c1")
        comms = set(page.comms)
        page.run(f"%%transcribe --service {peer.url}", cell_id="c1")
        page.pump(0.5)
    assert page.value("transcript.text") == ""
    assert page.value("[t.text for t in __import__('rt_magic').transcripts]") == ["one"]
    assert "rt_magic.transcripts" not in second.text  # what it replaces has no words
    assert len(page.comms) == len(comms)  # what no cell shows is closed


def test_output_of_the_body_lands_under_its_cell(page: FrontEnd) -> None:
    """What the body prints for a live segment comes under the cell that started it."""
    with Peer(words("one", "two")) as peer:
        cell = page.run(f"%%transcribe --service {peer.url}\nprint('heard', segment.text, transcript.done)")
        speaker = Speaker(page)
        other = page.start("import time\nfor n in range(10): print('other', n); time.sleep(0.1)")
        speaker.start()
        speaker.speak()
        speaker.speak()
        page.finish(other)
        page.until(lambda: "heard two False" in cell.text)
        speaker.end()
        page.until(lambda: speaker.state == "stopped")
    assert cell.text.index("heard one") < cell.text.index("heard two")
    assert "heard" not in other.text


def test_a_waiting_cell_hears_its_page(page: FrontEnd) -> None:
    """`--wait` blocks until Stop; Start, words, the body and Stop all pass while it does."""
    with Peer(words("one")) as peer:
        cell = page.start(f"%%transcribe --wait --service {peer.url}\nprint('heard', segment.text)")
        page.until(lambda: len(cell.outputs) >= 2)
        speaker = Speaker(page)
        speaker.start()
        speaker.speak()
        page.until(lambda: "heard one" in cell.text)
        assert cell.status == "running"
        speaker.end()
        page.finish(cell)
    assert cell.status == "ok", cell.text
    assert outputs(cell) == ["view", "twin", "heard one\n"]
    assert page.value("transcript.done") is True


def test_an_interrupt_ends_a_waiting_cell_with_the_words_said(page: FrontEnd) -> None:
    """The interrupt button stops the recording, the last words are written, and the cell ends as interrupted."""
    with Peer(words("one")) as peer:
        cell = page.start(f"%%transcribe --wait --service {peer.url}")
        page.until(lambda: len(cell.outputs) >= 2)
        speaker = Speaker(page)
        speaker.start()
        speaker.speak()
        page.until(lambda: drawn(page) == ["one"])
        page.client.control_channel.send(page.client.session.msg("interrupt_request", {}))
        page.until(lambda: page.comms[speaker.comm].get("command", {}).get("name") == "stop")
        speaker.end()
        page.finish(cell)
    assert cell.status == "error"
    assert any(output.get("ename") == "KeyboardInterrupt" for output in cell.outputs)
    assert page.value("(transcript.text, transcript.done)") == ("one", True)


def test_waiting_without_a_page_is_refused_after_a_while(page: FrontEnd) -> None:
    """`--wait` where no page says hello within ten seconds names --from."""
    cell = page.run("%%transcribe --wait")
    assert cell.status == "error"
    assert "--from" in cell.text


def test_headless_runs_are_refused_at_once() -> None:
    """Where nobody can answer and no notebook is named, a live cell says at once that only a file works."""
    with kernel(env={}) as front_end:
        front_end.allow_stdin = False
        front_end.run("%load_ext rt_magic")
        for cell in (front_end.run("%%transcribe"), front_end.run("%transcribe --wait")):
            assert cell.status == "error"
            assert "--from" in cell.text
            assert "Traceback" not in cell.text
        assert front_end.comms == {}


def test_private_words_are_in_nothing_that_is_saved(page: FrontEnd) -> None:
    """With `--private` no output and no widget state holds a word; the page still draws all."""
    with Peer(words("secret")) as peer:
        cell = page.run(f"%%transcribe --private --service {peer.url}")
        assert cell.status == "ok", cell.text
        speaker = Speaker(page)
        speaker.start()
        speaker.speak()
        page.until(lambda: drawn(page) == ["secret"])
        speaker.end()
        page.until(lambda: speaker.state == "stopped")
        page.pump(1.5)
    assert "secret" not in repr(cell.outputs) + repr(page.displays) + repr(page.comms)
    assert page.value("transcript.text") == "secret"


def test_files_wait_and_show_their_words(page: FrontEnd) -> None:
    """A file cell returns when all is final, with the words in the twin, and in the view."""
    from pathlib import Path

    path = Path(__file__).parent / "data" / "phrases.flac"
    cell = page.run(f"%transcribe {path}")
    assert cell.status == "ok", cell.text
    assert outputs(cell) == ["view", "twin"]
    assert page.value("transcript.done") is True
    first = page.value("transcript.segments[0].text")
    page.until(lambda: any(first in shown["text/plain"] for shown in page.displays.values()))
    assert first in drawn(page)


def test_a_transcriber_of_the_users_is_not_closed(page: FrontEnd) -> None:
    """One that a variable holds stays alive when its cell is run again under another name, and goes with the name."""
    page.run("t = %transcribe", cell_id="c1")
    held = page.comm("Microphone")
    page.run("u = %transcribe", cell_id="c1")
    page.run("%transcribe --status")
    assert held in page.comms
    page.run("del t")
    page.run("%transcribe --status")
    assert held not in page.comms


def test_unloading_waits_for_the_last_words(page: FrontEnd) -> None:
    """`%unload_ext` while a cell records asks the page for the rest, writes its words, and the transcript is done."""
    with Peer(words("one", "two")) as peer:
        page.run(f"%%transcribe --service {peer.url}")
        speaker = Speaker(page)
        speaker.start()
        speaker.speak()
        page.until(lambda: drawn(page) == ["one"])
        unloading = page.start("%unload_ext rt_magic")
        page.until(lambda: page.comms[speaker.comm].get("command", {}).get("name") == "stop")
        speaker.speak()
        speaker.end()
        page.finish(unloading)
    assert unloading.status == "ok", unloading.text
    assert page.value("(transcript.text, transcript.wait(0).done)") == ("one two", True)
    assert page.value("[t.name for t in __import__('threading').enumerate() if 'rt_magic' in t.name]") == []


def test_sound_that_is_recorded_is_not_forgotten(page: FrontEnd) -> None:
    """`transcript.forget()` while it records is refused with what to do, and harms nothing; afterwards it forgets."""
    with Peer(words("one")) as peer:
        page.run(f"%%transcribe --service {peer.url}")
        speaker = Speaker(page)
        speaker.start()
        speaker.speak()
        page.until(lambda: drawn(page) == ["one"])
        refused = page.run("transcript.forget()")
        assert "stop that first" in refused.text
        speaker.end()
        page.until(lambda: speaker.state == "stopped")
    assert page.value("(transcript.text, transcript.audio is None, transcript.forget(), transcript.audio)") == (
        "one",
        False,
        None,
        None,
    )


def test_each_notebook_gives_the_notice_once(page: FrontEnd) -> None:
    """Two notebooks on one kernel each give the notice; a cell that is run again after a reload does not."""
    notices = []
    with Peer(words("one"), words("two"), words("three")) as peer:
        for session, cell in (("a", "c1"), ("b", "c1"), ("other", "c2")):
            page.client.session.session = session  # as each page, and each loading of it, has its own
            page.run(f"%%transcribe --into {cell} --service {peer.url}", cell_id=cell)
            speaker = Speaker(page)
            speaker.start()
            speaker.speak()
            page.until(lambda speaker=speaker: speaker.state == "listening")  # type: ignore[misc]
            notices.append(bool(page.comms[speaker.comm]["notice"]))
            speaker.end()
            page.until(lambda speaker=speaker: speaker.state == "stopped")  # type: ignore[misc]
    assert notices == [True, False, True]


def test_unloading_leaves_nothing_in_the_kernel(page: FrontEnd) -> None:
    """After `%unload_ext` there is no subshell, no thread of ours and no server process."""
    page.run("%transcribe")
    manager = "get_ipython().kernel.shell_channel_thread.manager"
    assert len(page.value(f"{manager}.list_subshell()")) == 1
    assert page.run("%unload_ext rt_magic").status == "ok"
    assert page.value(f"{manager}.list_subshell()") == []
    assert page.value("__import__('rt_magic.session.embedded', fromlist=['x']).process_ids()") == []
    assert page.value("[t.name for t in __import__('threading').enumerate() if 'rt_magic' in t.name]") == []
    assert page.value("'set_parent' in vars(get_ipython().kernel)") is False
    assert page.run("%load_ext rt_magic").status == "ok"
    assert outputs(page.run("%transcribe")) == ["view", "twin"]


def test_what_a_service_says_in_an_error_is_text_in_the_cell(page: FrontEnd) -> None:
    """Markup and orders for terminals in a service's refusal are shown as they are, by magic and function alike."""
    evil = "<img src=x onerror='alert(1)'>\x1b[2J"
    for run in (
        "%transcribe {path} --service {url}",
        "import rt_magic; rt_magic.transcribe({path!r}, service={url!r}, progress=False)",
    ):
        with Peer(Refusal(400, json.dumps({"error": {"message": evil}}))) as peer:
            cell = page.run(run.format(path=str(PHRASES_FLAC), url=peer.url))
        said = [out for out in cell.outputs if "<img" in json.dumps(out)]
        assert said and "\x1b[2J" not in cell.text
        assert not any("<img" in out.get("data", {}).get("text/html", "") for out in said)
