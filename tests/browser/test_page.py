"""The two browser modules in a plain page: real Chromium, real microphone path; the test plays the kernel."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import soxr
from playwright.sync_api import Locator, Page, expect

from tests.browser.bare_page import OPEN_TRACKS, OpenPage, patch, show_transcript
from tests.browser.microphone import WavMicrophone


def show_microphone(page: Page, traits: str = "{}") -> Locator:
    """Make a microphone, `m` in the page, with one view, `e`."""
    page.evaluate(f"async () => {{ window.m = await microphone({traits}); window.e = m.show(); }}")
    return page.locator("body > div").first


def button(where: Page | Locator, name: str) -> Locator:
    """The button with exactly this name."""
    return where.get_by_role("button", name=name, exact=True)


def sent(page: Page, kind: str) -> list[dict[str, Any]]:
    """The messages of one type that the page has sent."""
    found: list[dict[str, Any]] = page.evaluate("(kind) => m.model.sent.filter(({type}) => type === kind)", kind)
    return found


def wait_sent(page: Page, kind: str, count: int = 1) -> list[dict[str, Any]]:
    """The same, once there are so many."""
    page.wait_for_function(
        "([kind, count]) => m.model.sent.filter(({type}) => type === kind).length >= count", arg=[kind, count]
    )
    return sent(page, kind)


def listen(page: Page) -> None:
    """The kernel has accepted this page and says that it listens."""
    page.evaluate("""() => {
        const page = m.model.sent.find(({type}) => type === "start").page;
        m.model.write({state: "listening", status: "Listening.", page});
    }""")


def test_the_sound_arrives_whole_and_in_order(open_page: OpenPage, microphone: WavMicrophone) -> None:
    """Chunks of 100 ms at 24 kHz follow each other without a gap, carry what was played, and end with the stop."""
    played = murmur(4)
    microphone.play_samples(played.astype(np.int16), 48_000)
    page = open_page()
    show_microphone(page)
    button(page, "Start").click()
    listen(page)
    wait_sent(page, "audio", 15)
    button(page, "Stop").click()
    [stop] = wait_sent(page, "stop")

    chunks = sent(page, "audio")
    lengths = [len(chunk["samples"]) for chunk in chunks]
    assert [chunk["seq"] for chunk in chunks] == list(range(len(chunks)))
    assert [chunk["first"] for chunk in chunks] == [sum(lengths[:n]) for n in range(len(chunks))]
    assert set(lengths[:-1]) == {2400}
    assert lengths[-1] <= 2400
    assert {chunk["rate"] for chunk in chunks} == {24_000}
    assert stop["last"] == len(chunks) - 1
    times = [chunk["captured_at"] for chunk in chunks]
    assert times == sorted(times)
    assert [message["type"] for message in page.evaluate("m.model.sent")][:3] == ["hello", "start", "audio"]
    assert page.evaluate(OPEN_TRACKS) == 0

    # Chromium's fake device slips 10 ms now and then, so each window is looked for on its own.
    heard = np.concatenate([chunk["samples"] for chunk in chunks]).astype(float)
    source = soxr.resample(played, 48_000, 24_000)
    found = [likeness(heard[at : at + 1200], source) for at in range(4800, len(heard) - 1200, 1200)]
    assert len(found) >= 20
    assert np.median(found) > 0.95


def murmur(seconds: int) -> np.ndarray:
    """Noise up to 2 kHz at 48 kHz, so that a shift by a part of a sample changes next to nothing."""
    spectrum = np.fft.rfft(np.random.default_rng(5).normal(0, 8000, 48_000 * seconds))
    spectrum[2_000 * seconds :] = 0
    return np.fft.irfft(spectrum)


def likeness(window: np.ndarray, source: np.ndarray) -> float:
    """The highest correlation of a window with any part of the source."""
    size = len(source) + len(window)
    product = np.fft.irfft(np.fft.rfft(source, size) * np.conj(np.fft.rfft(window, size)), size)
    at = int(np.argmax(product[: len(source) - len(window)]))
    return float(np.corrcoef(window, source[at : at + len(window)])[0, 1])


def test_pause_lets_go_of_the_microphone_and_resume_begins_an_epoch(open_page: OpenPage) -> None:
    """Pause closes the device, Resume opens it again and counts from zero under another name."""
    page = open_page()
    show_microphone(page)
    button(page, "Start").click()
    listen(page)
    wait_sent(page, "audio", 3)
    button(page, "Pause").click()
    [pause] = wait_sent(page, "pause")
    assert page.evaluate(OPEN_TRACKS) == 0
    first = sent(page, "audio")
    assert pause["last"] == first[-1]["seq"]

    page.evaluate("m.model.write({state: 'paused', page: ''})")
    button(page, "Resume").click()
    wait_sent(page, "audio", len(first) + 2)
    second = sent(page, "audio")[len(first) :]
    assert {chunk["epoch"] for chunk in first} == {pause["epoch"]}
    assert second[0]["epoch"] != pause["epoch"]
    assert (second[0]["seq"], second[0]["first"]) == (0, 0)
    assert [message["epoch"] for message in sent(page, "start")] == [pause["epoch"], second[0]["epoch"]]


def test_a_browser_that_wants_its_own_rate_gets_it(open_page: OpenPage) -> None:
    """Where a stream does not fit a 24 kHz context the page records at its own rate and says which."""
    page = open_page(
        script="""
        const connect = AudioContext.prototype.createMediaStreamSource;
        AudioContext.prototype.createMediaStreamSource = function (stream) {
          if (this.sampleRate === 24000) throw new DOMException("different rates", "NotSupportedError");
          return connect.call(this, stream);
        };"""
    )
    show_microphone(page)
    button(page, "Start").click()
    chunks = wait_sent(page, "audio", 5)
    native = page.evaluate("new AudioContext().sampleRate")
    assert {chunk["rate"] for chunk in chunks} == {native}
    assert {len(chunk["samples"]) for chunk in chunks} == {native // 10}


REFUSALS = {
    "denied": ("NotAllowedError", "Allow it for this page", {"microphone": False}),
    "insecure": ("UnavailableError", "http://rtm.test", {"address": "http://rtm.test/"}),
    "no device": (
        "NotFoundError",
        "No microphone was found",
        {"script": "devices.getUserMedia = async () => { throw new DOMException('none', 'NotFoundError'); };"},
    ),
    "taken": (
        "NotReadableError",
        "another program",
        {"script": "devices.getUserMedia = async () => { throw new DOMException('busy', 'NotReadableError'); };"},
    ),
    "worklet refused": (
        "WorkletRefusedError",
        "blob:",
        {"script": "AudioWorklet.prototype.addModule = async () => { throw new DOMException('no', 'AbortError'); };"},
    ),
    "suspended": (
        "SuspendedError",
        "click Start",
        {
            "script": """
              AudioContext.prototype.resume = async () => {};
              Object.defineProperty(AudioContext.prototype, "state", { get: () => "suspended" });"""
        },
    ),
}


@pytest.mark.parametrize(("name", "words", "page_options"), REFUSALS.values(), ids=REFUSALS)
def test_a_microphone_that_does_not_open_is_explained(
    open_page: OpenPage, name: str, words: str, page_options: dict[str, Any]
) -> None:
    """Each failure shows one sentence that says what to do, tells the kernel the same, and offers Start again."""
    page = open_page(**page_options)
    root = show_microphone(page)
    expect(page.locator(".rt-error")).to_be_hidden()
    button(page, "Start").click()
    expect(page.get_by_role("alert")).to_contain_text(re.compile(words, re.IGNORECASE))
    [told] = wait_sent(page, "microphone-error")
    assert told == {"type": "microphone-error", "name": name, "message": page.get_by_role("alert").inner_text()}
    expect(root).to_have_attribute("data-state", "error")
    expect(button(page, "Start")).to_be_enabled()
    assert page.evaluate(OPEN_TRACKS) == 0


def test_two_views_share_one_microphone(open_page: OpenPage) -> None:
    """A second view of the model opens nothing and shows the same; closing a view stops nothing."""
    page = open_page()
    show_microphone(page)
    page.evaluate("window.second = m.show()")
    button(page, "Start").first.click()
    listen(page)
    wait_sent(page, "audio", 2)
    expect(page.locator("[data-state=listening]")).to_have_count(2)
    assert page.evaluate("streams.length") == 1
    page.evaluate("e.dispose()")
    wait_sent(page, "audio", len(sent(page, "audio")) + 2)
    assert page.evaluate(OPEN_TRACKS) == 1


def test_a_closed_model_closes_the_microphone(open_page: OpenPage) -> None:
    """When the widget goes, so does the recording mark."""
    page = open_page()
    show_microphone(page)
    button(page, "Start").click()
    wait_sent(page, "audio", 1)
    page.evaluate("m.close()")
    assert page.evaluate(OPEN_TRACKS) == 0


def test_a_composed_microphone_marks_the_cell(open_page: OpenPage) -> None:
    """Inside a transcriber the state is on the one root around both widgets, found when it is attached."""
    page = open_page()
    page.evaluate("""async () => {
        window.m = await microphone({composed: true, state: "listening"});
        window.root = Object.assign(document.createElement("div"), {className: "rt-magic"});
        window.e = m.show(root);
    }""")
    page.evaluate("document.body.append(root)")
    expect(page.locator(".rt-magic")).to_have_count(1)
    expect(page.locator(".rt-magic > .rt-microphone")).to_be_visible()
    expect(page.locator(".rt-magic")).to_have_attribute("data-state", "listening")
    page.evaluate("m.model.write({state: 'draining'})")
    expect(page.locator(".rt-magic")).to_have_attribute("data-state", "draining")
    expect(button(page, "Stop")).to_be_disabled()


def test_a_shadow_tree_has_style_and_focus_of_its_own(open_page: OpenPage) -> None:
    """Where a page draws each widget in a shadow root, and nothing around both, it looks and is steered the same."""
    page = open_page()
    page.evaluate("""async () => {
        const host = document.body.appendChild(document.createElement("div"));
        window.m = await microphone({composed: true});
        window.e = m.show(host.attachShadow({mode: "open"}));
    }""")
    expect(button(page, "Start")).to_have_css("min-height", "48px")
    expect(page.locator(".rt-microphone")).to_have_attribute("data-state", "ready")
    page.evaluate("m.show(e.getRootNode())")
    assert page.evaluate("e.getRootNode().querySelectorAll('style').length") == 1
    assert page.evaluate("document.getElementById('rt-magic-style')") is None
    button(page, "Start").first.focus()
    page.keyboard.press("Enter")
    expect(button(page, "Stop").first).to_be_focused()
    listen(page)
    page.keyboard.press("Space")
    wait_sent(page, "stop")
    page.evaluate("m.model.write({state: 'draining'})")
    page.evaluate("m.model.write({state: 'stopped'})")
    expect(button(page, "Start").first).to_be_focused()


def test_python_starts_and_stops_the_page(open_page: OpenPage) -> None:
    """A new command is followed once a view is seen; one from before this page is not."""
    page = open_page()
    page.evaluate("async () => { window.m = await microphone({command: {name: 'start', n: 4}}); window.e = m.show(); }")
    page.evaluate("m.model.write({command: {name: 'start', n: 4}})")
    assert sent(page, "start") == []
    page.evaluate("e.dispose()")
    page.evaluate("m.model.write({command: {name: 'start', n: 5}})")
    assert sent(page, "start") == []
    page.evaluate("window.e = m.show()")
    wait_sent(page, "audio", 2)
    listen(page)
    page.evaluate("m.model.write({command: {name: 'stop', n: 6}})")
    [stop] = wait_sent(page, "stop")
    assert stop["last"] == sent(page, "audio")[-1]["seq"]
    assert len(sent(page, "start")) == 1


def test_the_keyboard_keeps_its_place(open_page: OpenPage) -> None:
    """Start is first in the tab order, stays focused as Stop, and is focused again when the session has drained."""
    page = open_page()
    show_microphone(page, "{notice: 'Tell everyone.'}")
    expect(button(page, "Start")).to_have_accessible_description("Stays on this machine.")
    page.keyboard.press("Tab")
    expect(button(page, "Start")).to_be_focused()
    page.keyboard.press("Enter")
    expect(button(page, "Stop")).to_be_focused()
    listen(page)
    page.keyboard.press("Tab")
    expect(button(page, "Pause")).to_be_focused()
    page.keyboard.press("Space")
    wait_sent(page, "pause")
    page.evaluate("m.model.write({state: 'paused', page: ''})")
    expect(button(page, "Resume")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    wait_sent(page, "stop")
    page.evaluate("m.model.write({state: 'draining'})")
    page.evaluate("m.model.write({state: 'stopped'})")
    expect(button(page, "Start")).to_be_focused()


def test_a_double_click_counts_once(open_page: OpenPage) -> None:
    """The second half of a double click on Start does not stop."""
    page = open_page()
    show_microphone(page)
    button(page, "Start").dblclick()
    wait_sent(page, "audio", 2)
    assert sent(page, "stop") == []


def test_a_busy_kernel_is_named_and_gets_everything_later(open_page: OpenPage) -> None:
    """Without acknowledgements the status counts the seconds, and what was said goes again when it is asked for."""
    page = open_page()
    show_microphone(page, "{busy_after: 1}")
    page.evaluate("m.model.answer = null")
    button(page, "Start").click()
    expect(page.get_by_role("status")).to_have_text(re.compile(r"^kernel busy, [1-9]\d* s waiting$"))
    expect(page.locator(".rt-magic")).to_have_attribute("data-state", "opening")
    epoch = sent(page, "start")[0]["epoch"]
    before = {chunk["seq"]: chunk for chunk in sent(page, "audio")}
    page.evaluate("(epoch) => m.model.receive({type: 'again', epoch, from: 2, to: 5})", epoch)
    again = page.evaluate("""() => {
        const seen = new Set();
        return m.model.sent.filter(({seq}) => seq !== undefined && (seen.has(seq) || !seen.add(seq)));
    }""")
    assert again == [before[2], before[3], before[4]]
    page.evaluate("(epoch) => m.model.receive({type: 'ack', epoch, next: 1e9})", epoch)
    listen(page)
    expect(page.get_by_role("status")).to_have_text("Listening.")


def test_another_window_takes_over(open_page: OpenPage) -> None:
    """A page that is not the accepted one lets go of the microphone, says who records, and offers Stop alone."""
    page = open_page()
    show_microphone(page)
    button(page, "Start").click()
    listen(page)
    wait_sent(page, "audio", 2)
    page.evaluate("m.model.receive({type: 'accepted', page: 'other', epoch: 'theirs'})")
    page.evaluate("m.model.write({page: 'other'})")
    page.wait_for_function(f"{OPEN_TRACKS} === 0")
    expect(page.get_by_role("status")).to_have_text("recording from another window")
    expect(page.get_by_role("button", name=re.compile("Start|Stop|Pause|Resume"))).to_have_text(["Stop"])
    assert sent(page, "pause") == sent(page, "stop") == []


def test_a_view_without_kernel_explains_on_click(open_page: OpenPage) -> None:
    """A model whose kernel is gone opens no microphone and says to run the cell again."""
    page = open_page()
    show_microphone(page, "{state: 'listening', layout: {comm_live: false}}")
    button(page, "Stop").click()
    expect(page.get_by_role("alert")).to_contain_text("Run the cell again")
    button(page, "Start").click()
    expect(page.get_by_role("alert")).to_contain_text("Run the cell again")
    assert page.evaluate("streams.length") == 0


def test_a_restarted_kernel_closes_the_microphone(open_page: OpenPage) -> None:
    """When ipywidgets marks its models as cut off, the page records no more and says why."""
    page = open_page()
    root = show_microphone(page, "{layout: {comm_live: true}}")
    button(page, "Start").click()
    listen(page)
    wait_sent(page, "audio", 2)
    page.evaluate("m.model.trigger('comm_live_update')")
    page.evaluate("() => { m.model.trigger('comm_live_update'); m.model.traits.layout.comm_live = false; }")
    expect(page.get_by_role("alert")).to_contain_text("Run the cell again")
    expect(root).to_have_attribute("data-state", "error")
    page.wait_for_function(f"{OPEN_TRACKS} === 0")
    assert sent(page, "stop") == []


def test_the_view_shows_lines_as_they_change(open_page: OpenPage) -> None:
    """Lines stand in the order of time, interim ones marked, and a change touches only its own line."""
    page = open_page()
    show_transcript(page)
    expect(page.locator(".rt-placeholder")).to_have_text("Nothing was said yet.")
    patch(page, 1, "[line('s2', 62, 'second'), line('s1', 1.5, 'first'), line('s3', 70, 'thi', false)]")
    expect(page.get_by_role("log").locator(".rt-segment")).to_have_text(["0:01 first", "1:02 second", "1:10 thi"])
    expect(page.locator(".rt-placeholder")).to_be_hidden()
    interim = page.locator("[data-sid=s3]")
    expect(interim).to_have_attribute("data-final", "false")
    expect(interim).to_have_attribute("aria-live", "off")
    page.evaluate("""() => {
        window.touched = [];
        new MutationObserver((records) => touched.push(...records.map(({target}) => {
            const node = target.nodeType === Node.TEXT_NODE ? target.parentElement : target;
            return node.closest(".rt-segment")?.dataset.sid ?? node.className;
        }))).observe(document.querySelector(".rt-log"), {
            subtree: true, childList: true, characterData: true, attributes: true,
        });
    }""")
    patch(page, 2, "[line('s1', 1.5, 'first'), line('s3', 70, 'third')]")
    expect(interim).to_have_attribute("data-final", "true")
    assert set(page.evaluate("touched")) == {"s3"}
    patch(page, 3, "[]", "['s2']")
    expect(page.locator(".rt-segment")).to_have_text(["0:01 first", "1:10 third"])


def test_text_from_a_service_is_data(open_page: OpenPage) -> None:
    """Markup in text, speaker, error or placeholder is shown, never run."""
    page = open_page()
    evil = "<img src=x onerror='window.evil = 1'>"
    show_transcript(page, f'{{placeholder: "{evil}"}}')
    patch(page, 1, f'[line("s1", 0, "{evil}", true, {{speaker: "{evil}", error: "{evil}"}})]')
    expect(page.locator(".rt-text")).to_have_text(evil)
    expect(page.locator(".rt-failed")).to_contain_text(evil)
    assert page.locator("img").count() == 0
    assert page.evaluate("window.evil") is None


def test_what_the_kernel_says_above_start_is_data(open_page: OpenPage) -> None:
    """Markup in the microphone's status, error, notice and destination, which may repeat a service, is never run."""
    page = open_page()
    evil = "<img src=x onerror='window.evil = 1'>"
    said = ", ".join(f'{name}: "{name} {evil}"' for name in ("status", "error", "notice", "destination"))
    root = show_microphone(page, f"{{state: 'error', {said}}}")
    for name in ("status", "error", "destination"):
        expect(root.locator(f".rt-{name}")).to_contain_text(f"{name} {evil}")
    expect(root).to_contain_text(f"notice {evil}")
    assert page.locator("img").count() == 0
    assert page.evaluate("window.evil") is None


