"""The view in a plain page: what a reader sees and does; the test plays the kernel."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.bare_page import OpenPage, patch, show_transcript
from tests.browser.stability import WATCH, redraws

TALK = """[
    line('s1', 0.5, 'Good morning and welcome', true, {end: 3, speaker: 'Anna'}),
    line('s2', 4, 'the cable was wet', true, {end: 6, speaker: 'Ben', confidence: 0.3}),
    line('s3', 7, 'was it really the cable', true, {end: 9, speaker: 'Anna', confidence: 0.9}),
    line('s4', 10, 'I think the ca', false, {speaker: 'Ben'}),
]"""
LONG = "Array.from({length: 300}, (_, i) => line(`s${i}`, i, `line ${i}`, true, {end: i + 0.9}))"


def show_talk(page: Page, traits: str = "{}", lines: str = TALK) -> None:
    """Show a view with a talk in it."""
    show_transcript(page, traits)
    patch(page, 1, lines)


def tool(page: Page, name: str) -> Locator:
    """The button with this name."""
    return page.get_by_role("button", name=name, exact=True)


def asked(page: Page) -> list[dict[str, Any]]:
    """What the view has asked the kernel, hellos and its own name left out."""
    found: list[dict[str, Any]] = page.evaluate("t.model.sent.filter(({type}) => type !== 'hello')")
    return [{key: value for key, value in message.items() if key != "page"} for message in found]


def answer(page: Page, message: str, content: str = "") -> None:
    """The kernel answers the last request, with a buffer."""
    buffers = f"[new DataView({content}.buffer)]" if content else "[]"
    name = "t.model.sent.findLast(({page}) => page).page"
    page.evaluate(f"t.model.trigger('msg:custom', {{page: {name}, ...{message}}}, {buffers})")


def words(page: Page) -> Locator:
    """The words of all lines."""
    return page.locator(".rt-text")


def test_of_interim_text_only_the_changed_end_is_written(open_page: OpenPage) -> None:
    """The beginning of interim text is the same node, and of the end only what differs is put in."""
    page = open_page()
    show_talk(page)
    page.evaluate("""() => {
        const text = document.querySelector("[data-sid=s4] .rt-text").firstChild, replace = text.replaceData;
        window.written = [];
        text.replaceData = function (...given) { written.push(given); replace.apply(this, given); };
    }""")
    for revision, text in enumerate(("I think the cable", "I think the table 🙂", "I think the table 🙃"), 2):
        patch(page, revision, f"[line('s4', 10, {text!r}, false, {{speaker: 'Ben'}})]")
    assert page.evaluate("written") == [[14, 0, "ble"], [12, 5, "table 🙂"], [18, 2, "🙃"]]


def test_final_text_is_never_drawn_again(open_page: OpenPage) -> None:
    """Whatever comes, is searched, marked or enlarged: no final line is written, moved or taken out."""
    page = open_page()
    show_talk(page, lines=LONG)
    page.evaluate(WATCH)
    for n in range(40):
        final = "true" if n % 4 == 3 else "false"
        patch(page, n + 2, f"[line('t{n // 4}', {300 + n // 4}, 'more and more {n % 4}', {final}, {{end: 400}})]")
    patch(page, 50, "[line('mark-0', 150.5, 'here', true, {mark: true}), line('late', 120.5, 'came late')]")
    page.keyboard.press("Tab")
    tool(page, "Search").click()
    page.keyboard.type("line 1")
    page.keyboard.press("Enter")
    tool(page, "Audience").click()
    tool(page, "Audience").click()
    page.evaluate("t.model.write({done: true, next_step: 'transcript.to_pandas()'})")
    expect(page.locator(".rt-segment")).to_have_count(311)
    assert redraws(page.evaluate("rtTouched")) == 0


def test_lines_stand_in_order_whatever_the_order_of_their_coming(open_page: OpenPage) -> None:
    """Lines in blocks are in the order of time, also when they come in the middle, in front, move or go."""
    page = open_page()
    show_transcript(page)
    order = [(n * 389) % 997 for n in range(400)]
    for revision, first in enumerate(range(0, 400, 40), 1):
        lines = ", ".join(f"line('s{at}', {at}, 'at {at}')" for at in order[first : first + 40])
        patch(page, revision, f"[{lines}]")
    patch(page, 11, f"[line('s{order[0]}', 998, 'moved')]", f"['s{order[1]}', 's{order[2]}']")
    left = sorted(set(order) - {order[0], order[1], order[2]})
    assert words(page).all_text_contents() == [*(f"at {at}" for at in left), "moved"]
    sizes = page.evaluate("[...document.querySelectorAll('.rt-block')].map((block) => block.childElementCount)")
    assert len(sizes) >= 4
    assert min(sizes) > 0
    assert max(sizes) <= 100


def test_lines_out_of_sight_are_still_there_for_everyone(open_page: OpenPage) -> None:
    """The browser's own search and the accessibility tree know lines that are not drawn."""
    page = open_page()
    show_talk(page, lines=LONG)
    expect(page.locator("[data-sid=s299]")).to_be_in_viewport()
    assert page.evaluate("window.find('line 7')")
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    names = {node.get("name", {}).get("value") for node in nodes}
    assert {"line 0", "line 150", "line 299"} <= names


