"""Keys and Entra ID tokens as the headers of one handshake, fetched anew for each connection and never kept."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import inspect
import logging
import os
import re
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, runtime_checkable

from rt_magic.exceptions import AuthenticationError, ConfigurationError, RtMagicError, ServiceConnectionError
from rt_magic.secrets import redact
from rt_magic.threads import in_thread


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

PATIENCE = 300.0
"""Seconds that a credential may take: some ask a person to sign in first."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What opens one connection: headers, and the name of what gave them."""

    headers: Mapping[str, str] = field(repr=False)
    name: str
    signed_in: bool = False
    """True for a token, False for a key."""
    scoped: bool = False
    """True for a token whose audience we chose, so that another one may be asked for."""


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
    authority: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Proof:
    """Return the headers for one handshake: key, credential, the environment's key or token, else Azure's default.

    Tokens are fetched off the loop. Raises, without the secret, AuthenticationError where none can be had, and
    ServiceConnectionError where nobody could be reached to ask for one.
    """
    environ = os.environ if environ is None else environ
    if api_key:
        return _keyed(api_key, "key", "api_key")
    if isinstance(credential, KeyCredential) and not isinstance(credential, TokenCredential):
        return _keyed(credential.key, type(credential).__name__, type(credential).__name__)
    if credential is None and environ.get(key_variable):
        return _keyed(environ[key_variable], key_variable, key_variable)
    if credential is None and environ.get(token_variable):
        return Proof(bearer(environ[token_variable], token_variable), token_variable, signed_in=True)
    if credential is None:
        return await _default(scope, authority, key_variable)
    name = _name(credential)
    try:
        async with asyncio.timeout(PATIENCE) as limit:
            if isinstance(credential, TokenCredential):
                token = await _called(credential.get_token, scope)
                return Proof(bearer(token, name), _answered(credential), signed_in=True, scoped=True)
            assert callable(credential)
            return Proof(bearer(await _called(credential), name), name, signed_in=True)
    except RtMagicError:
        raise
    except Exception as error:
        if limit.expired():
            raise AuthenticationError(f"{name} gave no token within {PATIENCE:g} s; try again") from None
        if _is_of_the_network(error):
            raise _unreached(name, error) from None
        raise AuthenticationError(f"{name} gave no token: {first_line(error)}") from None


def bearer(token: object, source: str) -> dict[str, str]:
    """Return the header for a token or a key that goes as one; `source` names where it comes from."""
    value = getattr(token, "token", token)
    return {"Authorization": f"Bearer {header_value(value, source).removeprefix('Bearer ')}"}


def header_value(secret: object, source: str) -> str:
    """Return a secret without the spaces that copying adds; AuthenticationError, without it, if none can send it."""
    value = secret.strip() if isinstance(secret, str) else ""
    if not value:
        raise AuthenticationError(f"{source} is empty or not text; copy the key or token again")
    if not (value.isascii() and value.isprintable()):
        raise AuthenticationError(
            f"{source} holds a character that no key has (position {_odd_position(value)}); copy it again"
        )
    return value


def _odd_position(value: str) -> int:
    return next(index for index, letter in enumerate(value) if not (letter.isascii() and letter.isprintable()))


def _keyed(key: str, name: str, source: str) -> Proof:
    return Proof({"api-key": header_value(key, source)}, name)


def _is_of_the_network(error: Exception) -> bool:
    """Tell whether nobody could be asked, which may be otherwise in a moment; a file that is not there is no such."""
    if isinstance(error, FileNotFoundError | PermissionError):
        return False
    unreached = {"ServiceRequestError", "ServiceResponseError"}  # azure-core's, which need not be installed
    return isinstance(error, OSError) or any(
        kind.__name__ in unreached and kind.__module__.startswith("azure.core") for kind in type(error).__mro__
    )


def _unreached(name: str, error: Exception) -> ServiceConnectionError:
    return ServiceConnectionError(
        f"{name} gave no token, as nobody was reached: {first_line(error)}; check the network"
    )


# ── azure-identity's own choice ──

_making = threading.Lock()
_default_credential: list[tuple[object, Any]] = []  # the one in use, behind what it was made from


