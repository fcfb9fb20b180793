"""Every control and every state of the microphone's part, in real Chromium; the test plays the kernel."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.bare_page import OPEN_TRACKS, OpenPage
from tests.browser.microphone import WavMicrophone
from tests.browser.test_page import button, listen, sent, show_microphone, wait_sent

STATES = {
    "ready": ["Start"],
    "opening": ["Stop"],
    "connecting": ["Stop", "Pause"],
    "listening": ["Stop", "Pause"],
    "reconnecting": ["Stop", "Pause"],
    "paused": ["Stop", "Resume"],
    "draining": ["Stop"],
    "stopped": ["Start"],
    "error": ["Start"],
}

BOXES = """() => Object.fromEntries([".rt-destination", ".rt-primary", ".rt-gauge", ".rt-meter", ".rt-settings-button",
  ".rt-status"].map((name) => {
    const {x, y, width, height} = document.querySelector(name).getBoundingClientRect();
    return [name, [x, y, width, height].map(Math.round).join(" ")];
  }))"""

DEVICES = """
  window.group = "desk";
  devices.enumerateDevices = async () => [
    {kind: "audioinput", deviceId: "default", groupId: group,
     label: `Default - ${group === "head" ? "Headset" : "Desk"}`},
    {kind: "audioinput", deviceId: "a", label: "Desk", groupId: "desk"},
    {kind: "audioinput", deviceId: "b", label: "Headset", groupId: "head"},
    {kind: "videoinput", deviceId: "c", label: "Camera", groupId: "cam"},
  ];
  window.asked = [];
  const open = devices.getUserMedia;
  devices.getUserMedia = async (wanted) => {
    asked.push(wanted.audio);
    const {deviceId, ...rest} = wanted.audio;
    const stream = await open({audio: rest});
    const headset = deviceId ? [deviceId.exact, deviceId.ideal].includes("b") : group === "head";
    const label = headset ? "Headset" : "Desk";
    for (const track of stream.getAudioTracks()) Object.defineProperty(track, "label", {value: label});
    return stream;
  };
"""
OFFERED = "{model: 'small', megabytes: 486, languages: 99, done: 0, sentence: '', state: 'offered'}"
AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
SENTENCES: dict[str, dict[str, Any]] = {
    "ready": {"better": {"model": "small", "megabytes": 486, "languages": 99, "done": 0, "state": "offered"}},
    "listening": {"notice": "Everyone who will be heard should know.", "status": "no sound from Desk: muted?"},
    "error": {"error": "The browser was not allowed to use the microphone."},
    "stopped": {"better": {"model": "small", "megabytes": 486, "languages": 99, "done": 121.5, "state": "fetching"}},
}
KNOBS = re.compile("^(Start|Stop|Pause|Resume)$")


def settings(page: Page) -> Any:
    """The button that opens the settings."""
    return page.get_by_role("button", name=re.compile("^Microphone settings"))


def test_every_state_has_its_buttons_and_nothing_moves(open_page: OpenPage) -> None:
    """In each state the right buttons are there and every box stands where it stood, also as numbers grow."""
    page = open_page()
    root = show_microphone(page, "{status: 'click Start and speak'}")
    boxes = []
    for state, names in STATES.items():
        page.evaluate("(state) => m.model.write({state, status: `now ${state}`, page: 'other'})", state)
        page.evaluate("m.model.write({page: ''})")
        expect(root).to_have_attribute("data-state", state)
        expect(page.get_by_role("button", name=KNOBS)).to_have_text(names)
        expect(page.get_by_role("status")).to_have_text(f"now {state}")
        assert button(page, names[0]).is_enabled() == (state != "draining")
        boxes.append(page.evaluate(BOXES))
    page.evaluate("m.model.receive({type: 'clock', recorded: 754.2, sent: 751})")
    expect(page.get_by_role("timer")).to_have_text("12:34")
    expect(page.locator(".rt-sent")).to_have_text("sent 12:31")
    assert all(box == boxes[0] for box in boxes)
    grown = page.evaluate(BOXES)
    assert grown[".rt-primary"] == boxes[0][".rt-primary"]
    assert grown[".rt-status"] == boxes[0][".rt-status"]
    page.evaluate("m.model.write({disabled: true, state: 'ready'})")
    expect(button(page, "Start")).to_be_disabled()
    settings(page).click()
    expect(page.get_by_role("combobox", name="Microphone")).to_be_disabled()
    page.evaluate("m.model.write({state: 'listening'})")
    expect(button(page, "Stop")).to_be_enabled()


def test_the_picker_remembers(open_page: OpenPage) -> None:
    """A chosen device is opened, goes into the trait, and is what another cell on this computer asks for first."""
    page = open_page(script=DEVICES)
    show_microphone(page)
    settings(page).click()
    picker = page.get_by_role("combobox", name="Microphone")
    expect(picker.locator("option")).to_have_text(["System default (Desk)", "Desk", "Headset"])
    picker.select_option("Headset")
    assert page.evaluate("m.model.saved.device") == "b"
    expect(settings(page)).to_have_text("Headset")
    button(page, "Start").click()
    wait_sent(page, "audio", 1)
    assert page.evaluate("asked.at(-1).deviceId") == {"exact": "b"}
    page.evaluate("m.close(); document.querySelector('body > div').remove()")
    show_microphone(page)
    expect(settings(page)).to_have_text("Headset")
    button(page, "Start").click()
    wait_sent(page, "audio", 1)
    assert page.evaluate("asked.at(-1).deviceId") == {"ideal": "b"}


def test_another_default_device_is_followed_and_said(open_page: OpenPage) -> None:
    """When the system's choice changes the recording goes on from the new device, in a new epoch."""
    page = open_page(script=DEVICES)
    show_microphone(page)
    button(page, "Start").click()
    listen(page)
    wait_sent(page, "audio", 3)
    expect(settings(page)).to_have_text("Desk")
    page.evaluate("() => { group = 'head'; navigator.mediaDevices.dispatchEvent(new Event('devicechange')); }")
    wait_sent(page, "start", 2)
    expect(page.get_by_role("status")).to_have_text("the microphone has changed: Headset")
    expect(settings(page)).to_have_text("Headset")
    assert page.evaluate(OPEN_TRACKS) == 1


