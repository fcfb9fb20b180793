"""What is shown of each segment, in order: what the machine says, as people have corrected it. Pure; not locked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from rt_magic.exceptions import ConfigurationError
from rt_magic.transcript.corrections import again, renamed, with_text
from rt_magic.transcript.segments import Changes, Segment


class Ledger:
    """Segments by id with their places, and beside them what the machine said of those that were corrected."""

    def __init__(self) -> None:
        self.segments: dict[str, Segment] = {}
        self.machine: dict[str, Segment] = {}
        self.ranks: dict[str, float] = {}
        self.unknown: dict[str, dict[str, Any]] = {}
        """What a file said of a segment that has no field here."""
        self._names: dict[str | None, str | None] = {}
        self._ordered: tuple[Segment, ...] | None = None
        self._finals: tuple[Segment, ...] | None = None

    def copy(self) -> Ledger:
        """Return one that holds the same, and that changes of this one do not reach."""
        other = Ledger()
        other.segments, other.machine = dict(self.segments), dict(self.machine)
        other.ranks, other.unknown = dict(self.ranks), dict(self.unknown)
        other._names = dict(self._names)
        other._ordered, other._finals = self._ordered, self._finals
        return other

    def ordered(self) -> tuple[Segment, ...]:
        """Return all segments in the order of their places."""
        if self._ordered is None:
            self._ordered = tuple(sorted(self.segments.values(), key=lambda segment: self.ranks.get(segment.id, 0.0)))
        return self._ordered

    def finals(self) -> tuple[Segment, ...]:
        """Return the final ones in that order; the same tuple until something changes."""
        if self._finals is None:
            self._finals = tuple(segment for segment in self.ordered() if segment.final)
        return self._finals

    def untouched(self) -> dict[str, dict[str, Any]]:
        """Return what a file said of the segments whose text is still the machine's."""
        changed = {id_ for id_, segment in self.machine.items() if segment.text != self.segments[id_].text}
        return {id_: said for id_, said in self.unknown.items() if id_ not in changed}

    def apply(self, changes: Changes) -> tuple[Segment, ...]:
        """Take in what the machine says now; return what is shown of the segments that are new, different or moved."""
        told: dict[str, Segment] = {}
        for segment in changes.upsert:
            self.segments[segment.id] = told[segment.id] = self._shown(segment)
        for id_ in changes.remove:
            told.pop(id_, None)
            for known in (self.segments, self.machine, self.ranks, self.unknown):
                known.pop(id_, None)
        for id_, rank in changes.ranks.items():
            if id_ in self.segments:
                self.ranks[id_] = rank
                told.setdefault(id_, self.segments[id_])
        self._ordered = self._finals = None
        return tuple(told.values())

    def _shown(self, segment: Segment) -> Segment:
        before = self.machine.get(segment.id)
        shown = segment if before is None else again(segment, before, self.segments[segment.id])
        if shown.speaker == segment.speaker and segment.speaker in self._names:
            shown = dataclasses.replace(shown, speaker=self._names[segment.speaker])
        return shown if shown is segment else self._note(segment, shown)

    def _note(self, machine: Segment, shown: Segment) -> Segment:
        if shown == machine:
            self.machine.pop(shown.id, None)
        else:
            self.machine[shown.id] = machine
        return shown

    def correct(self, changed: Iterable[Segment]) -> tuple[Segment, ...]:
        """Show these segments from now on; what the machine said of them is kept."""
        changed = tuple(changed)
        for shown in changed:
            machine = self.machine.get(shown.id, self.segments[shown.id])
            self.segments[shown.id] = self._note(machine, shown)
        self._ordered = self._finals = None
        return changed

    def edit(self, id_: str, text: str) -> tuple[Segment, ...]:
        """Give one segment another text; ConfigurationError where there is none of this id, or not finally."""
        segment = self.segments.get(id_)
        if segment is None or not segment.final:
            state = "not known" if segment is None else "not final yet"
            raise ConfigurationError(f"segment {id_!r} is {state}; give the id of one of `segments`, such as 's1'")
        return self.rewrite({id_: text}, mended=True)

    def rewrite(self, texts: Mapping[str, str], *, mended: bool = False) -> tuple[Segment, ...]:
        """Give segments other texts, by id; with `mended` those that had failed have not any more."""
        found = []
        for id_, text in texts.items():
            shown = self.segments[id_]
            # The machine's words have the times, however often their text is changed.
            written = with_text(self.machine.get(id_, shown), text)
            error = written.error if mended else shown.error
            found.append(dataclasses.replace(written, speaker=shown.speaker, error=error))
        return self.correct(found)

    def rename(self, names: Mapping[str | None, str | None]) -> tuple[Segment, ...]:
        """Give speakers other names, also in segments that are still to come."""
        self._names = {label: names.get(name, name) for label, name in self._names.items()}
        self._names = {**names, **self._names}
        return self.correct(renamed(self.ordered(), names))

    def restore(self, said: Mapping[str, Mapping[str, Any]]) -> None:
        """Remember by id what the machine had said before people corrected what is shown."""
        for id_, fields in said.items():
            if id_ in self.segments and fields:
                self.machine[id_] = dataclasses.replace(self.segments[id_], **fields)