async def _default(scope: str, authority: str | None, key_variable: str) -> Proof:
    credential = await in_thread(default_credential, authority)  # the import alone takes up to a second
    try:
        async with asyncio.timeout(PATIENCE) as limit:
            token = await in_thread(credential.get_token, scope)
    except Exception as error:
        await in_thread(forget_default_credential)
        if _is_of_the_network(error) and not limit.expired():
            raise _unreached("DefaultAzureCredential", error) from None
        near = key_variable.replace("_API_KEY", "_KEY")
        meant = f" ({near} is set, but nobody reads that)" if os.environ.get(near) else ""
        raise AuthenticationError(
            f"there is no key{meant} and nobody is signed in to Azure. Three ways in: (1) set {key_variable} "
            "(portal: the resource's Keys and Endpoint), (2) run `az login` in a terminal, or (3) give credential= any "
            f"credential of azure-identity, or a function that returns a token. {_attempts(error)}"
        ) from None
    return Proof(bearer(token, "DefaultAzureCredential"), _answered(credential), signed_in=True, scoped=True)


def default_credential(authority: str | None = None) -> Any:
    """Return azure-identity's `DefaultAzureCredential`, made when it is needed and kept while the settings stay.

    It remembers which of its ways worked, so that a reconnect need not try them all again.
    """
    settings = (authority, frozenset(i for i in os.environ.items() if i[0].startswith(("AZURE_", "IDENTITY_", "MSI_"))))
    with _making:
        if _default_credential and _default_credential[0][0] == settings:
            return _default_credential[0][1]
        forget_default_credential()
        from azure.identity import DefaultAzureCredential

        # It warns of each way that did not work; the message of ours names them.
        logging.getLogger("azure.identity").addHandler(logging.NullHandler())
        chosen = {"authority": authority} if authority and not os.environ.get("AZURE_AUTHORITY_HOST") else {}
        credential = DefaultAzureCredential(**chosen)
        _default_credential.append((settings, credential))
        return credential


def forget_default_credential() -> None:
    """Close the kept `DefaultAzureCredential`, so that the next connection begins anew."""
    with contextlib.suppress(IndexError):  # it may be called from several threads
        while True:
            _default_credential.pop()[1].close()


atexit.register(forget_default_credential)

_ATTEMPT = re.compile(r"^\s+(\w+Credential): (.*)$", re.MULTILINE)
_NOT_SET_UP = re.compile(
    r"unavailable|not found|not installed|could not be found|requires? |no accounts", re.IGNORECASE
)


def _attempts(error: Exception) -> str:
    """Say what was tried, and in its own words what was set up and failed all the same."""
    tried = _ATTEMPT.findall(str(error))
    if not tried:
        return f"({first_line(error)})"
    failed = [f"{name} said: {redact(said[:200])}" for name, said in tried if not _NOT_SET_UP.search(said)]
    return f"(Tried: {', '.join(name for name, _ in tried)}{'; ' if failed else ''}{'; '.join(failed)})"


async def _called(function: Callable[..., Any], *arguments: str) -> Any:
    """Call what may be a plain function, off the loop, or a coroutine function, on it."""
    if inspect.iscoroutinefunction(function):
        return await function(*arguments)
    result = await in_thread(function, *arguments)
    return await result if inspect.isawaitable(result) else result


def _name(credential: object) -> str:
    """Return the class of a credential, or the function's own name."""
    if isinstance(credential, TokenCredential) or not hasattr(credential, "__qualname__"):
        return type(credential).__name__
    name = str(credential.__qualname__)
    return "the token function" if "<lambda>" in name else name.partition(".<locals>")[0]


def _answered(credential: Any) -> str:
    """Return the name of the credential that answered, which chains keep to themselves."""
    while (inner := getattr(credential, "_successful_credential", None)) is not None:
        credential = inner
    return type(credential).__name__


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or its type; what looks like a secret is left out."""
    said = f"there is no {error}" if isinstance(error, KeyError) else str(error).strip()
    return redact((said.splitlines() or [type(error).__name__])[0][:200])
