"""A session's settings: what is wanted in the words of each dialect, and what a service's answer says. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rt_magic.wire.dialects import DIALECTS, PREFIX_PADDING_MS, Accepted, Dialect, Kind, Wanted
from rt_magic.wire.events import Json, SessionCreated

_LOGPROBS = "item.input_audio_transcription.logprobs"


def session_update(wanted: Wanted, dialect: Dialect = DIALECTS["openai"]) -> Json:
    """Return what to ask for in the words of a dialect.

    Turn detection is always sent, whole or as null: left out, a service falls back to cutting at 200 ms of silence.
    A voice session is told in every way there is not to answer, since answers are paid for and nobody hears them.
    """
    if dialect.shape == "bare":
        return {"model": wanted.model}
    include = [*dialect.include, *([_LOGPROBS] if wanted.logprobs and dialect.logprobs else [])]
    if wanted.phrases is False:
        include = [entry for entry in include if entry not in dialect.include]
    noise = dialect.noise.get(wanted.noise_reduction) if wanted.noise_reduction else None
    given = {"transcription": _transcription(wanted, dialect), "turn_detection": _turn_detection(wanted, dialect)}
    silent = (wanted.kind == "realtime" and dialect.update == "session.update") or dialect.voice
    body: Json
    if dialect.shape == "nested":
        audio: Json = {"format": {"type": "audio/pcm", "rate": dialect.rate}, **given}
        if noise:  # off is the default everywhere, and not every server knows the word
            audio["noise_reduction"] = {"type": noise}
        body = {"type": wanted.kind, "audio": {"input": audio}}
    else:
        body = {"input_audio_format": "pcm16"} if dialect.format_field else {}
        if dialect.rate_field:
            key, _, inner = dialect.rate_field.partition(".")
            body[key] = {inner: dialect.rate} if inner else dialect.rate
        body["input_audio_transcription"] = given["transcription"]
        body["turn_detection"] = given["turn_detection"]
        if noise:
            body["input_audio_noise_reduction"] = {"type": noise}
        if noise and dialect.echo and wanted.echo_cancellation:
            body["input_audio_echo_cancellation"] = {"type": dialect.echo}
    if silent:
        body |= {"output_modalities" if dialect.shape == "nested" else "modalities": ["text"]}
        body |= {"instructions": "Do not answer."}
    if include:
        body["include"] = include
    return body


def _transcription(wanted: Wanted, dialect: Dialect) -> Json:
    transcription: Json = {}
    if wanted.model:
        transcription["model"] = wanted.model
    several = len(wanted.languages) > 1 or (wanted.languages and wanted.language_list)
    if several and dialect.languages == "list":
        transcription["languages"] = list(wanted.languages)
    elif wanted.languages:
        transcription["language"] = ",".join(wanted.languages)
    if wanted.prompt:
        transcription["prompt"] = wanted.prompt
    if wanted.keywords and dialect.keywords:
        transcription[dialect.keywords] = list(wanted.keywords)
    return transcription


def _turn_detection(wanted: Wanted, dialect: Dialect) -> Json | None:
    name = dialect.turns.get(wanted.turn_detection)
    if name is None:
        return None
    turns: Json = {"type": name}
    if name == "semantic_vad":
        turns["eagerness"] = "auto"
    else:
        values = {
            "threshold": 0.5,
            "prefix_padding_ms": PREFIX_PADDING_MS,
            "silence_duration_ms": wanted.silence_ms,
        }
        turns |= {key: values[key] for key in dialect.turn_fields}
    if wanted.kind == "realtime" or dialect.voice:
        turns |= {"create_response": False, "interrupt_response": False}
    return turns


def read_accepted(
    session: Mapping[str, Any], wanted: Wanted | None = None, dialect: Dialect = DIALECTS["openai"]
) -> Accepted:
    """Read the configuration in force from a session object; where it says nothing of turns, those `wanted` count."""
    flat = any(key.startswith("input_audio_") for key in session) and "audio" not in session
    audio = session if flat else _mapping(_mapping(session.get("audio")).get("input"))
    transcription = _mapping(audio.get("input_audio_transcription" if flat else "transcription"))
    turns = _mapping(audio.get("turn_detection"))
    if "turn_detection" not in audio and wanted is not None:
        turns = _mapping(_turn_detection(wanted, dialect))
    language = _text(transcription.get("language"))
    expires_at = session.get("expires_at")
    parameters = _mapping(session.get("input_audio_params"))
    rate = session.get("input_audio_sampling_rate") or parameters.get("sample_rate_hz")
    return Accepted(
        model=_text(transcription.get("model")),
        languages=_codes(language) or _texts(transcription.get("languages")),
        server_turns=bool(turns) and turns.get("type") != "none",
        prefix_padding=_number(turns.get("prefix_padding_ms")) / 1000,
        closing_silence=_number(turns.get("silence_duration_ms")) / 1000,
        expires_at=_number(expires_at) if expires_at else None,
        complete=("input_audio_transcription" if flat else "transcription") in audio,
        rate=_number(rate if flat else _mapping(audio.get("format")).get("rate")) or None,
    )


def unanswered(wanted: Wanted) -> Accepted:
    """Return what counts as accepted by a server that takes settings without a word."""
    return Accepted(wanted.model, (), False, 0.0, 0.0, None, complete=False)


def read_kind(session: Mapping[str, Any]) -> Kind | None:
    """Return what kind of session the service has opened, where its first frame says so."""
    kind = session.get("type")
    return "transcription" if kind == "transcription" else "realtime" if kind == "realtime" else None


def recognised(created: SessionCreated) -> Dialect | None:
    """Return the dialect that a server's first frame shows, None where it shows none."""
    greeted = next((dialect for dialect in DIALECTS.values() if dialect.greeting == created.greeting), None)
    if greeted is not None:
        return greeted
    if "audio" in created.session:
        return DIALECTS["openai"]
    flat = any(key.startswith("input_audio_") for key in created.session)
    return DIALECTS["speaches"] if flat else None


