"""Azure's services, as settings: Azure OpenAI and Azure Voice Live."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import ClassVar
from urllib.parse import parse_qs

from rt_magic.exceptions import ConfigurationError
from rt_magic.session.addresses import Address, host_of, is_loopback, socket_address, split
from rt_magic.session.credentials import Credential, check_credential, prove
from rt_magic.wire.addresses import PORTALS, Rung, cloud_of, is_foundry_host, named_deployments
from rt_magic.wire.dialects import DIALECTS, Dialect
from rt_magic.wire.models import AZURE_SPEECH, DEFAULT_MODEL, MODELS, carrier, is_mai_streaming


@dataclass(frozen=True, slots=True)
class AzureOpenAI:
    """Azure OpenAI's Realtime API, with a key or with Entra ID.

    `endpoint` is any address that the portal shows (else AZURE_OPENAI_ENDPOINT); `model` the transcription deployment
    (else AZURE_OPENAI_TRANSCRIBE_DEPLOYMENT, else the one that the address names, else `gpt-realtime-whisper`);
    `realtime_model` a voice deployment to fall back on (else AZURE_OPENAI_REALTIME_DEPLOYMENT). `credential` is any of
    azure-identity, an AzureKeyCredential or a function that returns a token. Without it counts AZURE_OPENAI_API_KEY,
    else AZURE_OPENAI_AD_TOKEN, else `DefaultAzureCredential`. `scope` pins the token's audience, as a sovereign cloud
    may need.
    """

    endpoint: str | None = None
    model: str | None = field(default=None, kw_only=True)
    realtime_model: str | None = field(default=None, kw_only=True)
    api_key: str | None = field(default=None, kw_only=True, repr=False)
    credential: Credential | None = field(default=None, kw_only=True, repr=False)
    scope: str | None = field(default=None, kw_only=True)
    name: ClassVar[str] = "azure"
    ways: ClassVar[int] = 1

    def __post_init__(self) -> None:
        _check_endpoint(self.endpoint)
        if self.endpoint is not None:
            self.target(Rung())
        check_credential(self.credential)
        if self.api_key and self.credential is not None:
            raise ConfigurationError("both api_key= and credential= are given; leave one out")

    @property
    def speaks(self) -> Dialect:
        """How Azure OpenAI speaks; MAI-Transcribe-2-Streaming has a path and a way of its own."""
        parts = split(self._base)
        own = is_foundry_host(parts.hostname or "") and is_mai_streaming(self.transcriber())
        mai = own or "mai" in parts.path.split("/")
        return DIALECTS["mai" if mai else "azure"]

    @property
    def host_only(self) -> bool:
        """Whether the address says no more than its host: no deployment, and no way of speaking."""
        return not any(self._named()) and "mai" not in split(self._base).path.split("/")

    @property
    def scopes(self) -> tuple[str, ...]:
        """Audiences to ask a token for, in order."""
        return (self.scope,) if self.scope else cloud_of(self.host).scopes

    @property
    def voice_model(self) -> str | None:
        """The voice deployment to fall back on."""
        return self.realtime_model or os.environ.get("AZURE_OPENAI_REALTIME_DEPLOYMENT") or self._named()[1]

    @property
    def _base(self) -> str:
        base = self.endpoint or os.environ.get("AZURE_OPENAI_ENDPOINT")
        if not base:
            raise ConfigurationError(
                "Azure OpenAI was chosen and its address is not known; set AZURE_OPENAI_ENDPOINT to "
                "https://<resource>.openai.azure.com, or give rt.AzureOpenAI(endpoint)"
            )
        return base

    @property
    def host(self) -> str:
        """The host that audio goes to."""
        return host_of(self._base)

    def label(self) -> str:
        """Return the words by which the cell names this service."""
        return f"Azure OpenAI, deployment {self.transcriber()}"

    def transcriber(self) -> str:
        """Return the deployment that transcribes."""
        return self.model or os.environ.get("AZURE_OPENAI_TRANSCRIBE_DEPLOYMENT") or self._named()[0] or DEFAULT_MODEL

    def pinned(self) -> AzureOpenAI:
        """Return the service with what the environment says now, so that what the cell names is where it goes."""
        return replace(self, endpoint=self._base, model=self.transcriber(), realtime_model=self.voice_model)

    def _named(self) -> tuple[str | None, str | None]:
        """Return the deployments that the address names: one that transcribes, one that speaks."""
        parts = split(self._base)
        transcriber, other = named_deployments(parts.path, parts.query)
        if other is not None and any(model in other.lower() for model in MODELS):
            return other, None
        return transcriber, other

    def target(self, rung: Rung) -> str:
        """Return where a connection goes. Raises ConfigurationError for an address that cannot be meant."""
        address = socket_address(self._base)
        check_name(self._base, "https://<resource>.openai.azure.com")
        return address + self.speaks.target(rung.kind, self.voice_model)

    def check(self) -> None:
        """Raise ConfigurationError for what can be seen to be wrong without asking anybody."""
        self.target(Rung())

    async def address(self, rung: Rung) -> Address:
        """Return where the next connection goes, with a fresh token where one is needed."""
        url = self.target(rung)
        proof = await prove(
            api_key=self.api_key,
            credential=self.credential,
            key_variable="AZURE_OPENAI_API_KEY",
            token_variable="AZURE_OPENAI_AD_TOKEN",
            scope=rung.scope if rung.scope in self.scopes else self.scopes[0],
            authority=cloud_of(self.host).authority,
        )
        return Address(url, proof.headers, proof.name, proof.signed_in, proof.scoped)


@dataclass(frozen=True, slots=True)
class VoiceLive:
    """Azure Voice Live, with a key or with Entra ID.

    `endpoint` is any address of the resource (else AZURE_VOICELIVE_ENDPOINT); `model` what transcribes: `azure-speech`
    unless given, `mai-transcribe-1`, or one of OpenAI's. `credential` is as for AzureOpenAI; the key is `api_key` or
    AZURE_VOICELIVE_API_KEY. A `?model=` in the address chooses the voice model behind the session, which stays silent.
    """

    endpoint: str | None = None
    model: str | None = field(default=None, kw_only=True)
    api_key: str | None = field(default=None, kw_only=True, repr=False)
    credential: Credential | None = field(default=None, kw_only=True, repr=False)
    name: ClassVar[str] = "voicelive"
    voice_model: ClassVar[None] = None
    ways: ClassVar[int] = 1

    def __post_init__(self) -> None:
        _check_endpoint(self.endpoint)
        if self.endpoint is not None:
            self.target(Rung())
        check_credential(self.credential)
        if self.api_key and self.credential is not None:
            raise ConfigurationError("both api_key= and credential= are given; leave one out")

    @property
    def speaks(self) -> Dialect:
        """How Voice Live speaks."""
        return DIALECTS["voicelive"]

    @property
    def scopes(self) -> tuple[str, ...]:
        """Audiences to ask a token for, in order."""
        return cloud_of(self.host).scopes

    @property
    def _base(self) -> str:
        base = self.endpoint or os.environ.get("AZURE_VOICELIVE_ENDPOINT")
        if not base:
            raise ConfigurationError(
                "Azure Voice Live was chosen and its address is not known; set AZURE_VOICELIVE_ENDPOINT to "
                "https://<resource>.services.ai.azure.com, or give rt.VoiceLive(endpoint)"
            )
        return base

    @property
    def host(self) -> str:
        """The host that audio goes to."""
        return host_of(self._base)

    def label(self) -> str:
        """Return the words by which the cell names this service."""
        return f"Azure Voice Live, model {self.transcriber()}"

    def transcriber(self) -> str:
        """Return the model that transcribes."""
        return self.model or AZURE_SPEECH

    def pinned(self) -> VoiceLive:
        """Return the service with what the environment says now, so that what the cell names is where it goes."""
        return replace(self, endpoint=self._base, model=self.transcriber())

    def target(self, rung: Rung) -> str:
        """Return where a connection goes. Raises ConfigurationError for an address that cannot be meant."""
        address = socket_address(self._base)
        check_name(self._base, "https://<resource>.services.ai.azure.com")
        named = parse_qs(split(self._base).query).get("model")
        voice = named[0] if named else carrier(self.transcriber())
        return address + self.speaks.target(rung.kind, voice)

    def check(self) -> None:
        """Raise ConfigurationError for what can be seen to be wrong without asking anybody."""
        self.target(Rung())

    async def address(self, rung: Rung) -> Address:
        """Return where the next connection goes, with a fresh token where one is needed."""
        url = self.target(rung)
        proof = await prove(
            api_key=self.api_key,
            credential=self.credential,
            key_variable="AZURE_VOICELIVE_API_KEY",
            token_variable="",
            scope=rung.scope if rung.scope in self.scopes else self.scopes[0],
            authority=cloud_of(self.host).authority,
        )
        return Address(url, proof.headers, proof.name, proof.signed_in, proof.scoped)


def check_name(address: str, example: str) -> None:
    """Raise ConfigurationError where an address is but the name of a resource, or a page that people look at."""
    name = split(address).hostname or ""
    if name.lower() in PORTALS:
        raise ConfigurationError(
            f"{name} is the portal's own page, and no key is sent there; copy the endpoint from the resource's Keys "
            f"and Endpoint, such as {example}"
        )
    if "." not in name and not is_loopback(name):
        raise ConfigurationError(f"{address!r} is a name, not an address; write {example}")


def _check_endpoint(endpoint: object) -> None:
    if not isinstance(endpoint, str | None):
        raise ConfigurationError(
            f"endpoint={endpoint!r} is no address; give it as a text, such as https://<resource>.openai.azure.com"
        )
