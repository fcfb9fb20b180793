"""What transcription models can do, guessed from their names. Pure.

On Azure the name is that of a deployment, which may be called anything: the guess only saves a refused first
configuration, the service's answer decides. Facts: the types of the `openai` package, 3.54
(`openai.types.realtime.audio_transcription`), and OpenAI's guide to realtime transcription.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rt_magic.wire.dialects import Wanted


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a model takes and gives."""

    turn_detection: bool = True
    """The service may cut turns; otherwise we do."""
    prompt: bool = True
    keywords: bool = False
    several_languages: bool = False
    """Languages are a list, also where it is but one."""
    logprobs: bool = False
    speakers: bool = False
    regions: bool = False
    """Languages may have a region, as in `fr-CA`, where the dialect takes that."""
    streams: bool | None = False
    """Text comes while one speaks, not only after a pause; None: nobody knows."""


MODELS: dict[str, Abilities] = {
    "whisper-1": Abilities(),
    "gpt-4o-transcribe": Abilities(logprobs=True),
    "gpt-4o-mini-transcribe": Abilities(logprobs=True),
    "gpt-4o-transcribe-diarize": Abilities(prompt=False, speakers=True),
    "gpt-realtime-whisper": Abilities(turn_detection=False, prompt=False, streams=True),
    "gpt-transcribe": Abilities(keywords=True, several_languages=True),
    "gpt-live-transcribe": Abilities(turn_detection=False, keywords=True, several_languages=True, streams=True),
    # Azure Speech, and Microsoft's own models (how-to of Voice Live, how-to of MAI-Transcribe-2-Streaming)
    "azure-speech": Abilities(prompt=False, keywords=True, several_languages=True, regions=True, streams=None),
    "mai-transcribe": Abilities(prompt=False, keywords=True, several_languages=True, regions=True, streams=None),
    "mai-transcribe-2-streaming": Abilities(turn_detection=False, prompt=False, streams=True),
}

DEFAULT_MODEL = "gpt-realtime-whisper"
"""The model that writes while one speaks; on Azure, the name that its deployment usually has."""

AZURE_SPEECH = "azure-speech"
"""What transcribes on Azure Voice Live unless another model is named."""

UNKNOWN = Abilities(keywords=True, several_languages=True, regions=True, streams=None)
"""A model nobody has heard of: it is asked for everything, and what it refuses is dropped."""

EMBEDDED = Abilities(prompt=False, keywords=True, streams=True)
"""The embedded server, whatever its engine."""


def guess_abilities(name: str | None) -> Abilities:
    """Return the abilities of the model whose name stands in `name`, the longest one first."""
    known = [model for model in MODELS if name and model in name.lower()]
    return MODELS[max(known, key=len)] if known else UNKNOWN


def fit(wanted: Wanted, abilities: Abilities) -> tuple[Wanted, list[str]]:
    """Return what to ask such a model for, and a sentence for each wish it cannot fulfil.

    Keywords go into the prompt where there is no field for them, languages are reduced to ISO 639-1 unless the model
    knows regions.
    """
    notes: list[str] = []
    languages = wanted.languages
    if not abilities.regions:
        languages = tuple(dict.fromkeys(code.split("-")[0] for code in languages))
    if len(languages) > 1 and not abilities.several_languages:
        notes.append(
            f"this model takes one language; {languages[0]} was asked for, {', '.join(languages[1:])} left out"
        )
        languages = languages[:1]
    prompt, keywords = wanted.prompt, wanted.keywords
    if keywords and not abilities.keywords:
        if abilities.prompt:
            prompt = ", ".join([*([prompt] if prompt else []), *keywords])
        else:
            notes.append("this model takes no keywords; they were left out")
        keywords = ()
    if prompt and not abilities.prompt:
        notes.append("this model takes no prompt; it was left out")
        prompt = None
    turn_detection = wanted.turn_detection
    if not abilities.turn_detection and turn_detection in ("server", "semantic"):
        turn_detection = "client"
    fitted = replace(
        wanted,
        languages=languages,
        language_list=abilities.several_languages and abilities is not UNKNOWN,
        prompt=prompt,
        keywords=keywords,
        turn_detection=turn_detection,
        logprobs=abilities.logprobs,
    )
    return fitted, notes


def carrier(model: str) -> str:
    """Return the voice model that Azure Voice Live needs for a session in which `model` transcribes.

    It never speaks, so the cheapest one will do; behind those without ears only Azure Speech transcribes, whatever is
    asked for (Microsoft's overview of Voice Live and its how-to).
    """
    return "gpt-4.1-nano" if model == AZURE_SPEECH else "gpt-realtime-mini"


def is_mai_streaming(model: str) -> bool:
    """Tell whether a name is that of MAI-Transcribe-2-Streaming, which Azure serves at a path of its own."""
    return "mai-transcribe" in model.lower() and "streaming" in model.lower()
