"""How each family of services speaks, as data: adding a dialect is adding one entry to `DIALECTS`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl, quote, urlencode

from rt_magic.audio.pcm import SAMPLE_RATE

TurnDetection: TypeAlias = Literal["server", "semantic", "client", "off"]
Noise: TypeAlias = Literal["near", "far"]
Kind: TypeAlias = Literal["transcription", "realtime"]
Shape: TypeAlias = Literal["nested", "flat", "bare"]

PREFIX_PADDING_MS = 300
"""Audio kept before the start of speech, in ms: what we ask services for, and what client-side turns use."""

_TURNS: Mapping[TurnDetection, str] = {"server": "server_vad", "semantic": "semantic_vad"}
_TURN_FIELDS = ("threshold", "prefix_padding_ms", "silence_duration_ms")
_NOISE: Mapping[Noise, str] = {"near": "near_field", "far": "far_field"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one family of servers speaks."""

    name: str
    path: str = "/v1/realtime"
    host: str | None = None
    """Where the service is unless an address says otherwise."""
    queries: tuple[str, ...] = ("intent=transcription",)
    """Queries of the address, tried in this order; one that names an unknown `{model}` or `{voice}` goes without."""
    greeting: str = ""
    """The first frame by which it shows itself, where that is not `session.created` with a session; "bare": without."""
    shape: Shape = "nested"
    """Where settings stand: in `audio.input`, flat in the session, or bare in the event."""
    update: str = "session.update"
    """The event that asks for settings."""
    answers: bool = True
    """False where settings are taken without a word."""
    partial: bool = False
    """True where settings may be refused and taken at the same time, so that a refusal is slept over."""
    open: bool = False
    """True where the server's first frame, its refusals and its echo decide which dialect it is."""
    rate: int = SAMPLE_RATE
    """Samples per second of the audio that it takes, in Hz."""
    rate_field: str = ""
    """The flat setting that says so, with a dot where it stands in an object."""
    format_field: bool = False
    """True where the flat `input_audio_format` is to be sent, which some servers refuse even if it is the right one."""
    turns: Mapping[TurnDetection, str] = field(default_factory=lambda: _TURNS)
    """What turn detection by the service is called; what is missing is done by us."""
    turn_fields: tuple[str, ...] = _TURN_FIELDS
    commits: bool = True
    """False where a commit of ours while the service cuts turns breaks the connection."""
    one_turn: bool = False
    """True where there are no items: a stretch of audio is begun and ended, and answered before the next."""
    noise: Mapping[Noise, str] = field(default_factory=lambda: _NOISE)
    echo: str = ""
    """The kind of echo cancellation that goes with noise reduction."""
    keywords: str = "keywords"
    """The field for words to expect, "" where there is none."""
    prompt: bool = True
    languages: Literal["list", "text", "one", "none"] = "list"
    """How several languages are told: as a list, as one text with commas; else only one can be, or none."""
    logprobs: bool = True
    """Whether log-probabilities can be asked for."""
    regions: bool = False
    """Whether languages keep their region, as in `fr-CA`, where the model takes it."""
    include: tuple[str, ...] = ()
    """What is asked for beyond text wherever it can be had."""
    voice: bool = False
    """True where a voice model stands behind every session and has to be kept silent."""
    turns_off: bool = True
    """Whether the service can be kept from cutting turns."""
    fence: bool = False
    """True where `input_audio_buffer.clear` is answered strictly after all audio before it has been worked off."""

    def target(
        self, kind: Kind = "transcription", voice_model: str | None = None, *, model: str | None = None, way: int = 0
    ) -> str:
        """Return path and query: a transcription session names no model there, a voice session must."""
        query = "model={voice}" if kind == "realtime" else self.ways(model)[way]
        named = {"{model}": model or "", "{voice}": voice_model or ""}
        fields = [(key, named.get(value, value)) for key, value in parse_qsl(query)]
        query = urlencode([(key, value) for key, value in fields if value], quote_via=quote)
        return f"{self.path}?{query}" if query else self.path

    def ways(self, model: str | None) -> tuple[str, ...]:
        """Return the queries that differ for this model, at least one."""
        return tuple(query for query in self.queries if model or "{model}" not in query) or self.queries[:1]


DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Dialect("embedded", fence=True),
        Dialect("openai", host="api.openai.com"),
        Dialect("azure", "/openai/v1/realtime"),
        # Facts: Microsoft's how-to and reference of Voice Live, `azure.ai.voicelive.models` 1.3.1.
        Dialect(
            "voicelive", "/voice-live/realtime", queries=("api-version=2026-04-10&model={voice}",),
            shape="flat", rate_field="input_audio_sampling_rate", format_field=True, voice=True,
            turns={"server": "server_vad", "semantic": "azure_semantic_vad"},
            noise={"near": "azure_deep_noise_suppression", "far": "far_field"}, echo="server_echo_cancellation",
            keywords="phrase_list", regions=True, languages="text", include=("item.input_audio_transcription.phrases",),
        ),
        # Microsoft's how-to for MAI-Transcribe-2-Streaming: neither turn detection nor noise reduction.
        Dialect(
            "mai", "/mai/v1/realtime", turns={}, noise={}, keywords="", prompt=False, languages="one", logprobs=False,
        ),
        # github.com/speaches-ai/speaches, measured at 870e1e1: turn detection that cannot be switched off, a model in
        # the address, no deltas; a manual commit during speech drops the connection.
        Dialect(
            "speaches", queries=("model={model}&intent=transcription",), shape="flat", partial=True,
            commits=False, turns_off=False,
            turns={"server": "server_vad"}, turn_fields=("silence_duration_ms",), noise={}, keywords="",
            languages="one", logprobs=False,
        ),
        # github.com/mudler/LocalAI, and gateways that have stayed with the beta's transcription sessions.
        Dialect(
            "localai", queries=("model={model}",), greeting="transcription_session.created", shape="flat",
            update="transcription_session.update", partial=True,
            turns={"server": "server_vad"}, keywords="", languages="one",
        ),
        # github.com/vllm-project/vllm, vllm/entrypoints/openai/realtime.
        Dialect(
            "vllm", queries=("",), greeting="bare", shape="bare", answers=False,
            rate=16_000, turns={}, one_turn=True, noise={},
            keywords="", prompt=False, languages="none", logprobs=False,
        ),
        # NVIDIA's speech NIM, by its reference (docs.nvidia.com/nim/riva/asr/latest/realtime-asr.html): 16 kHz unless
        # it is told otherwise, languages with their region, no turn detection in its session.
        Dialect(
            "nim", greeting="conversation.created", shape="flat", update="transcription_session.update", partial=True,
            rate=16_000, turns={}, noise={}, keywords="", languages="one", regions=True, logprobs=False,
        ),
        # Any other server: asked as OpenAI is, until it shows that it is something else.
        Dialect(
            "auto", queries=("intent=transcription", "model={model}&intent=transcription", "model={model}"),
            partial=True, open=True,
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for, in the words of no service in particular."""

    kind: Kind = "transcription"
    model: str | None = None
    languages: tuple[str, ...] = ()
    language_list: bool = False
    """True where even one language is sent as a list."""
    prompt: str | None = None
    keywords: tuple[str, ...] = ()
    turn_detection: TurnDetection = "server"
    silence_ms: int = 500
    noise_reduction: Noise | None = None
    logprobs: bool = False
    shape: Shape | None = None
    """The shape that settings must have, where that was found out."""
    phrases: bool = True
    """Whether to ask for the times of words where the dialect has them."""
    echo_cancellation: bool = True
    """Whether noise reduction takes the echo of loudspeakers along, where the dialect has that."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the service said it does, read from `session.updated`."""

    model: str | None
    languages: tuple[str, ...]
    server_turns: bool
    prefix_padding: float
    """Seconds before the speech that the service's start times include."""
    closing_silence: float
    """Seconds after the speech that the service's end times include."""
    expires_at: float | None
    """Unix time at which the service ends the connection."""
    complete: bool = True
    """True where the answer shows the whole configuration, so that what is missing in it is not in force."""
    rate: float | None = None
    """Samples per second that the service expects, in Hz, where it says so."""

    @property
    def language(self) -> str | None:
        """The language listened for, where it is one."""
        return self.languages[0] if len(self.languages) == 1 else None