def differences(accepted: Accepted, wanted: Wanted, dialect: Dialect) -> list[str]:
    """Return, in sentences, where the service's echo is not what was asked for: model, language, turns, rate."""
    if not accepted.complete:
        return []
    notes = []
    if not is_same_model(accepted, wanted):
        notes.append(f"the service transcribes with {accepted.model or 'no model'} instead of {wanted.model}")
    if not is_same_language(accepted, wanted, dialect):
        heard = ", ".join(accepted.languages) or "any language"
        notes.append(f"the service listens for {heard} instead of {', '.join(wanted.languages)}")
    if accepted.server_turns != (wanted.turn_detection in dialect.turns):
        who = "the service" if accepted.server_turns else "rt_magic"
        notes.append(f"turns are cut by {who}, against the setting")
    if accepted.rate not in (None, dialect.rate):
        notes.append(
            f"the service expects {accepted.rate:g} samples per second instead of {dialect.rate}: no words fit"
        )
    return notes


def is_same_model(accepted: Accepted, wanted: Wanted) -> bool:
    """Tell whether the echo names the model that was asked for, if one was."""
    return not wanted.model or accepted.model == wanted.model


def is_same_language(accepted: Accepted, wanted: Wanted, dialect: Dialect) -> bool:
    """Tell whether the echo names the languages that were asked for; a list of them is not known to be echoed."""
    listed = dialect.languages == "list" and (len(wanted.languages) > 1 or wanted.language_list)
    return not wanted.languages or accepted.languages == (wanted.languages if accepted.languages or not listed else ())


def _codes(language: str | None) -> tuple[str, ...]:
    return tuple(code.strip() for code in language.split(",") if code.strip()) if language else ()


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _texts(value: object) -> tuple[str, ...]:
    return tuple(entry for entry in value if isinstance(entry, str)) if isinstance(value, list) else ()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> float:
    known = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1e12
    return float(value) if known else 0.0  # type: ignore[arg-type]  # `known` says that it is a number
