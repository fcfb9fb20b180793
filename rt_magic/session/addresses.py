"""Addresses of services: read however they were copied, and what opens one connection."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from rt_magic.exceptions import ConfigurationError
from rt_magic.wire.addresses import is_azure_host


@dataclass(frozen=True, slots=True)
class Address:
    """Where one connection goes, and the headers that open it; they hold a key or token and are never shown."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    credential: str = "key"
    """The name of what the headers were made of."""
    signed_in: bool = False
    """True where a token is sent, not a key."""
    scoped: bool = False
    """True where the token's audience is ours to choose, and may be the wrong one."""
    proxied: bool = True
    """False for what must not leave this machine, whatever proxy the environment names."""


def socket_address(address: str) -> str:
    """Return `ws(s)://host[:port]` of any address that one can copy; unencrypted for this machine only.

    Path, query and trailing parts are left out: they belong to other services, or to versions that are gone.
    """
    parts = split(address)
    if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname:
        raise ConfigurationError(
            f"{address!r} is not the address of a service; write it as https://host or ws://127.0.0.1:8000"
        )
    secure = parts.scheme in ("https", "wss")
    if not secure and not is_loopback(parts.hostname):
        better = f"{'https' if parts.scheme == 'http' else 'wss'}://{host_of(address)}"
        raise ConfigurationError(
            f"{address!r} would send speech over an unencrypted connection; write {better} "
            "(unencrypted is for this machine only)"
        )
    return f"{'wss' if secure else 'ws'}://{host_of(address)}"


# What stands before the host, or a field of the query that is called like a secret.
_SECRET = re.compile(r"//[^/?#]*@|[?&][\w-]*(key|token|secret|password|signature)[\w-]*=", re.IGNORECASE)


def split(address: str) -> SplitResult:
    """Return the parts of an address as people copy them; ConfigurationError where it is none or holds a secret."""
    address = address.strip(" \t\r\n'\"`<>")
    if _SECRET.search(address):
        raise ConfigurationError(
            "the address holds a key or a password, which would be shown with it; leave that out and give api_key="
        )
    try:
        parts = urlsplit(address if "://" in address else f"https://{address}")
        _ = parts.port  # which is read when it is asked for
    except ValueError as error:
        raise ConfigurationError(f"{address!r} is not an address: {error}") from None
    return parts


def host_of(address: str) -> str:
    """Return host and port of an address."""
    return split(address).netloc.rpartition("@")[2].lower()


def is_loopback(host: str) -> bool:
    """Tell whether a host name is this machine's own."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_azure(address: str) -> bool:
    """Tell whether an address is of an Azure host, sovereign clouds included."""
    return is_azure_host(split(address).hostname or "")
