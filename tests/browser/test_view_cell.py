"""The view in a real JupyterLab: by keyboard alone, for every eye, beside other widgets."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from rt_magic.transcript.transcript import Transcript
from tests.browser.cell import click, expect_state, value
from tests.browser.conftest import Lab
from tests.browser.microphone import WavMicrophone
from tests.speech import PHRASES_FLAC

AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
THEMES = ("JupyterLab Light", "JupyterLab Dark")

TALK = """
import rt_magic as rt
from rt_magic.transcript.segments import Changes, Segment
talk = rt.Transcript()
def say(number, text, final=True, **more):
    segment = Segment(id=f"s{number}", start=4.0 * number, end=4.0 * number + 3, text=text, final=final, **more)
    talk._apply(Changes((segment,), (), {segment.id: float(number)}))
say(0, "Good morning and welcome", speaker="Anna")
say(1, "the cable was wet", speaker="Ben", confidence=0.3)
say(2, "and then", final=False, speaker="Anna")
view = rt.TranscriptView(talk)
"""


def findings(page: Page) -> list[str]:
    """What axe finds inside the cell, in both themes."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = []
    for theme in THEMES:
        page.evaluate("(theme) => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
        light = str(theme == THEMES[0]).lower()
        page.wait_for_function(f"document.body.dataset.jpThemeLight === '{light}'")
        shown = "getComputedStyle(document.querySelector('.rt-view')).color.match(/\\d+/)[0] > 128"
        page.wait_for_function(f"({shown}) !== {light}")
        options = "{rules: {'target-size': {enabled: true}}, resultTypes: ['violations']}"
        answer = page.evaluate(f"axe.run({{include: [['.rt-magic']]}}, {options})")
        found += [
            f"{theme}: {problem['id']}: {node['html'][:200]} {node['failureSummary']}"
            for problem in answer["violations"]
            for node in problem["nodes"]
        ]
    return found


def test_axe_finds_nothing_in_any_state(lab: Lab, microphone: WavMicrophone) -> None:
    """Ready, refused, listening with words, searching, saving, for an audience, stopped: light and dark."""
    microphone.play(PHRASES_FLAC)
    notebook = lab.notebook(["%load_ext rt_magic", "%%transcribe"], microphone=False)
    page = notebook.page
    notebook.run_cells()
    expect_state(notebook, "ready")
    found = {"ready": findings(page)}
    click(notebook, "Start")
    expect_state(notebook, "error")
    found["error"] = findings(page)
    page.context.grant_permissions(["microphone"])
    click(notebook, "Start")
    expect(page.locator(".rt-segment[data-final=true]")).to_have_count(2, timeout=30_000)
    found["listening"] = findings(page)
    click(notebook, "Search")
    page.keyboard.type("e")
    found["search"] = findings(page)
    page.keyboard.press("Escape")
    click(notebook, "Save")
    found["save"] = findings(page)
    page.keyboard.press("Escape")
    click(notebook, "Mark")
    expect(page.locator(".rt-mark")).to_have_count(1)
    click(notebook, "Audience")
    found["audience"] = findings(page)
    click(notebook, "Audience")
    click(notebook, "Stop")
    expect_state(notebook, "stopped", 30)
    expect(page.locator(".rt-next")).to_contain_text("transcript.to_pandas()")
    found["stopped"] = findings(page)
    page.locator(".rt-segment .rt-text").first.dblclick()
    found["correcting"] = findings(page)
    assert {state: problems for state, problems in found.items() if problems} == {}


def tab_to(page: Page, name: str, key: str = "Tab") -> None:
    """Press Tab (or Shift+Tab) until the button with this name has the focus, as somebody without a mouse does."""
    named = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()"
    passed = []
    for _ in range(40):
        passed.append(page.evaluate(named)[:40])
        if passed[-1] == name:
            return
        page.keyboard.press(key)
    raise AssertionError(f"Tab does not lead to {name}; it passed {passed}")


def test_from_load_to_a_saved_file_by_keyboard(lab: Lab, microphone: WavMicrophone, tmp_path: Path) -> None:
    """Run, Start, hear a line, correct it, Stop and save as SRT, without a mouse; the correction is in the file."""
    microphone.play(PHRASES_FLAC)
    notebook = lab.notebook(["%load_ext rt_magic", "%%transcribe"])
    page = notebook.page
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    expect_state(notebook, "ready")
    page.keyboard.press("Escape")  # out of the new cell's editor, where Tab indents
    tab_to(page, "Start", "Shift+Tab")
    page.keyboard.press("Enter")
    expect_state(notebook, "listening", 30)
    expect(page.locator(".rt-segment[data-final=true]")).to_have_count(1, timeout=30_000)
    page.keyboard.press("Space")  # the focus has stayed where Start was
    expect_state(notebook, "stopped", 30)
    tab_to(page, "Save")
    for _ in range(2):  # Audience, then the lines
        page.keyboard.press("Tab")
    expect(page.get_by_role("log")).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    expect(page.locator("[data-playing]")).to_have_count(1)
    expect(page.locator("[data-playing]")).to_have_count(0, timeout=15_000)
    page.keyboard.press("F2")
    expect(page.get_by_role("textbox", name="Correct this line")).to_be_focused()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("corrected by keyboard")
    page.keyboard.press("Enter")
    expect(page.locator(".rt-segment .rt-text").first).to_have_text("corrected by keyboard")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    tab_to(page, "Save")
    page.keyboard.press("Enter")
    tab_to(page, "SRT")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name == "transcript.srt"
    assert "corrected by keyboard" in Transcript.read(file).text
    assert value(notebook, "transcript.segments[0].text") == "corrected by keyboard"
    assert notebook.console_errors == []


def test_views_among_other_widgets(lab: Lab) -> None:
    """In HBox, Tab and AppLayout all views of one model are in step; `value` can be linked; `layout` is followed."""
    notebook = lab.notebook(
        [
            TALK,
            "import ipywidgets as w\n"
            "told = w.Text(); link = w.dlink((view, 'value'), (told, 'value'))\n"
            "first = w.HBox([view, rt.TranscriptView(talk, layout=w.Layout(height='120px', width='300px'))])\n"
            "tabs = w.Tab([w.Label('other'), view], titles=['a', 'b'], selected_index=1)\n"
            "w.AppLayout(left_sidebar=told, center=tabs, footer=first)",
            "say(2, 'and then it broke', speaker='Anna'); say(3, 'was it'); talk.mark('here')",
        ]
    )
    notebook.run_cells()
    page = notebook.page
    views = page.locator(".rt-view")
    expect(views).to_have_count(3)
    for n in range(3):
        expect(views.nth(n).locator(".rt-segment .rt-text")).to_have_text(
            ["Good morning and welcome", "the cable was wet", "and then it broke", "was it"]
        )
        expect(views.nth(n).locator(".rt-mark .rt-text")).to_have_text("here")
    expect(page.locator(".widget-text input")).to_have_value(
        "Good morning and welcome the cable was wet and then it broke was it"
    )
    box = page.locator(".rt-view[style*=height]").bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (300, 120)
    page.get_by_role("tab", name="a", exact=True).click()
    page.get_by_role("tab", name="b", exact=True).click()
    expect(page.locator(".widget-tab .rt-segment").last).to_be_in_viewport()
    assert notebook.console_errors == []


def test_notebook_7_shows_saves_and_marks(notebook7: Lab) -> None:
    """The view's tools reach the kernel in Notebook 7 too."""
    notebook = notebook7.notebook([TALK, "view"])
    notebook.run_cells()
    page = notebook.page
    expect(page.locator(".rt-segment")).to_have_count(3)
    click(notebook, "Mark")
    expect(page.locator(".rt-mark .rt-text")).to_have_text("mark 1")
    click(notebook, "Save")
    with page.expect_download() as download:
        click(notebook, "TXT")
    assert Path(download.value.path()).read_text() == "Anna: Good morning and welcome\nBen: the cable was wet\n"
    page.locator("[data-sid=s1] .rt-time").click()
    expect(page.locator(".rt-note")).to_have_text(re.compile("gone"))
