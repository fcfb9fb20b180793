"""The states of one connection, seen from either end, and what moves it from one to the next.

Everything that moves a connection stands in `TRANSITIONS`; a call that the table does not allow raises
LocalProtocolError and changes nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from rt_magic.exceptions import LocalProtocolError


class State(enum.Enum):
    """Where one connection stands; not to be confused with the state a user sees."""

    CONNECTING = "connecting"
    CONFIGURING = "configuring"
    STREAMING = "streaming"
    DRAINING = "draining"
    CLOSED = "closed"


class Trigger(enum.Enum):
    """What moves a connection on."""

    CREATED = "created"
    CONFIGURED = "configured"
    FINISHED = "finished"
    CLOSED = "closed"


TRANSITIONS: Mapping[State, Mapping[Trigger, State]] = {
    State.CONNECTING: {Trigger.CREATED: State.CONFIGURING, Trigger.CLOSED: State.CLOSED},
    State.CONFIGURING: {Trigger.CONFIGURED: State.STREAMING, Trigger.CLOSED: State.CLOSED},
    State.STREAMING: {Trigger.FINISHED: State.DRAINING, Trigger.CLOSED: State.CLOSED},
    State.DRAINING: {Trigger.CLOSED: State.CLOSED},
    State.CLOSED: {Trigger.CLOSED: State.CLOSED},
}


class Machine:
    """A state that only moves as the table says, and the messages waiting to be sent."""

    def __init__(self) -> None:
        self.state = State.CONNECTING
        self._outgoing: list[str] = []

    def _move(self, trigger: Trigger) -> None:
        if trigger not in TRANSITIONS[self.state]:
            raise LocalProtocolError(f"a connection that is {self.state.value} cannot be {trigger.value}")
        self.state = TRANSITIONS[self.state][trigger]

    def messages_to_send(self) -> list[str]:
        """Return the messages that have become due, each once, in order."""
        due, self._outgoing = self._outgoing, []
        return due

    def close(self) -> None:
        """Note that the connection is gone; may be called in any state."""
        self._move(Trigger.CLOSED)