def test_the_view_follows_the_end_unless_the_reader_scrolled_up(open_page: OpenPage) -> None:
    """New lines keep the last one in sight; a reader further up is left there."""
    page = open_page()
    show_transcript(page)
    patch(page, 1, "Array.from({length: 60}, (_, i) => line(`s${i}`, i, `line ${i}`))")
    expect(page.locator("[data-sid=s59]")).to_be_in_viewport()
    page.locator(".rt-log").evaluate("(log) => { log.scrollTop = 40; }")
    page.wait_for_timeout(100)  # the scroll event comes with the next frame
    patch(page, 2, "[line('s60', 60, 'line 60')]")
    assert page.locator(".rt-log").evaluate("(log) => log.scrollTop") == 40
    page.locator(".rt-log").evaluate("(log) => { log.scrollTop = log.scrollHeight; }")
    page.wait_for_timeout(100)
    patch(page, 3, "[line('s61', 61, 'line 61')]")
    expect(page.locator("[data-sid=s61]")).to_be_in_viewport()


def test_a_missed_revision_is_asked_for(open_page: OpenPage) -> None:
    """The view says hello when it comes and after a gap, and shows what it has meanwhile."""
    page = open_page()
    show_transcript(page, "{snapshot: {}}")
    hellos = "t.model.sent.filter(({type}) => type === 'hello').map(({revision}) => revision)"
    assert page.evaluate(hellos) == [0]
    page.evaluate("t.model.receive({type: 'snapshot', revision: 3, segments: [line('s1', 1, 'one')]})")
    patch(page, 6, "[line('s3', 3, 'three')]")
    expect(page.locator(".rt-text")).to_have_text(["one", "three"])
    page.wait_for_function(f"{hellos}.length === 2")
    assert page.evaluate(hellos) == [0, 3]
    patch(page, 7, "[line('s4', 4, 'four')]")
    assert page.evaluate(hellos) == [0, 3]
    page.evaluate(
        "t.model.receive({type: 'snapshot', revision: 7,"
        " segments: ['one', 'two', 'three', 'four'].map((text, i) => line(`s${i + 1}`, i + 1, text))})"
    )
    expect(page.locator(".rt-text")).to_have_text(["one", "two", "three", "four"])


