"""What a microphone's messages mean: pages that record, pause, stop, fail, vanish, come back or compete."""

from __future__ import annotations

from itertools import pairwise

from rt_magic.widgets.intake import (
    ANSWER_WITHIN,
    GONE_AFTER,
    STEADY,
    Ask,
    Effect,
    Intake,
    Reached,
    Remind,
    Send,
    Sound,
)
from rt_magic.widgets.messages import Audio, Hello, MicrophoneFailed, Pause, Start, Stop


def audio(seq: int, epoch: str = "e", page: str = "p") -> Audio:
    """A tenth of a second of sound."""
    return Audio(page, epoch, seq, seq * 2400, 0.0, 24_000, bytes(4800))


def stages(effects: list[Effect]) -> list[str]:
    """The stages reached, in order."""
    return [effect.stage for effect in effects if isinstance(effect, Reached)]


def sounds(effects: list[Effect]) -> list[tuple[str, int]]:
    """Epoch and number of the chunks that came out, in order."""
    return [(effect.chunk.epoch, effect.chunk.seq) for effect in effects if isinstance(effect, Sound)]


def sent(effects: list[Effect], kind: str) -> list[dict[str, object]]:
    """Messages of a type that go to the page."""
    return [dict(e.message) for e in effects if isinstance(e, Send) and e.message["type"] == kind]


def recording(chunks: int = 3) -> Intake:
    """A microphone that page p has opened, with some sound; the last chunk came at 0.1 s times their number."""
    intake = Intake()
    intake.receive(Start("p", "e"), 0.0)
    for seq in range(chunks):
        intake.receive(audio(seq), 0.1 * (seq + 1))
    return intake


def test_start_sound_stop() -> None:
    """A page is accepted, its sound comes out in order, and stop is complete when the last chunk is here."""
    intake = Intake()
    effects = intake.receive(Start("p", "e"), 0.0)
    assert sent(effects, "accepted") == [{"type": "accepted", "page": "p", "epoch": "e"}]
    assert stages(effects) == ["start"]
    assert (intake.page, intake.phase) == ("p", "open")
    effects = intake.receive(audio(0), 0.1)
    assert (stages(effects), sounds(effects)) == (["sound"], [("e", 0)])
    assert stages(intake.receive(audio(1), 0.2)) == []
    effects = intake.receive(Stop("p", "e", 2), 0.3)
    assert stages(effects) == ["stopping"]
    effects = intake.receive(audio(2), 0.4)
    assert (stages(effects), sounds(effects)) == (["stopped"], [("e", 2)])
    assert sent(effects, "ack") == [{"type": "ack", "epoch": "e", "next": 3, "ended": True}]
    assert (intake.page, intake.active) == ("", False)


def test_pause_and_resume() -> None:
    """A pause is reached when its sound is complete; a new epoch goes on."""
    intake = recording()
    assert stages(intake.receive(Pause("p", "e", 2), 0.4)) == ["paused"]
    assert stages(intake.receive(Start("p", "f"), 9.0)) == ["start"]
    assert sounds(intake.receive(audio(0, "f"), 9.1)) == [("f", 0)]
    assert stages(intake.receive(Stop("p", "f", 0), 9.2)) == ["stopping", "stopped"]


def test_stop_while_paused() -> None:
    """Stop after a pause is complete at once."""
    intake = recording()
    intake.receive(Pause("p", "e", 2), 0.4)
    assert stages(intake.receive(Stop("p", "e", 2), 5.0)) == ["stopping", "stopped"]
    assert stages(intake.receive(Stop("p", "e", 2), 5.1)) == []


def test_messages_sent_twice_change_nothing() -> None:
    """A repeated start is answered again; a repeated pause or stop is not a second one."""
    intake = recording()
    effects = intake.receive(Start("p", "e"), 0.4)
    assert len(sent(effects, "accepted")) == 1
    assert stages(effects) == []
    intake.receive(Pause("p", "e", 2), 0.5)
    effects = intake.receive(Pause("p", "e", 2), 0.6)
    assert stages(effects) == [] and Remind() in effects
    assert sent(effects, "ack") == [{"type": "ack", "epoch": "e", "next": 3, "ended": True}]
    intake.receive(Start("p", "f"), 0.7)
    assert stages(intake.receive(Pause("p", "e", 2), 0.8)) == []
    assert intake.phase == "open"