def test_the_switches_are_the_browsers_settings(open_page: OpenPage) -> None:
    """Echo, noise and gain are written for Python, are what the microphone is opened with, and apply at once."""
    page = open_page(script=DEVICES)
    show_microphone(page)
    settings(page).click()
    page.get_by_role("checkbox", name="Echo cancellation").check()
    button(page, "Start").click()
    listen(page)
    wait_sent(page, "audio", 1)
    asked = page.evaluate("asked.at(-1)")
    assert (asked["echoCancellation"], asked["noiseSuppression"], asked["autoGainControl"]) == (True, False, False)
    for name in ("Noise suppression", "Automatic gain"):
        page.get_by_role("checkbox", name=name).check()
        wait_sent(page, "start", 2)
    page.wait_for_function("asked.at(-1).noiseSuppression && asked.at(-1).autoGainControl")
    saved = page.evaluate("m.model.saved")
    assert saved["echo_cancellation"] and saved["noise_suppression"] and saved["auto_gain"]


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_the_level_is_seen_and_can_be_asked_for(open_page: OpenPage, microphone: WavMicrophone, motion: Any) -> None:
    """Loud sound fills the meter, stop empties it; no message about it leaves the page; calm where that is wanted."""
    noise = np.random.default_rng(2).normal(0, 9000, 48_000 * 8).clip(-32768, 32767)
    microphone.play_samples(noise.astype(np.int16), 48_000)
    page = open_page()
    page.emulate_media(reduced_motion=motion)
    show_microphone(page)
    meter = page.get_by_role("meter", name="Input level")
    expect(meter).to_have_attribute("aria-valuenow", "-60")
    page.evaluate("""() => {
        window.drawn = 0;
        new MutationObserver((all) => { drawn += all.length; }).observe(document.querySelector(".rt-meter-cover"),
          {attributes: true});
    }""")
    button(page, "Start").click()
    listen(page)
    page.wait_for_function("Number(document.querySelector('[role=meter]').getAttribute('aria-valuenow')) > -25")
    expect(meter).to_have_attribute("aria-valuetext", re.compile(r"^-\d+ decibels"))
    wait_sent(page, "audio", 20)
    if motion == "reduce":
        assert page.evaluate("drawn") <= 6
    else:
        assert page.evaluate("drawn") > 20
    assert {message["type"] for message in page.evaluate("m.model.sent")} == {"hello", "start", "audio"}
    button(page, "Stop").click()
    expect(meter).to_have_attribute("aria-valuenow", "-60")
    expect(meter).to_have_attribute("aria-valuetext", "nothing is heard")


