"""What a session's arguments ask of a service, checked. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from rt_magic.exceptions import ConfigurationError
from rt_magic.options import keyword_list
from rt_magic.session.resolution import english_only
from rt_magic.session.services import Local, Service
from rt_magic.wire.dialects import Noise, TurnDetection, Wanted
from rt_magic.wire.models import EMBEDDED, fit, guess_abilities
from rt_magic.words import NOISE, SILENCE_MS, TURN_DETECTION


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
            keywords=keyword_list(keywords),
            turn_detection=known_turn_detection(turn_detection),
            silence_ms=check_silence(silence_ms),
            noise_reduction=known_noise_reduction(noise_reduction),
        ),
        abilities,
    )
    if turn_detection in ("server", "semantic") and wanted.turn_detection == "client":
        notes.append("this model has no turn detection of its own; pauses are found here")
    return wanted, tuple(notes), abilities.streams


def check_silence(milliseconds: object) -> int:
    """Return the silence that ends a turn. Raises ConfigurationError for what is no number, or out of range."""
    least, most = SILENCE_MS
    if not isinstance(milliseconds, int | float) or not least <= milliseconds <= most:
        raise ConfigurationError(
            f"silence_ms={milliseconds!r} is not possible; give a number of milliseconds such as 500, from {least} to "
            f"{most}"
        )
    return round(milliseconds)


def understood(service: Service) -> list[str]:
    """Return the languages of a service that knows one whatever is asked for."""
    return ["en"] if isinstance(service, Local) and english_only(service) else []


def _model(service: Service) -> str | None:
    return None if isinstance(service, Local) else service.transcriber()


def known_turn_detection(word: str) -> TurnDetection:
    """Return the turn detection that a word means; ConfigurationError for one that is not known."""
    if word not in TURN_DETECTION:
        raise ConfigurationError(
            f"turn_detection={word!r} is not known; choose one of {', '.join(map(repr, TURN_DETECTION))}"
        )
    return "server" if word == "auto" else word  # type: ignore[return-value]  # checked in the line above


def known_noise_reduction(word: str | None) -> Noise | None:
    """Return the noise reduction that a word means; ConfigurationError for one that is not known."""
    if word in (None, "off"):
        return None
    if word not in NOISE:
        choices = ", ".join(map(repr, NOISE))
        raise ConfigurationError(f"noise_reduction={word!r} is not known; choose one of {choices}")
    return word  # type: ignore[return-value]  # checked in the line above