def test_a_speaker_has_a_name_and_a_colour(open_page: OpenPage) -> None:
    """Who speaks is said by a label and, beside it, by one colour for each speaker."""
    page = open_page()
    show_talk(page)
    labels = page.locator(".rt-speaker")
    assert labels.all_inner_texts() == ["Anna: ", "Ben: ", "Anna: ", "Ben: "]
    anna, ben, again, _ = (labels.nth(n).evaluate("(label) => getComputedStyle(label).color") for n in range(4))
    assert anna == again != ben


def test_unsure_words_are_marked_by_a_line_and_a_number(open_page: OpenPage) -> None:
    """Low confidence shows as shading and, for those who see no colours, as a dotted line and a percentage."""
    page = open_page()
    show_talk(page)
    assert page.locator(".rt-sure").all_inner_texts() == [" 30 % sure"]
    style = "(words) => [getComputedStyle(words).textDecorationStyle, getComputedStyle(words).backgroundColor]"
    unsure, sure = (page.locator(f"[data-sid={sid}] .rt-text").evaluate(style) for sid in ("s2", "s3"))
    assert unsure[0] == "dotted"
    assert sure[0] == "solid"
    assert unsure[1] != sure[1]


def test_there_are_no_tools_while_there_is_nothing(open_page: OpenPage) -> None:
    """The tools come with the first words; marking goes when no more text will come."""
    page = open_page()
    show_transcript(page)
    assert page.get_by_role("button").count() == 0
    patch(page, 1, TALK)
    tools = page.locator(".rt-tool:visible")
    assert tools.all_inner_texts() == ["Search", "Mark", "Copy", "Save", "Audience"]
    page.evaluate("t.model.write({done: true})")
    assert tools.all_inner_texts() == ["Search", "Copy", "Save", "Audience"]
    page.evaluate("t.model.write({done: false, disabled: true})")
    assert tools.all_inner_texts() == ["Search", "Copy", "Save", "Audience"]


def test_a_reader_who_scrolled_up_can_jump_to_the_newest(open_page: OpenPage) -> None:
    """The button is there only for a reader who is further up, leads to the end, and the end is followed again."""
    page = open_page()
    show_talk(page, lines=LONG)
    jump = tool(page, "Jump to the newest")
    expect(page.locator("[data-sid=s299]")).to_be_in_viewport()
    expect(jump).to_be_hidden()
    page.locator(".rt-log").hover()
    page.mouse.wheel(0, -2000)
    expect(jump).to_be_visible()
    patch(page, 2, "[line('s300', 300, 'line 300')]")
    expect(page.locator("[data-sid=s300]")).not_to_be_in_viewport()
    jump.click()
    expect(page.locator("[data-sid=s300]")).to_be_in_viewport()
    expect(jump).to_be_hidden()
    patch(page, 3, "[line('s301', 301, 'line 301')]")
    expect(page.locator("[data-sid=s301]")).to_be_in_viewport()


