"""The sentences above Start: where a voice goes, why, and what is kept."""

from __future__ import annotations

from collections.abc import Sequence

from rt_magic.languages import language_name
from rt_magic.session.resolution import Resolved


def destination(
    resolved: Resolved, spoken: Sequence[str], *, own: str | None = None, kept: bool = True, english: bool = True
) -> str:
    """Return the sentences above Start: where the voice goes, why, how to choose otherwise, what is kept.

    `own` names the machine whose own microphone hears it, instead of the page's; of a file nothing is `kept`.
    `english` says whether the embedded engine is the one that knows only that language.
    """
    service = resolved.service
    named = ", ".join(map(language_name, spoken))
    parts = [f"The microphone of {own or 'this machine'} hears, where this Python runs."] if own is not None else []
    if service.host is None:
        knows = f"{named or 'English'}, rough words" if english else named or "language detected"
        parts.append(f"Stays on this machine ({service.label()}, {knows}).")
        other = (
            f"{resolved.warning or resolved.note}."
            if resolved.warning or resolved.note
            else "Another service: --service, or set AZURE_OPENAI_ENDPOINT."
        )
        parts.append(other)
    else:
        where = f"Goes to {service.host} ({service.label()}, {named or 'language detected'})"
        parts.append(f"{where} because {resolved.reason}. To stay on this machine: --service local.")
    if kept:
        parts.append("The sound is kept on this machine until the kernel ends.")
    return " ".join(parts)
