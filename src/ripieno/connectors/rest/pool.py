"""Connections that are kept for the calls of one event loop, and closed with it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from functools import cache
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from ripieno.resilience.http import client as timed_client

if TYPE_CHECKING:
    import httpx

__all__ = ["client"]

IDLE_SECONDS: Final = 15.0
LONGEST_SECONDS: Final = 30.0
"""Each call says for itself how long it may take."""

OPEN: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncGenerator[httpx.AsyncClient]]] = (
    WeakKeyDictionary()
)
CLIENTS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient]] = WeakKeyDictionary()


async def client() -> httpx.AsyncClient:
    """Give the client of this loop. A loop that ends closes its generators, and so its connections."""
    loop = asyncio.get_running_loop()
    found = CLIENTS.get(loop)
    if found is None or found.is_closed:
        OPEN[loop] = opened()
        found = CLIENTS[loop] = await anext(OPEN[loop])
    return found


async def opened() -> AsyncGenerator[httpx.AsyncClient]:
    """Keep a client open until the loop ends. It follows no redirect, and no proxy of the environment.

    It keeps to the times for the connection and the first byte that the tool of a call declares.
    """
    import httpx  # noqa: PLC0415 - a tenth of a second that only who calls a system pays

    limits = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=IDLE_SECONDS)
    async with timed_client(
        follow_redirects=False, trust_env=False, verify=trusted(), limits=limits, timeout=LONGEST_SECONDS
    ) as found:
        while True:
            yield found


@cache
def trusted() -> ssl.SSLContext:
    """Give what certificates of servers are verified by: read once, which takes a while."""
    return ssl.create_default_context()