def test_search_counts_and_leads_from_hit_to_hit(open_page: OpenPage) -> None:
    """Hits are counted, coloured, gone through by Enter and buttons; new lines are searched too; Escape ends it."""
    page = open_page()
    show_talk(page)
    coloured = """[...CSS.highlights.get('rt-found'), ...CSS.highlights.get('rt-found-now')].map(String)"""
    line = "startContainer.parentElement.closest('[data-sid]').dataset.sid"
    current = f"[...CSS.highlights.get('rt-found-now')].map((range) => range.{line})"
    count = page.locator(".rt-count")
    tool(page, "Search").click()
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("THE")
    expect(count).to_have_text("3 of 3")
    assert page.evaluate(coloured) == ["the"] * 3
    assert page.evaluate(current) == ["s4"]
    page.keyboard.press("Enter")
    expect(count).to_have_text("1 of 3")
    assert page.evaluate(current) == ["s2"]
    page.keyboard.press("Shift+Enter")
    expect(count).to_have_text("3 of 3")
    tool(page, "Previous hit").click()
    expect(count).to_have_text("2 of 3")
    tool(page, "Next hit").click()
    patch(page, 2, "[line('s5', 20, 'the last one')]")
    expect(count).to_have_text("3 of 4")
    page.get_by_role("searchbox").fill("nowhere")
    expect(count).to_have_text("not found")
    page.keyboard.press("Escape")
    expect(tool(page, "Search")).to_be_focused()
    expect(page.get_by_role("searchbox")).to_be_hidden()
    assert page.evaluate(coloured) == []


def test_search_brings_a_far_hit_into_sight(open_page: OpenPage) -> None:
    """A hit among lines that are not drawn is scrolled to, and the end is not jumped back to."""
    page = open_page()
    show_talk(page, lines=LONG)
    expect(page.locator("[data-sid=s299]")).to_be_in_viewport()
    tool(page, "Search").click()
    page.keyboard.type("line 42")
    expect(page.locator("[data-sid=s42]")).to_be_in_viewport()
    patch(page, 2, "[line('s300', 300, 'line 300')]")
    expect(page.locator("[data-sid=s42]")).to_be_in_viewport()


HEARD = """
    window.played = [];
    const start = AudioBufferSourceNode.prototype.start;
    AudioBufferSourceNode.prototype.start = function () {
        window.last = this;
        played.push([this.buffer.sampleRate, this.buffer.length, this.buffer.getChannelData(0)[1]]);
        start.call(this);
    };
    const Context = AudioContext;
    window.contexts = [];
    window.AudioContext = class extends Context { constructor(...given) { super(...given); contexts.push(this); } };
"""


def test_a_click_on_a_time_plays_the_line(open_page: OpenPage) -> None:
    """The sound is asked for, played, and gone; a second click stops it; interim lines have none yet."""
    page = open_page(script=HEARD)
    show_talk(page)
    time = page.locator("[data-sid=s2] .rt-time")
    expect(page.locator("[data-sid=s4] .rt-time")).to_be_disabled()
    time.click()
    assert asked(page) == [{"type": "listen", "sid": "s2"}]
    expect(page.locator("[data-playing]")).to_have_attribute("data-sid", "s2")
    answer(page, "{type: 'sound', sid: 's2', rate: 24000}", "Int16Array.from({length: 12000}, () => 16384)")
    page.wait_for_function("played.length === 1")
    assert page.evaluate("played") == [[24000, 12000, 0.5]]
    page.evaluate("last.dispatchEvent(new Event('ended'))")
    expect(page.locator("[data-playing]")).to_have_count(0)
    page.wait_for_function("contexts.every(({state}) => state === 'closed')")
    time.click()
    expect(page.locator("[data-playing]")).to_have_count(1)
    page.wait_for_timeout(600)  # else it were a double click
    time.click()
    expect(page.locator("[data-playing]")).to_have_count(0)
    answer(page, "{type: 'sound', sid: 's2', rate: 24000}", "Int16Array.from({length: 12000}, () => 16384)")
    assert len(page.evaluate("played")) == 1


