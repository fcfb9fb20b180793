"""What a session adds over a bare socket to the same service."""

from __future__ import annotations

from functools import partial
from importlib.metadata import version

from tests.bench.bench_recognition import collected, rows_of
from tests.bench.realtime import engine, over_bare_socket, over_session
from tests.bench.report import Answer

ROUNDS = 3


def measure() -> Answer:
    """Compare."""
    with engine() as (address, token):
        found = collected(
            {
                "bare WebSocket": partial(over_bare_socket, address, token),
                "rt_magic session": partial(over_session, address, token),
            },
            ROUNDS,
        )
    rows = rows_of(found, ("bare WebSocket",))
    by = {(row.contender, row.condition): row for row in rows}
    final, first = (
        by["rt_magic session", what].median - by["bare WebSocket", what].median
        for what in ("end of speech → final", "start of speech → first word")
    )
    same = {row.note for row in rows if row.note}
    return Answer(
        question="What a session adds to a bare socket to the same service",
        goal="30 ms (median), with the same words",
        how="The embedded server hears the same five phrases in real time, from a bare WebSocket with base64 and from "
        "a session of ours, in turns.",
        rows=tuple(rows),
        verdict=f"{final:+.0f} ms to the final text ({'reached' if final <= 30 else 'missed'}), {first:+.0f} ms to the "
        f"first word; word error rates {'the same' if len(same) == 1 else 'differ: ' + ', '.join(sorted(same))}.",
        versions={"websockets": version("websockets")},
    )
