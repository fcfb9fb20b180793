"""The ways into a service, tried in order; what worked is remembered for as long as the process lives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rt_magic.session.diagnosis import Asked, Refused
from rt_magic.session.services import Address, Service
from rt_magic.wire.addresses import Rung, next_rung
from rt_magic.wire.dialects import Wanted
from rt_magic.wire.refusals import give_up

GENERAL = frozenset(
    {"keywords", "prompt", "noise_reduction", "include", "turn_detection", "echo_cancellation", "to flat", "to nested"}
)
"""Settings whose refusal is about the model; that of a language is about the language, and is not carried over."""


@dataclass(frozen=True, slots=True)
class _Learned:
    rung: Rung
    refused: tuple[str, ...] = ()


_learned: dict[tuple[str, str | None, str | None], _Learned] = {}


def forget() -> None:
    """Forget what worked where."""
    _learned.clear()


class Ladder:
    """The rung on which a session stands with its service, and what it asks for there.

    `wanted` is what to ask for without what this service refused this model before, `notes` says what that was.
    """

    def __init__(self, service: Service, wanted: Wanted) -> None:
        self._service = service
        self._key = (service.name, service.host, wanted.model)
        learned = _learned.get(self._key)
        self.rung = learned.rung if learned else Rung()
        self._from_memory = learned is not None
        self.wanted = wanted
        self.notes: list[str] = []
        for field in learned.refused if learned else ():
            less = give_up(self.wanted, field)
            if less is not None:
                self.wanted = less
                if not field.startswith("to "):
                    self.notes.append(f"the service does not take {field} with this model; left out")

    def climb(self, refused: Refused, address: Address) -> bool:
        """Take the next way in after a refused handshake; False where none is left."""
        rung = next_rung(
            self.rung,
            refused.status,
            refused.body,
            token=address.scoped,
            voice_model=self._service.voice_model is not None,
            scopes=self._service.scopes,
            ways=self._service.ways,
        )
        if rung is None and self._from_memory and refused.status in (400, 404) and self.rung != Rung():
            rung = Rung()  # what worked once does not any more: from the bottom again
        if rung is None:
            return False
        self.rung, self._from_memory = rung, False
        return True

    def hold(self, refused: Sequence[str]) -> None:
        """Remember the rung that holds, and the settings that were refused on it whatever their value."""
        before = _learned.get(self._key)
        general = tuple(field for field in refused if field in GENERAL)
        kept = tuple(field for field in (before.refused if before else ()) if field not in general)
        _learned[self._key] = _Learned(self.rung, kept + general)
        self._from_memory = False

    def asked(self, address: Address | None) -> Asked:
        """Return who was asked, for what and how, as a message has to name it."""
        return Asked(
            host=self._service.host or "the embedded server",
            azure=self._service.name in ("azure", "voicelive"),
            service=self._service.name,
            model=self.wanted.model,
            voice_model=self._service.voice_model,
            voice=self.rung.kind == "realtime",
            credential=address.credential if address else "key",
            signed_in=address.signed_in if address else False,
        )