def test_a_saved_snapshot_is_drawn_without_a_kernel(open_page: OpenPage) -> None:
    """A model that comes back from a file, with nobody to answer, shows its words."""
    page = open_page()
    show_transcript(page, "{snapshot: {revision: 9, segments: [line('s1', 1, 'kept words')]}}")
    expect(page.get_by_role("log")).to_contain_text("kept words")


ODD = r"""async () => {
    let seed = 7;
    const random = (n) => (seed = (seed * 48271) % 2147483647) % n;
    const leaves = [null, 0, -1, 1e308, "", "x", "\u0000<b>", "\ud800", true, [], {}, new DataView(new ArrayBuffer(3))];
    const leaf = () => leaves[random(leaves.length)];
    const keys = ["sid", "at", "start", "end", "text", "final", "speaker", "language", "confidence", "error", "mark"];
    const fields = () => keys.filter(() => random(3)).map((key) => [key, leaf()]);
    const segment = () => random(4) ? Object.fromEntries(fields()) : leaf();
    const segments = () => random(5) ? Array.from({length: random(6)}, segment) : leaf();
    const failed = new Set();
    for (let n = 0; n < 300; n++) {
        const snapshot = random(8) ? {revision: random(3) ? n : leaf(), segments: segments()} : leaf();
        try {
            const t = await transcript({snapshot, waiting: leaf(), placeholder: leaf(), direction: leaf()});
            t.show().dispose();
        } catch (error) { failed.add(error.stack); }
    }
    return [...failed];
}"""