def test_sound_that_is_gone_is_said(open_page: OpenPage) -> None:
    """What the kernel cannot do stands beside the tools, and nothing seems to play."""
    page = open_page()
    show_talk(page)
    page.locator("[data-sid=s1] .rt-time").click()
    answer(page, "{type: 'failed', sid: 's1', message: 'the sound of segment s1 is gone'}")
    expect(page.locator(".rt-note")).to_have_text("the sound of segment s1 is gone")
    expect(page.locator("[data-playing]")).to_have_count(0)


def test_a_double_click_corrects_a_line(open_page: OpenPage) -> None:
    """Enter sends the corrected words and shows them at once; what the kernel refuses is put back."""
    page = open_page()
    show_talk(page)
    line = page.locator("[data-sid=s2]")
    line.locator(".rt-text").dblclick()
    field = page.get_by_role("textbox", name="Correct this line")
    expect(field).to_have_value("the cable was wet")
    field.fill("the table was\nwet ")
    page.keyboard.press("Enter")
    assert asked(page) == [{"type": "edit", "sid": "s2", "text": "the table was wet"}]
    expect(line.locator(".rt-text")).to_have_text("the table was wet")
    expect(line).to_be_focused()
    answer(page, "{type: 'failed', sid: 's2', message: 'not so'}")
    expect(line.locator(".rt-text")).to_have_text("the cable was wet")
    expect(page.locator(".rt-note")).to_have_text("not so")


@pytest.mark.parametrize("way", ["Escape", "unchanged", "interim", "disabled"])
def test_a_correction_that_is_none_sends_nothing(open_page: OpenPage, way: str) -> None:
    """Escape takes it back; the same text, text that may still change and a disabled view ask for nothing."""
    page = open_page()
    show_talk(page, "{disabled: true}" if way == "disabled" else "{}")
    page.locator(f"[data-sid={'s4' if way == 'interim' else 's2'}] .rt-text").dblclick()
    field = page.get_by_role("textbox")
    if way in ("interim", "disabled"):
        expect(field).to_have_count(0)
    else:
        field.fill("something else" if way == "Escape" else " the cable  was wet")
        page.keyboard.press("Escape" if way == "Escape" else "Enter")
        expect(field).to_have_count(0)
    expect(words(page)).to_have_text(
        ["Good morning and welcome", "the cable was wet", "was it really the cable", "I think the ca"]
    )
    assert asked(page) == []


def test_a_line_that_changes_while_it_is_corrected_leaves_the_field_alone(open_page: OpenPage) -> None:
    """A patch for the line, or another line, does not take the reader's words or the focus away."""
    page = open_page()
    show_talk(page)
    page.locator("[data-sid=s2] .rt-text").dblclick()
    field = page.get_by_role("textbox")
    field.fill("mine")
    patch(page, 2, "[line('s2', 4, 'theirs', true, {end: 6}), line('s9', 30, 'one more')]")
    expect(field).to_be_focused()
    expect(field).to_have_value("mine")
    page.locator("[data-sid=s1] .rt-text").click()
    assert asked(page) == [{"type": "edit", "sid": "s2", "text": "mine"}]