def test_a_device_that_gives_nothing_is_named_until_sound_comes(
    open_page: OpenPage, microphone: WavMicrophone, capsys: pytest.CaptureFixture[str]
) -> None:
    """Zeros alone lead to a question with the device's name, and sound takes it back; the delay is printed."""
    noise = np.random.default_rng(3).normal(0, 9000, 48_000 * 20).clip(-32768, 32767).astype(np.int16)
    microphone.play_samples(np.concatenate([np.zeros(48_000 * 5, np.int16), noise]), 48_000)
    page = open_page()
    show_microphone(page)
    button(page, "Start").click()
    listen(page)
    began = time.monotonic()
    status = page.get_by_role("status")
    expect(status).to_have_text(re.compile(r"^no sound from Fake .+: muted in the system\?$"), timeout=20_000)
    said = time.monotonic() - began
    expect(status).to_have_text("Listening.", timeout=20_000)
    with capsys.disabled():
        print(f"\n  silence said {said:.1f} s after the click (3 are allowed)")


def test_the_screen_stays_awake_while_somebody_speaks(open_page: OpenPage) -> None:
    """A wake lock is held from Start to Stop."""
    page = open_page(
        script="""
        window.locks = [];
        Object.defineProperty(navigator, "wakeLock", {value: {request: async (kind) => {
          const lock = {kind, held: true, release: async () => { lock.held = false; }};
          locks.push(lock);
          return lock;
        }}});"""
    )
    show_microphone(page)
    button(page, "Start").click()
    listen(page)
    page.wait_for_function("locks.length === 1 && locks[0].held && locks[0].kind === 'screen'")
    button(page, "Stop").click()
    page.wait_for_function("!locks[0].held")


def test_all_of_it_by_keyboard(open_page: OpenPage) -> None:
    """Tab goes from Start to the settings and through them, each with a visible ring; Escape closes them."""
    page = open_page(script=DEVICES)
    show_microphone(
        page, "{better: {model: 'small', megabytes: 486, languages: 99, state: 'offered', done: 0, sentence: ''}}"
    )
    ring = "getComputedStyle(document.activeElement).outlineStyle"
    page.keyboard.press("Tab")
    expect(button(page, "Start")).to_be_focused()
    assert page.evaluate(ring) == "solid"
    page.keyboard.press("Tab")
    expect(settings(page)).to_be_focused()
    expect(settings(page)).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Enter")
    expect(settings(page)).to_have_attribute("aria-expanded", "true")
    for role, name in (
        ("combobox", "Microphone"),
        ("checkbox", "Echo cancellation"),
        ("checkbox", "Noise suppression"),
        ("checkbox", "Automatic gain"),
    ):
        page.keyboard.press("Tab")
        expect(page.get_by_role(role, name=name)).to_be_focused()  # type: ignore[arg-type]
        assert page.evaluate(ring) == "solid"
    page.keyboard.press("Space")
    expect(page.get_by_role("checkbox", name="Automatic gain")).to_be_checked()
    page.keyboard.press("Escape")
    expect(settings(page)).to_be_focused()
    expect(page.locator(".rt-settings")).to_be_hidden()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=re.compile("^Better words"))).to_be_focused()


def test_better_words_are_offered_fetched_and_taken_back(open_page: OpenPage) -> None:
    """One button names the cost and asks the kernel; it becomes Cancel, keeps the focus, and shows how far it is."""
    page = open_page()
    better = OFFERED
    show_microphone(page, f"{{better: {better}}}")
    offered = button(page, "Better words: fetch a model (small, 486 MB, 99 languages)")
    offered.click()
    assert [message["cancel"] for message in sent(page, "fetch")] == [False]
    page.evaluate(f"m.model.write({{better: {{...{better}, state: 'fetching', done: 121.5}}}})")
    expect(button(page, "Cancel")).to_be_focused()
    expect(page.locator(".rt-better-text")).to_have_text("fetching the model small: 122 of 486 MB")
    assert page.get_by_role("progressbar").evaluate("(bar) => bar.value") == 0.25
    button(page, "Cancel").click()
    assert [message["cancel"] for message in sent(page, "fetch")] == [False, True]
    page.evaluate(f"m.model.write({{better: {{...{better}, state: 'failed', sentence: 'no network'}}}})")
    expect(page.locator(".rt-better-text")).to_have_text("no network")
    expect(offered).to_be_enabled()
    page.evaluate(f"m.model.write({{better: {{...{better}, state: 'fetched', sentence: 'here'}}}})")
    expect(page.locator(".rt-better")).to_have_text("here")
    page.evaluate("m.model.write({state: 'listening'})")
    expect(page.locator(".rt-better")).to_be_hidden()


