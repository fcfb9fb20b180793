"""From the end of speech to the final text, and to the first word, with the embedded engine as it ships."""

from __future__ import annotations

from functools import partial
from importlib.metadata import version

import jiwer

from tests.bench.realtime import Heard, bare_decoder, engine, over_session
from tests.bench.report import Answer, Row, interleaved
from tests.speech import phrases

ROUNDS = 3
BARE, SAME = "bare pocketsphinx loop", "the loop, second looks and steady words"


def collected(runs: dict[str, partial[Heard]], rounds: int) -> dict[str, list[Heard]]:
    """Run all ways in turns and return what each heard, round by round."""
    found: dict[str, list[Heard]] = {name: [] for name in runs}

    def once(name: str, run: partial[Heard]) -> float:
        found[name].append(run())
        return 0.0

    interleaved({name: partial(once, name, run) for name, run in runs.items()}, rounds)
    return found


def rows_of(found: dict[str, list[Heard]], floors: tuple[str, ...]) -> list[Row]:
    """Return a row for the first word and one for the final text of each way, with its word error rate."""
    reference = " ".join(phrase.text for phrase in phrases())
    rows = []
    for what in ("end of speech → final", "start of speech → first word"):
        for name, rounds in found.items():
            values = [v for heard in rounds for v in (heard.final if what.startswith("end") else heard.first)]
            wrong = jiwer.wer([reference] * len(rounds), [heard.text for heard in rounds])
            note = f"WER {wrong:.1%}" if what.startswith("end") else ""
            rows.append(Row(name, tuple(values), "ms", what, note, floor=name in floors))
    return rows


def measure() -> Answer:
    """Compare."""
    with engine() as (address, token):
        found = collected(
            {
                BARE: partial(bare_decoder, False),
                SAME: partial(bare_decoder, True),
                "rt_magic session, embedded engine": partial(over_session, address, token),
            },
            ROUNDS,
        )
    rows = rows_of(found, (BARE, SAME))
    by = {(row.contender, row.condition): row for row in rows}

    def beyond(floor: str, what: str) -> float:
        return by["rt_magic session, embedded engine", what].median - by[floor, what].median

    same, bare = partial(beyond, SAME), partial(beyond, BARE)
    final, first = same("end of speech → final"), same("start of speech → first word")
    return Answer(
        question="End of speech → final, and the first word, with the embedded engine",
        goal="the bare pocketsphinx loop and 30 ms",
        how="Five phrases played in real time. The bare loop knows where each phrase begins and ends, decodes in the "
        "same process, and ends it 500 ms after its last sound, which is the pause that ships; ours finds that out by "
        "itself, and goes over a socket to a process of its own. The second loop does what ours does beside that: the "
        "first two phrases are looked at twice, and a word counts once it has stood for three partial results, since "
        "text that was sent as a delta cannot be taken back.",
        rows=tuple(rows),
        verdict=f"Beside the loop that does the same: final text {final:+.0f} ms "
        f"({'reached' if final <= 30 else 'missed'}), first word {first:+.0f} ms "
        f"({'reached' if first <= 30 else 'missed'}); beside the bare loop {bare('end of speech → final'):+.0f} and "
        f"{bare('start of speech → first word'):+.0f} ms.",
        versions={"pocketsphinx": version("pocketsphinx")},
    )