def test_the_keyboard_reaches_every_line_and_tool(open_page: OpenPage) -> None:
    """Arrows walk over lines, Space plays, Enter and F2 correct, slash searches, Escape leads back."""
    page = open_page()
    show_talk(page)
    names = []
    for _ in range(5):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.textContent"))
    assert names == ["Search", "Mark", "Copy", "Save", "Audience"]
    page.keyboard.press("Tab")
    expect(page.get_by_role("log")).to_be_focused()
    focused = "document.activeElement.dataset.sid"
    page.keyboard.press("ArrowUp")
    assert page.evaluate(focused) == "s4"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert page.evaluate(focused) == "s2"
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    assert asked(page) == [{"type": "listen", "sid": "s2"}]
    for key in ("Enter", "F2"):
        page.keyboard.press(key)
        expect(page.get_by_role("textbox")).to_be_focused()
        page.keyboard.press("Escape")
        assert page.evaluate(focused) == "s2"
    page.keyboard.press("Escape")
    expect(page.get_by_role("log")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_the_focus_is_seen(open_page: OpenPage) -> None:
    """Every tool, the log and a line have an outline while they have the keyboard's focus."""
    page = open_page()
    show_talk(page)
    for _ in range(6):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", page.evaluate("document.activeElement.outerHTML")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_moment_is_marked_and_named(open_page: OpenPage) -> None:
    """Mark asks the kernel; the mark stands among the lines, is no segment, and can be given a name."""
    page = open_page()
    show_talk(page)
    tool(page, "Mark").click()
    assert asked(page) == [{"type": "mark"}]
    patch(page, 2, "[line('mark-0', 4.5, 'mark 1', true, {start: 8, mark: true})]")
    mark = page.locator(".rt-mark")
    expect(mark).to_have_text(re.compile("^0:08 mark 1$"))
    expect(page.locator(".rt-segment")).to_have_count(4)
    assert page.evaluate("[...document.querySelectorAll('[data-sid]')].map((line) => line.dataset.sid)") == [
        "s1", "s2", "mark-0", "s3", "s4",
    ]  # fmt: skip
    mark.locator(".rt-text").dblclick()
    page.keyboard.type("question 1")
    page.keyboard.press("Enter")
    assert asked(page)[1:] == [{"type": "edit", "sid": "mark-0", "text": "question 1"}]


@pytest.mark.parametrize("address", ["http://localhost/", "http://rtm.test/"])
def test_the_text_can_be_copied(open_page: OpenPage, address: str) -> None:
    """With times or without, final lines only; also where the browser does not trust the page with the clipboard."""
    page = open_page(address)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin="http://localhost")
    show_talk(page)
    tool(page, "Copy").click()
    expect(tool(page, "Text")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".rt-note")).to_have_text("the transcript is in the clipboard")
    expect(tool(page, "Copy")).to_be_focused()
    assert pasted(page) == "Anna: Good morning and welcome\nBen: the cable was wet\nAnna: was it really the cable"
    tool(page, "Copy").click()
    tool(page, "With times").click()
    page.wait_for_function("document.querySelector('.rt-note').textContent")
    assert pasted(page).startswith("[0:00] Anna: Good morning and welcome\n[0:04] Ben: ")


def pasted(page: Page) -> str:
    """What comes out of the clipboard into a field."""
    page.evaluate("document.body.append(Object.assign(document.createElement('textarea'), {id: 'paste'}))")
    page.locator("#paste").focus()
    page.keyboard.press("ControlOrMeta+v")
    text = page.locator("#paste").input_value()
    page.evaluate("document.querySelector('#paste').remove()")
    return text


@pytest.mark.parametrize(("name", "suffix"), [("SRT", "srt"), ("TXT", "txt"), ("JSON", "json")])
def test_the_kernels_file_is_downloaded(open_page: OpenPage, tmp_path: Path, name: str, suffix: str) -> None:
    """Each format is asked of the kernel, and what it makes is saved unchanged."""
    page = open_page()
    show_talk(page)
    tool(page, "Save").click()
    tool(page, name).click()
    assert asked(page) == [{"type": "save", "format": suffix}]
    with page.expect_download() as download:
        answer(
            page,
            f"{{type: 'file', name: 'transcript.{suffix}', mime: 'text/plain'}}",
            "new TextEncoder().encode('é\\n')",
        )
    assert download.value.suggested_filename == f"transcript.{suffix}"
    download.value.save_as(tmp_path / "saved")
    assert (tmp_path / "saved").read_bytes() == "é\n".encode()
    expect(page.locator(".rt-note")).to_have_text(f"saved as transcript.{suffix}")