def test_a_page_that_may_not_record_shows_one_that_may(open_page: OpenPage) -> None:
    """After a refusal the page asks the kernel for a capture page and shows the link until it is not needed."""
    page = open_page(microphone=False)
    show_microphone(page)
    button(page, "Start").click()
    [asked] = wait_sent(page, "capture-page")
    link = page.get_by_role("link", name="Open the microphone in a page of its own")
    expect(link).to_be_hidden()
    answer = {"type": "capture-page", "page": "another", "address": "http://localhost:9/#no"}
    page.evaluate("(answer) => m.model.receive(answer)", answer)
    expect(link).to_be_hidden()
    page.evaluate(
        "(answer) => m.model.receive(answer)", {**answer, "page": asked["page"], "address": "http://localhost:9/#yes"}
    )
    expect(link).to_have_attribute("href", "http://localhost:9/#yes")
    expect(link).to_have_attribute("target", "_blank")
    page.evaluate("m.model.write({state: 'error'})")
    expect(link).to_be_visible()
    page.evaluate("m.model.write({state: 'opening'})")
    expect(link).to_be_hidden()


def test_two_views_are_in_step(open_page: OpenPage) -> None:
    """What is set in one view of a microphone is seen in the other."""
    page = open_page(script=DEVICES)
    show_microphone(page)
    page.evaluate("window.second = m.show()")
    first, second = page.locator("body > div").all()
    for view in (first, second):
        view.get_by_role("button", name=re.compile("^Microphone settings")).click()
    first.get_by_role("combobox").select_option("Headset")
    first.get_by_role("checkbox", name="Automatic gain").check()
    expect(second.get_by_role("combobox")).to_have_value("b")
    expect(second.get_by_role("checkbox", name="Automatic gain")).to_be_checked()


def axe_findings(page: Page) -> list[str]:
    """What axe finds wrong with the controls as they are."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    options = "{rules: {'target-size': {enabled: true}}, resultTypes: ['violations']}"
    answer = page.evaluate(f"axe.run({{include: [['.rt-magic']]}}, {options})")
    return [
        f"{problem['id']}: {node['html']} {node['failureSummary']}"
        for problem in answer["violations"]
        for node in problem["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state_of_the_controls(open_page: OpenPage, scheme: Any) -> None:
    """With settings open, with a notice, an offer, its progress and an error; wide and narrow; nothing sticks out."""
    page = open_page(script=DEVICES)
    page.emulate_media(color_scheme=scheme)
    page.evaluate("""() => {
        document.documentElement.style.cssText = "color-scheme: light dark; background: Canvas; color: CanvasText";
        document.documentElement.lang = "en";
    }""")
    show_microphone(page)
    settings(page).click()
    found = {}
    for width in (900, 480):
        page.set_viewport_size({"width": width, "height": 700})
        for state in STATES:
            traits = {"status": state, "error": "", "notice": "", "better": {}, **SENTENCES.get(state, {})}
            page.evaluate("(traits) => m.model.write(traits)", {**traits, "state": state})
            expect(page.locator(".rt-magic")).to_have_attribute("data-state", state)
            found[f"{state}, {width}"] = axe_findings(page)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (state, width)
    assert {where: problems for where, problems in found.items() if problems} == {}


def test_of_a_file_only_stop_is_shown(open_page: OpenPage) -> None:
    """While a file is transcribed there is Stop and how far it is; before and after there is no control."""
    page = open_page()
    show_microphone(page, "{place: 'file', disabled: true, status: 'transcribing talk.wav'}")
    expect(page.get_by_role("button")).to_have_count(0)
    page.evaluate("m.model.write({state: 'listening', status: 'transcribing talk.wav: 12 of 60 s'})")
    expect(page.get_by_role("button")).to_have_text(["Stop"])
    expect(page.get_by_role("meter")).to_have_count(0)
    expect(page.get_by_role("status")).to_have_text("transcribing talk.wav: 12 of 60 s")
    button(page, "Stop").click()
    wait_sent(page, "stop")
    page.evaluate("m.model.write({state: 'stopped', status: 'transcribed talk.wav'})")
    expect(page.get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("status")).to_have_text("transcribed talk.wav")


def test_without_its_kernel_a_cell_offers_no_start(open_page: OpenPage) -> None:
    """When the kernel of a stopped cell goes, Start is off and the line says what to do; the words' state stays."""
    page = open_page()
    root = show_microphone(page, "{state: 'stopped', status: 'stopped', layout: {comm_live: true}}")
    expect(button(page, "Start")).to_be_enabled()
    page.evaluate("() => { m.model.trigger('comm_live_update'); m.model.traits.layout.comm_live = false; }")
    expect(button(page, "Start")).to_be_disabled()
    expect(page.get_by_role("status")).to_have_text("the kernel of this cell is gone: run the cell again")
    expect(root).to_have_attribute("data-state", "stopped")
    page.evaluate("() => { m.model.traits.layout.comm_live = true; m.model.trigger('comm_live_update'); }")
    expect(button(page, "Start")).to_be_enabled()
