"""Keys and Entra ID tokens as the headers of one handshake, fetched anew for each connection and never kept."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, runtime_checkable

from rt_magic.exceptions import AuthenticationError, ConfigurationError


@runtime_checkable
class TokenCredential(Protocol):
    """Any credential of azure-identity; `get_token` may be a coroutine."""

    def get_token(self, *scopes: str) -> Any:
        """Return an object with `token`."""


@runtime_checkable
class KeyCredential(Protocol):
    """`AzureKeyCredential` and its like."""

    @property
    def key(self) -> str:
        """The key."""


TokenCallable: TypeAlias = Callable[[], str | Awaitable[str]]
Credential: TypeAlias = TokenCredential | KeyCredential | TokenCallable


@dataclass(frozen=True, slots=True)
class Proof:
    """What opens one connection: headers, and the name of what gave them."""

    headers: Mapping[str, str] = field(repr=False)
    name: str
    token: bool = False
    """True for a token, whose audience may be the wrong one of two."""


def check_credential(credential: object) -> None:
    """Raise ConfigurationError unless this is a credential."""
    if credential is not None and not (isinstance(credential, TokenCredential | KeyCredential) or callable(credential)):
        raise ConfigurationError(
            f"{type(credential).__name__} is not a credential; give one of azure-identity, an AzureKeyCredential, or a "
            "function that returns a token (a key goes to api_key=)"
        )


async def prove(
    *,
    api_key: str | None,
    credential: Credential | None,
    key_variable: str,
    token_variable: str,
    scope: str,
    environ: Mapping[str, str] | None = None,
) -> Proof:
    """Return the headers for one handshake: key, credential, the environment's key or token, else Azure's default.

    Tokens are fetched off the loop. Raises AuthenticationError, without the secret, where none can be had.
    """
    environ = os.environ if environ is None else environ
    if api_key:
        return Proof({"api-key": api_key}, "key")
    if isinstance(credential, KeyCredential) and not isinstance(credential, TokenCredential):
        return Proof({"api-key": credential.key}, type(credential).__name__)
    if credential is None and environ.get(key_variable):
        return Proof({"api-key": environ[key_variable]}, key_variable)
    if credential is None and environ.get(token_variable):
        return _bearer(environ[token_variable], token_variable)
    if credential is None:
        return await _default(scope, key_variable)
    name = type(credential).__name__
    try:
        if isinstance(credential, TokenCredential):
            return _bearer((await _called(credential.get_token, scope)).token, _answered(credential))
        assert callable(credential)
        return _bearer(await _called(credential), getattr(credential, "__name__", name))
    except Exception as error:
        raise AuthenticationError(f"{name} gave no token: {_first_line(error)}") from None


async def _default(scope: str, key_variable: str) -> Proof:
    credential = default_credential()
    try:
        token = await asyncio.to_thread(credential.get_token, scope)
    except Exception as error:
        raise AuthenticationError(
            "there is no key and nobody is signed in to Azure. Three ways in: (1) run `az login` in a terminal, "
            f"(2) set {key_variable}, or (3) give credential= any credential of azure-identity "
            f"({_first_line(error)})"
        ) from None
    finally:
        await asyncio.to_thread(credential.close)
    return _bearer(token.token, _answered(credential))


def default_credential() -> Any:
    """Return azure-identity's `DefaultAzureCredential`, imported when it is needed."""
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


async def _called(function: Callable[..., Any], *arguments: str) -> Any:
    """Call what may be a plain function, off the loop, or a coroutine function, on it."""
    if inspect.iscoroutinefunction(function):
        return await function(*arguments)
    result = await asyncio.to_thread(function, *arguments)
    return await result if inspect.isawaitable(result) else result


def _bearer(token: str, name: str) -> Proof:
    return Proof({"Authorization": f"Bearer {token}"}, name, token=True)


def _answered(credential: Any) -> str:
    """Return the name of the credential that answered, which chains keep to themselves."""
    answered = getattr(credential, "_successful_credential", None)
    return type(answered or credential).__name__


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