def test_a_panel_closes_with_escape(open_page: OpenPage) -> None:
    """Escape closes what a tool has opened and gives that tool the focus back."""
    page = open_page()
    show_talk(page)
    tool(page, "Save").click()
    expect(tool(page, "Save")).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(tool(page, "Save")).to_be_focused()
    expect(tool(page, "Save")).to_have_attribute("aria-expanded", "false")
    expect(tool(page, "SRT")).to_be_hidden()


@pytest.mark.parametrize("width", [620, 1000, 1400])
def test_the_audience_reads_two_large_lines(open_page: OpenPage, width: int) -> None:
    """Two lines of 32 to 42 letters, at least 28 pixels high, follow what is said; the log stays for screen readers."""
    page = open_page()
    page.set_viewport_size({"width": width, "height": 700})
    show_talk(page)
    tool(page, "Audience").click()
    rows = page.locator(".rt-caption")
    expect(rows).to_have_text(["Anna: was it really the cable", "Ben: I think the ca"])
    text = "please call the office in the morning and tell them that the president is on the line"
    patch(page, 2, f"[line('s4', 10, {text!r}, false, {{speaker: 'Ben'}})]")
    shown = rows.all_inner_texts()
    assert f"Ben: {text}".endswith(" ".join(shown))
    assert 20 <= max(map(len, shown)) <= 42
    sizes = rows.first.evaluate(
        "(row) => [getComputedStyle(row).fontSize, row.offsetHeight, row.scrollWidth <= row.clientWidth]"
    )
    assert float(sizes[0].removesuffix("px")) >= 28
    assert sizes[1] < 1.5 * float(sizes[0].removesuffix("px")), "a caption is one line"
    assert sizes[2]
    expect(page.get_by_role("log")).to_have_count(1)
    expect(tool(page, "Audience")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(rows.first).to_be_hidden()
    expect(page.locator("[data-sid=s1]")).to_be_in_viewport()


def test_the_audience_can_have_the_whole_screen(open_page: OpenPage) -> None:
    """Full screen shows the two lines larger, and leaving the audience leaves it."""
    page = open_page()
    page.set_viewport_size({"width": 1000, "height": 700})
    show_talk(page)
    tool(page, "Audience").click()
    tool(page, "Full screen").click()
    page.wait_for_function("document.fullscreenElement?.classList.contains('rt-view')")
    tool(page, "Audience").click()
    page.wait_for_function("document.fullscreenElement === null")


def test_what_is_done_teaches_the_next_step(open_page: OpenPage) -> None:
    """The code to go on with comes when no more text will, and can be copied."""
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin="http://localhost")
    show_talk(page)
    step = page.locator(".rt-next")
    expect(step).to_be_hidden()
    page.evaluate("t.model.write({done: true, next_step: 'talk.to_pandas()'})")
    expect(step).to_contain_text("talk.to_pandas()")
    tool(page, "Copy this code").click()
    expect(page.locator(".rt-note")).to_have_text("copied")
    assert pasted(page) == "talk.to_pandas()"


def test_two_views_of_one_model_keep_in_step(open_page: OpenPage) -> None:
    """Both draw each change; what one asks for is answered in that one alone, and what is looked for is its own."""
    page = open_page()
    show_talk(page)
    page.evaluate("window.second = t.show()")
    one, other = page.locator(".rt-view").first, page.locator(".rt-view").last
    patch(page, 2, "[line('s5', 20, 'heard by both')]")
    for view in (one, other):
        expect(view.locator("[data-sid=s5] .rt-text")).to_have_text("heard by both")
    other.get_by_role("button", name="Save").click()
    other.get_by_role("button", name="SRT").click()
    answer(page, "{type: 'failed', sid: '', message: 'only here'}")
    expect(other.locator(".rt-note")).to_have_text("only here")
    expect(one.locator(".rt-note")).to_have_text("")
    one.get_by_role("button", name="Search").click()
    page.keyboard.type("both")
    expect(one.locator(".rt-count")).to_have_text("1 of 1")
    expect(other.get_by_role("searchbox")).to_be_hidden()
    page.evaluate("v.dispose()")
    patch(page, 3, "[line('s6', 21, 'one is left')]")
    expect(other.locator("[data-sid=s6]")).to_be_visible()