def test_a_device_change_is_a_pause_and_a_start() -> None:
    """When the pause of the old device still misses a chunk, the new one records on and the order is kept."""
    intake = recording(1)
    intake.receive(Pause("p", "e", 1), 0.2)
    assert stages(intake.receive(Start("p", "f"), 0.3)) == ["start"]
    assert sounds(intake.receive(audio(0, "f"), 0.4)) == []
    effects = intake.receive(audio(1), 0.5)
    assert sounds(effects) == [("e", 1), ("f", 0)]
    assert stages(effects) == []


def test_acknowledgements_and_gaps_come_with_the_tick() -> None:
    """A tick acknowledges once what is new and asks for what is missing."""
    intake = recording(2)
    assert sent(intake.tick(0.25), "ack") == [{"type": "ack", "epoch": "e", "next": 2}]
    assert intake.tick(0.5) == []
    intake.receive(audio(3), 0.5)
    assert sent(intake.tick(1.0), "again") == [{"type": "again", "epoch": "e", "from": 2, "to": 3}]


def test_acknowledgements_are_four_in_any_second() -> None:
    """However ticks, ends and repeats fall together, a fifth one waits for its time, and none is forgotten."""
    intake, times, now = recording(3), [], 0.0
    for step in range(60):
        now = round(0.31 + step / 20, 2)
        effects = intake.receive(Stop("p", "e", 2), now) if step in (9, 10, 11, 12, 13, 14, 30) else []
        effects += intake.receive(audio(2), now) if step in (3, 5, 7) else []
        effects += intake.tick(now) if step % 5 == 0 and intake.active else []
        times += [now for _ in sent(effects, "ack")]
    assert max(sum(0 <= later - time < 1 for later in times) for time in times) == 4
    assert times[-1] > 1.8 and not intake.active


