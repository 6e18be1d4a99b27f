"""Addresses of systems: https except on this machine, and nowhere else than where they are declared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from ripieno.model.errors import DefinitionError, ToolError

__all__ = ["checked_base", "filled", "within"]

PLACE: Final = re.compile(r"\{([^{}]+)\}")


def checked_base(url: str, whose: str) -> str:
    """Give a base address without its last slash; raises `DefinitionError` for one that cannot be used."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or port == 0:
        msg = f"{whose}: expected an address such as https://api.example.com/v1, got {url!r}"
        raise DefinitionError(msg)
    if parts.query or parts.fragment:
        msg = f"{whose}: a base address has neither query nor fragment, got {url!r}"
        raise DefinitionError(msg)
    if parts.scheme == "http" and not local(parts.hostname):
        msg = f"{whose}: secrets and data are sent by https only, except to this machine; got {url!r}"
        raise DefinitionError(msg)
    return url.rstrip("/")


def local(host: str) -> bool:
    """Tell whether a host is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def filled(path: str, values: Mapping[str, Any]) -> str:
    """Fill the places of a path, `/users/{id}`; whatever is filled in stays one segment.

    Raises `ToolError` for what would lead elsewhere: nothing was sent.
    """

    def one(place: re.Match[str]) -> str:
        if place[1] not in values:
            msg = f"the path {path!r} needs {place[1]!r}"
            raise ToolError(msg)
        text = str(values[place[1]])
        if text in {"", ".", ".."}:
            msg = f"{place[1]} cannot be {text!r}: the path {path!r} would lead elsewhere"
            raise ToolError(msg)
        return quote(text, safe="")

    return PLACE.sub(one, path)


def within(base: str, url: str, current: str = "") -> str:
    """Give the full address of a link that a system gave, such as that of the next page.

    Raises `ToolError` for one outside of the system: secrets are not carried elsewhere.
    """
    mine = urlsplit(base)
    try:
        whole = urljoin(current or f"{base}/", url)
        theirs = urlsplit(whole)
        inside = origin(mine) == origin(theirs)
    except ValueError:
        msg = "the next page is said to be at what is no address"
        raise ToolError(msg, failure="bad_request") from None
    if not inside:
        msg = f"the next page is said to be at {theirs.scheme}://{theirs.netloc}, outside of {mine.netloc}"
        raise ToolError(msg, failure="bad_request")
    return whole


def origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    """Give scheme, host and port, also where the port is the usual one."""
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