def test_only_final_text_is_read_aloud(open_page: OpenPage) -> None:
    """What was there at first and what may still change is off; a line that becomes final is put in as it is."""
    page = open_page()
    show_talk(page)
    log = page.get_by_role("log")
    expect(log).to_have_attribute("aria-live", "off")
    expect(log).not_to_have_attribute("aria-live", "off")
    interim = page.locator("[data-sid=s4]")
    expect(interim).to_have_attribute("aria-live", "off")
    page.evaluate("""() => {
        window.added = [];
        new MutationObserver((records) => records.forEach(({target, addedNodes}) => {
            for (const node of addedNodes) if (!target.closest("[aria-live=off]")) added.push(node.textContent);
        })).observe(document.querySelector("[role=log]"), {subtree: true, childList: true});
    }""")
    patch(page, 2, "[line('s4', 10, 'I think the cable', false, {speaker: 'Ben'})]")
    assert page.evaluate("added") == []
    patch(page, 3, "[line('s4', 10, 'I think the cable', true, {speaker: 'Ben', end: 12})]")
    expect(interim).not_to_have_attribute("aria-live", "off")
    assert page.evaluate("added") == ["I think the cable"]


def test_without_a_kernel_reading_goes_on(open_page: OpenPage) -> None:
    """In a saved notebook lines can be searched and copied; what needs the kernel says so."""
    page = open_page()
    show_talk(page, "{layout: {comm_live: false}}")
    page.locator("[data-sid=s1] .rt-time").click()
    expect(page.locator(".rt-note")).to_contain_text("kernel")
    expect(page.locator("[data-playing]")).to_have_count(0)
    page.locator("[data-sid=s2] .rt-text").dblclick()
    page.get_by_role("textbox").fill("lost")
    page.keyboard.press("Enter")
    expect(page.locator("[data-sid=s2] .rt-text")).to_have_text("the cable was wet")
    assert asked(page) == []


def test_a_given_height_is_filled(open_page: OpenPage) -> None:
    """A view with a height of its own gives all of it to the lines; without one it grows to a part of the window."""
    page = open_page()
    show_talk(page, lines=LONG)
    tall = "document.querySelector('.rt-log').clientHeight"
    assert page.evaluate(tall) == math.floor(min(352, 0.55 * page.viewport_size["height"]))  # type: ignore[index]
    page.evaluate("v.style.height = '600px'")
    page.wait_for_function(f"{tall} > 500")
    page.evaluate("v.style.height = '200px'")
    page.wait_for_function(f"{tall} < 170")


@pytest.mark.parametrize(("text", "direction"), [("مرحبا بالعالم", "rtl"), ("hello", "ltr")])
def test_the_direction_is_that_of_the_words_not_of_the_name(open_page: OpenPage, text: str, direction: str) -> None:
    """A speaker's name in another script does not turn the line round, and the time stands where reading begins."""
    page = open_page()
    show_transcript(page)
    patch(page, 1, f"[line('s1', 3, '{text}', true, {{speaker: 'Anna', end: 4}})]")
    line = page.locator("[data-sid=s1]")
    assert line.evaluate("(line) => getComputedStyle(line).direction") == direction
    sides = line.evaluate("(line) => [line, ...line.children].map((el) => el.getBoundingClientRect().x)")
    assert (sides[1] > sides[3]) == (direction == "rtl")


def test_those_who_want_it_see_no_motion(open_page: OpenPage) -> None:
    """With reduced motion nothing moves or fades."""
    page = open_page()
    page.emulate_media(reduced_motion="reduce")
    show_talk(page)
    moving = """[...document.querySelectorAll(".rt-view, .rt-view *")].filter((el) => {
        const {transitionDuration, animationName, scrollBehavior} = getComputedStyle(el);
        return transitionDuration !== "0s" || animationName !== "none" || scrollBehavior === "smooth";
    }).length"""
    assert page.evaluate(moving) == 0
