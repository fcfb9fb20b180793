"""What a session's arguments ask of a service, checked. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rt_magic.exceptions import ConfigurationError
from rt_magic.session.services import Local, Service
from rt_magic.wire.dialects import TurnDetection, Wanted
from rt_magic.wire.models import EMBEDDED, fit, guess_abilities

_TURN_DETECTION: dict[str, TurnDetection] = {
    "auto": "server",
    "server": "server",
    "semantic": "semantic",
    "client": "client",
    "off": "off",
}


def wishes(
    service: Service,
    *,
    languages: Sequence[str],
    model: str | None,
    prompt: str | None,
    keywords: Sequence[str],
    turn_detection: str,
    silence_ms: int,
    noise_reduction: str | None,
) -> tuple[Wanted, tuple[str, ...], bool | None]:
    """Return what to ask for, what of it the model cannot do, and whether it writes while one speaks.

    Raises ConfigurationError for what cannot work.
    """
    model = model or _model(service)
    abilities = EMBEDDED if isinstance(service, Local) else guess_abilities(model)
    wanted, notes = fit(
        Wanted(
            model=model,
            languages=tuple(languages),
            prompt=prompt,
            keywords=tuple(keywords),
            turn_detection=_turn_detection(turn_detection),
            silence_ms=silence_ms,
            noise_reduction=_noise_reduction(noise_reduction),
        ),
        abilities,
    )
    return wanted, tuple(notes), abilities.streams


def understood(service: Service) -> list[str]:
    """Return the languages of a service that knows one whatever is asked for."""
    only_english = isinstance(service, Local) and service.model is None and service.engine != "whisper"
    return ["en"] if only_english else []


def _model(service: Service) -> str | None:
    return None if isinstance(service, Local) else service.transcriber()


def _turn_detection(word: str) -> TurnDetection:
    if word not in _TURN_DETECTION:
        raise ConfigurationError(
            f"turn_detection={word!r} is not known; choose one of {', '.join(map(repr, _TURN_DETECTION))}"
        )
    return _TURN_DETECTION[word]


def _noise_reduction(word: str | None) -> Literal["near", "far"] | None:
    if word in (None, "off"):
        return None
    if word not in ("near", "far"):
        raise ConfigurationError(f"noise_reduction={word!r} is not known; choose 'near', 'far' or 'off'")
    return word  # type: ignore[return-value]  # checked in the line above
