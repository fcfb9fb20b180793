"""How many events of a service are handled per second."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from importlib.metadata import version

from rt_magic.audio.pcm import Timeline
from rt_magic.transcript.folding import fold
from rt_magic.transcript.segments import Opened
from rt_magic.transcript.transcript import Transcript
from rt_magic.transcript.turns import Folded
from rt_magic.wire.codec import decode
from rt_magic.wire.dialects import DIALECTS, Wanted
from rt_magic.wire.protocol import ClientProtocol
from tests.bench.contenders import Unavailable, environment, script
from tests.bench.contenders import version as version_in
from tests.bench.report import Answer, Row, interleaved, ratio
from tests.bench.sink import turn_events

TURNS = 2_000
ROUNDS = 7

VOICELIVE = """
import json, sys, time
from azure.ai.voicelive.models import ServerEvent
messages = sys.stdin.read().splitlines()
began = time.process_time()
for message in messages:
    ServerEvent._deserialize(json.loads(message), [])
print(len(messages) / (time.process_time() - began))
"""


def messages() -> list[str]:
    """Return the events of many turns, as text."""
    return [
        json.dumps(event)
        for turn in range(TURNS)
        for event in turn_events(f"item_{turn}", f"item_{turn - 1}" if turn else None, turn * 2000, turn * 2000 + 1500)
    ]


def speed(handle: Callable[[str], object], texts: list[str]) -> float:
    """Return events per second of this process's time."""
    began = time.process_time()
    for text in texts:
        handle(text)
    return len(texts) / (time.process_time() - began)


def through_everything(texts: list[str]) -> float:
    """Return events per second from the text of the message to the transcript that a reader sees."""
    protocol, state, transcript = ClientProtocol(DIALECTS["openai"], Wanted()), Folded(), Transcript()
    timeline = Timeline()
    timeline.add(0, TURNS * 2 * 24_000)
    session = {"type": "transcription"}
    for kind in ("session.created", "session.updated"):
        protocol.receive(json.dumps({"type": kind, "session": session}))
    state, _ = fold(state, Opened(timeline, 0.3, 0.5, None), 0.0, 1)

    def handle(text: str) -> None:
        nonlocal state
        for event in protocol.receive(text):
            state, changes = fold(state, event, 0.0, 1)
            transcript._apply(changes)

    found = speed(handle, texts)
    assert len(transcript) == TURNS
    return found


def measure() -> Answer:
    """Compare."""
    from openai.resources.realtime.realtime import AsyncRealtimeConnection

    texts = messages()
    connection = AsyncRealtimeConnection.__new__(AsyncRealtimeConnection)
    few = texts[: len(texts) // 10]
    runs: dict[str, Callable[[], float]] = {
        "json.loads": lambda: speed(json.loads, texts),
        "rt_magic: text to event": lambda: speed(decode, texts),
        "rt_magic: text to transcript": lambda: through_everything(texts),
        "openai package: text to event": lambda: speed(connection.parse_event, few),
    }
    missing, versions = {}, {"openai": version("openai")}
    try:
        python = environment("voicelive", "azure-ai-voicelive[aiohttp]")
        versions["azure-ai-voicelive"] = version_in(python, "azure-ai-voicelive")
        runs["voicelive package: text to event"] = lambda: float(script(python, VOICELIVE, given="\n".join(few)))
    except Unavailable as reason:
        missing["voicelive package"] = str(reason)
    found = interleaved(runs, ROUNDS)
    rows = tuple(Row(name, tuple(values), "events/s", floor=name == "json.loads") for name, values in found.items())
    by_name = {row.contender: row for row in rows}
    package = by_name["openai package: text to event"]
    decoding, all_of_it = by_name["rt_magic: text to event"], by_name["rt_magic: text to transcript"]
    times = ratio(decoding, package)
    return Answer(
        question="Events handled per second",
        goal="10 times as many as the openai package",
        how=f"The {len(texts):,} events of {TURNS:,} turns, from the message's text; time of the process.",
        rows=rows,
        verdict=f"{'Reached' if times >= 10 else 'Missed'}: {times:.1f} times the openai package from text to event "
        f"({ratio(decoding, by_name['json.loads']):.2f} of json.loads alone), and {ratio(all_of_it, package):.1f} "
        "times when the transcript is brought up to date as well.",
        missing=missing,
        versions=versions,
        less_is_better=False,
    )
