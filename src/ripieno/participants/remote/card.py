"""A remote agent's card: fetched from where it is published, and compared with the one that was approved."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from ssl import SSLContext
from typing import Any, Final, cast
from urllib.parse import urlsplit

from ripieno.model.errors import DefinitionError, ToolError

__all__ = ["DIGEST", "changes", "check_url", "digest_of", "fetch_card", "is_near", "parsed", "trusted_roots"]

DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
WELL_KNOWN: Final = "/.well-known/agent-card.json"
LARGEST: Final = 1_000_000
SECONDS: Final = 20.0
NEAR: Final = ("localhost", "127.0.0.1", "::1")


def check_url(url: str, whose: str, *, secret: bool) -> None:
    """Raise `DefinitionError` for an address that no agent can have, or that a secret must not go to."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        msg = f"{whose}: url must be http or https and name a host, got {url!r}"
        raise DefinitionError(msg)
    if parts.username or parts.password:
        msg = f"{whose}: its url holds a user or password"
        raise DefinitionError(msg, remedy="declare secret='secret://...', which is opened at each call")
    if secret and parts.scheme == "http" and not is_near(url):
        msg = f"{whose}: a secret is not sent to {url!r}, which anybody on the way could read"
        raise DefinitionError(msg, remedy="use https")


def is_near(url: str) -> bool:
    """Tell whether an address is of this machine."""
    return (urlsplit(url).hostname or "") in NEAR


def card_url(url: str) -> str:
    """Give where the card of an agent at an address stands; one that ends in `.json` is it."""
    return url if urlsplit(url).path.endswith(".json") else url.rstrip("/") + WELL_KNOWN


@cache
def trusted_roots() -> SSLContext:
    """Give whom connections trust, read once."""
    import httpx  # noqa: PLC0415 - loaded by the first call

    return httpx.create_ssl_context()


async def fetch_card(url: str) -> dict[str, Any]:
    """Give the card that is published now; raises `ToolError` where there is none."""
    import httpx  # noqa: PLC0415 - loaded by the first call

    address = card_url(url)
    try:
        async with (
            httpx.AsyncClient(verify=trusted_roots(), timeout=SECONDS) as client,
            client.stream("GET", address, headers={"accept": "application/json"}) as answer,
        ):
            answer.raise_for_status()
            content = b""
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > LARGEST:
                    msg = f"the agent card at {address} has more than {LARGEST:,} bytes"
                    raise ToolError(msg)
        found: Any = json.loads(content)
    except (httpx.HTTPError, ValueError) as error:
        msg = f"no agent card at {address}: {error or type(error).__name__}"
        raise ToolError(msg) from error
    if not isinstance(found, dict):
        msg = f"the agent card at {address} is no JSON object"
        raise ToolError(msg)
    parsed(cast("dict[str, Any]", found))
    return cast("dict[str, Any]", found)


def digest_of(card: Mapping[str, Any]) -> str:
    """Give the digest of a whole card, whatever the order of its fields."""
    text = json.dumps(card, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()}"


def parsed(card: Mapping[str, Any]) -> Any:
    """Give a card as the SDK holds it, cards of A2A 0.3 included; raises `ToolError` for what is none."""
    from a2a.client.card_resolver import parse_agent_card  # noqa: PLC0415 - loaded by the first call

    try:
        found = parse_agent_card(copy.deepcopy(dict(card)))
    except Exception as error:  # of whatever kind a library raises at what it does not know
        msg = f"not an agent card: {error}"
        raise ToolError(msg) from error
    if not found.name or not found.supported_interfaces:
        msg = "not an agent card: it names no agent, or no interface"
        raise ToolError(msg)
    return found


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Give the fields of a card that are not what they were."""
    return sorted(field for field in {*before, *now} if before.get(field) != now.get(field))