def test_steady_sound_is_acknowledged_once_a_second_and_its_end_at_once() -> None:
    """Each acknowledgement can put off words, so few are sent while all is well; a pause need not wait."""
    intake, times = recording(0), []
    for step in range(100):
        now = 0.05 * step
        effects = intake.receive(audio(step // 2), now) if step % 2 else []
        effects += intake.tick(now) if step % 5 == 0 else []
        times += [now for _ in sent(effects, "ack")]
    assert 5 <= len(times) <= 6 and all(later - time >= STEADY for time, later in pairwise(times))
    assert sent(intake.receive(Pause("p", "e", 49), 5.0), "ack") == [
        {"type": "ack", "epoch": "e", "next": 50, "ended": True}
    ]


def test_a_page_that_falls_silent_is_gone_until_it_speaks() -> None:
    """After five seconds without sound the page is gone; when its chunks come after all nothing is lost."""
    intake = recording()
    assert stages(intake.tick(0.2 + GONE_AFTER)) == []
    assert stages(intake.tick(0.4 + GONE_AFTER)) == ["gone"]
    assert intake.page == ""
    effects = intake.receive(Start("p", "e"), 59.0)  # which it has not heard accepted
    assert sent(effects, "accepted") == [{"type": "accepted", "page": "p", "epoch": "e"}]
    effects = intake.receive(audio(3), 60.0)
    assert (stages(effects), sounds(effects), intake.page) == (["back"], [("e", 3)], "p")
    assert stages(intake.receive(Pause("p", "e", 3), 60.1)) == ["paused"]


def test_a_deaf_kernel_blames_no_page() -> None:
    """While the kernel hears nobody no page is gone; five seconds after it hears again, one that is silent is."""
    intake = recording()
    for second in range(1, 60):
        assert stages(intake.tick(float(second), deaf=True)) == []
    assert stages(intake.tick(58 + GONE_AFTER)) == []
    assert stages(intake.tick(59 + GONE_AFTER)) == ["gone"]
    intake = Intake()
    intake.command("start", 0.0)
    assert stages(intake.tick(20.0, deaf=True)) == []
    assert stages(intake.tick(20.1 + ANSWER_WITHIN)) == ["unseen"]


def test_a_reloaded_page_can_stop_or_resume() -> None:
    """A page that knows no epoch stops what a vanished one began, or goes on with it."""
    for message, expected in ((Stop("q", "", -1), ["stopping", "stopped"]), (Start("q", "f"), ["start"])):
        intake = recording()
        intake.tick(10.0)
        assert stages(intake.receive(message, 11.0)) == expected


def test_stop_in_another_window_stops_the_page_that_records() -> None:
    """Stop where nothing is recorded asks the recording page, whose last words still come."""
    intake = recording()
    effects = intake.receive(Stop("q", "", -1), 0.4)
    assert Ask("stop") in effects
    assert stages(effects) == ["stopping"]
    intake.receive(audio(3), 0.5)
    assert stages(intake.receive(Stop("p", "e", 3), 0.6)) == ["stopped"]


def test_a_click_in_another_window_takes_over() -> None:
    """A later start in another window is accepted there, and the first window's sound comes first."""
    intake = recording()
    effects = intake.receive(Start("q", "f"), 30.0)
    assert sent(effects, "accepted")[0]["page"] == "q"
    effects = intake.receive(audio(3), 30.1) + intake.receive(audio(0, "f", "q"), 30.1) + intake.tick(33.0)
    assert sounds(effects) == [("e", 3), ("f", 0)]


def test_two_windows_that_follow_one_command() -> None:
    """When two windows answer one `.start()`, the first records and the other is told so."""
    intake = Intake()
    assert intake.command("start", 0.0) == [Ask("start"), Reached("asked")]
    intake.receive(Start("p", "e"), 0.1)
    effects = intake.receive(Start("q", "f"), 0.2)
    assert sent(effects, "accepted") == [{"type": "accepted", "page": "p", "epoch": "e"}]
    assert stages(effects) == []
    assert intake.receive(audio(0, "f", "q"), 0.3) == []


def test_two_clicks_soon_after_each_other_are_two_clicks() -> None:
    """Where nobody called `.start()`, a click in a second window takes over, however soon it comes."""
    intake = recording(1)
    effects = intake.receive(Start("q", "f"), 0.5)
    assert sent(effects, "accepted") == [{"type": "accepted", "page": "q", "epoch": "f"}]
    assert stages(effects) == ["start"]


def test_commands_of_python() -> None:
    """`.pause()` and `.stop()` ask the page and wait for its sound; without anything to do they do nothing."""
    assert Intake().command("stop", 0.0) == []
    assert Intake().command("pause", 0.0) == []
    intake = recording()
    assert intake.command("start", 0.4) == []
    assert intake.command("pause", 0.4) == [Ask("pause")]
    assert intake.command("pause", 0.5) == []
    assert stages(intake.receive(Pause("p", "e", 2), 0.6)) == ["paused"]
    assert stages(intake.command("stop", 0.7)) == ["stopping", "stopped"]
    intake = recording()
    assert stages(intake.command("stop", 0.4)) == ["stopping"]
    assert intake.command("stop", 0.4) == []
    effects = intake.receive(audio(3), 0.5) + intake.receive(Stop("p", "e", 3), 0.6)
    assert (sounds(effects), stages(effects)) == ([("e", 3)], ["stopped"])


def test_an_end_that_overtakes_its_sound_waits_for_it() -> None:
    """What the recording page says of an epoch that is not known yet is not its word on the one that is."""
    intake = recording()
    assert intake.receive(Stop("p", "f", 4), 0.5) == []
    assert intake.phase == "open"
    intake.receive(Pause("p", "e", 2), 0.6)
    assert intake.receive(Stop("p", "f", 4), 0.7) == []
    assert stages(intake.receive(Start("p", "f"), 0.8)) == ["start"]


def test_what_the_recording_page_owes_at_its_end_is_waited_for() -> None:
    """A page that told its end and then cannot be heard for a minute still gets its last words in."""
    intake = recording()
    intake.receive(Stop("p", "e", 4), 0.5)
    for second in range(1, 61):
        assert stages(intake.tick(float(second))) == []
    effects = intake.receive(audio(3), 61.0) + intake.receive(audio(4), 61.1)
    assert (sounds(effects), stages(effects)) == ([("e", 3), ("e", 4)], ["stopped"])


def test_nobody_follows_start() -> None:
    """When no page starts within five seconds of `.start()`, that is said once."""
    intake = Intake()
    intake.command("start", 0.0)
    assert intake.active
    assert stages(intake.tick(ANSWER_WITHIN - 0.1)) == []
    assert stages(intake.tick(ANSWER_WITHIN)) == ["unseen"]
    assert not intake.active
    intake.command("start", 10.0)
    assert stages(intake.command("stop", 11.0)) == ["stopping", "stopped"]
    assert not intake.active


def test_stop_does_not_wait_for_a_page_that_is_gone() -> None:
    """Stop ends with what there is when the page that owes the rest says nothing any more."""
    intake = recording()
    intake.receive(audio(4), 0.4)
    intake.command("stop", 0.5)
    assert stages(intake.tick(1.0)) == []
    effects = intake.tick(6.0)
    assert (stages(effects), sounds(effects)) == (["stopped"], [("e", 4)])
    assert intake.inbox.lost == 1


def test_a_microphone_that_fails() -> None:
    """The browser's sentence is passed on, before the first sound and in the middle, with the sound there was."""
    intake = Intake()
    intake.receive(Start("p", "e"), 0.0)
    effects = intake.receive(MicrophoneFailed("NotAllowedError", "not allowed"), 0.1)
    assert effects == [Reached("failed", "not allowed")]
    assert not intake.active
    intake = recording()
    effects = intake.receive(audio(4), 0.4) + intake.receive(MicrophoneFailed("NotReadableError", "unplugged"), 0.4)
    assert (sounds(effects), stages(effects)) == ([], [])
    effects = intake.tick(1.5)
    assert (sounds(effects), stages(effects)) == ([("e", 4)], ["failed"])


def test_a_failure_in_another_window_does_not_end_a_recording() -> None:
    """While one page sends sound, another page's failure is its own affair."""
    intake = recording()
    assert stages(intake.receive(MicrophoneFailed("NotAllowedError", "no"), 0.35)) == []
    intake.receive(audio(3), 0.4)
    assert stages(intake.tick(1.5)) == []
    assert intake.phase == "open"


def test_sound_that_cannot_be_recorded_is_kept_for_the_next_start() -> None:
    """A refused chunk ends the recording with the reason, unacknowledged; the next start begins with it."""
    intake = recording(2)
    (refused,) = [e.chunk for e in intake.receive(audio(2), 0.3) if isinstance(e, Sound)]
    effects = intake.refuse([refused], "the disk is full", 0.3)
    assert sent(effects, "ack") == [{"type": "ack", "epoch": "e", "next": 2}]
    assert Ask("stop") in effects and effects[-1] == Reached("failed", "the disk is full")
    assert (intake.phase, intake.paused) == ("idle", False)
    assert sounds(intake.receive(audio(3), 0.4) + intake.receive(Stop("p", "e", 3), 0.5)) == []
    assert not intake.active
    effects = intake.receive(Start("p", "f"), 9.0)
    assert (stages(effects), sounds(effects)) == (["start"], [("e", 2), ("e", 3)])
    assert sounds(intake.receive(audio(0, "f"), 9.1)) == [("f", 0)]
    assert stages(intake.receive(Stop("p", "f", 0), 9.2)) == ["stopping", "stopped"]


def test_hello() -> None:
    """A page that has the widget is reported."""
    assert Intake().receive(Hello("p"), 0.0) == [Reached("hello", "p")]
