"""The sentences above Start: where a voice goes, why, and what is kept."""

from __future__ import annotations

from collections.abc import Sequence

from rt_magic.languages import language_name
from rt_magic.session.resolution import Resolved
from rt_magic.session.services import Service


def destination(resolved: Resolved, spoken: Sequence[str]) -> str:
    """Return the sentences above Start: where the voice goes, why, how to choose otherwise, what is kept."""
    service = resolved.service
    named = ", ".join(map(language_name, spoken))
    kept = "The sound is kept on this machine until the kernel ends."
    if service.host is None:
        where = f"Stays on this machine ({service.label()}, {named or 'English'}, rough words)."
        other = resolved.note + "." if resolved.note else "Another service: --service, or set AZURE_OPENAI_ENDPOINT."
        return f"{where} {other} {kept}"
    where = f"Goes to {service.host} ({service.label()}, {named or 'language detected'})"
    return f"{where} because {resolved.reason}. To stay on this machine: --service local. {kept}"


_notice_text: list[str] = []


def set_notice(text: str) -> None:
    """Let `notice` say this for every service, with `{where}` for the place; "" for our own sentence."""
    _notice_text[:] = [text] if text.strip() else []


def notice(service: Service) -> str:
    """Return what everyone who will be heard should know; shown once for each destination."""
    where = "on this machine" if service.host is None else f"by {service.host}"
    if _notice_text:
        return _notice_text[0].replace("{where}", where)
    return f"Everyone who will be heard should know that they are recorded and transcribed {where}."