def test_a_saved_state_that_is_damaged_breaks_no_page(open_page: OpenPage) -> None:
    """Whatever stands in a notebook's file where the transcript was, the page draws what it can and raises nothing."""
    assert open_page().evaluate(ODD) == []


def test_the_twin_is_hidden_while_a_view_lives(open_page: OpenPage) -> None:
    """The static twin is seen again only when the last view of its transcript is gone."""
    page = open_page()
    page.evaluate("""() => {
        const twin = {className: "rt-static-1a", textContent: "twin"};
        document.body.append(Object.assign(document.createElement("p"), twin));
    }""")
    twin = page.locator(".rt-static-1a")
    expect(twin).to_be_visible()
    show_transcript(page, "{twin: 'rt-static-1a'}")
    page.evaluate("window.other = t.show()")
    expect(twin).to_be_hidden()
    page.evaluate("v.dispose()")
    expect(twin).to_be_hidden()
    page.evaluate("other.dispose()")
    expect(twin).to_be_visible()


def test_the_twin_stays_where_a_view_has_neither_kernel_nor_words(open_page: OpenPage) -> None:
    """An empty view from a saved notebook hides nothing; with words it does."""
    page = open_page()
    page.evaluate("document.body.append(Object.assign(document.createElement('p'), {className: 'rt-static-2b'}))")
    hidden = "getComputedStyle(document.querySelector('.rt-static-2b')).display === 'none'"
    show_transcript(page, "{twin: 'rt-static-2b', snapshot: {}, layout: {comm_live: false}}")
    assert not page.evaluate(hidden)
    page.evaluate("t.model.receive({type: 'snapshot', revision: 1, segments: [line('s1', 1, 'words')]})")
    assert page.evaluate(hidden)


def test_right_to_left_text_stands_right(open_page: OpenPage) -> None:
    """Each line has the direction of its own words."""
    page = open_page()
    show_transcript(page)
    patch(page, 1, "[line('s1', 1, 'hello'), line('s2', 2, 'שלום עולם')]")
    direction = "(line) => getComputedStyle(line).direction"
    assert [page.locator(f"[data-sid={sid}]").evaluate(direction) for sid in ("s1", "s2")] == ["ltr", "rtl"]
