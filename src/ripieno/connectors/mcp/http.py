"""A server at an address: what it answers is bounded, and each failure says whether anything was sent.

The library's transport ends every call under way when one of them meets a network error. Here such an error
becomes the answer to its own request, with a code of ours.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from time import time
from typing import TYPE_CHECKING, Any, Final, cast

import httpx2

from ripieno.connectors.mcp.codes import LOST, NOT_DONE, Told
from ripieno.connectors.mcp.server import McpServer, Revealing
from ripieno.model.errors import RipienoError
from ripieno.resilience.retry_after import retry_after

if TYPE_CHECKING:
    from mcp.client._transport import TransportStreams

__all__ = ["over_http"]

CONNECT_SECONDS: Final = 10.0
QUIET_SECONDS: Final = 600.0
"""How long a stream of a server may be silent; the deadline of a call ends it long before."""

ACCEPTED, REDIRECT, FAULTY, TIMED_OUT, BROKEN = 202, 300, 400, 408, 500


class UnreadableError(httpx2.StreamError):
    """An answer that breaks off or goes beyond the bound: the library then fails that request alone."""


@asynccontextmanager
async def over_http(server: McpServer, auth: httpx2.Auth | None) -> AsyncGenerator[TransportStreams]:
    """Speak with it by streamable HTTP; raises `SecretError` where a header's secret cannot be had."""
    from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415 - heavy

    assert server.url is not None, "a server without a command has a url"
    headers = {
        name: await Revealing.read(text, f"MCP server {server.name}: {name}").open()
        for name, text in server.headers.items()
    }
    async with (
        Telling(
            headers={"Accept-Encoding": "identity", **headers},
            timeout=httpx2.Timeout(CONNECT_SECONDS, read=QUIET_SECONDS),
            auth=auth,
            transport=Bounded(server.max_bytes),
            follow_redirects=False,
        ) as client,
        streamable_http_client(
            server.url, http_client=client, max_sse_event_size=server.max_bytes
        ) as streams,
    ):
        yield streams


class Telling(httpx2.AsyncClient):
    """A client that answers requests of the protocol itself where the server does not."""

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send it; what fails is an answer that says whether the request had an effect."""
        if request.method != "POST":
            return await super().send(request, **options)
        try:
            response = await super().send(request, **options)
        except httpx2.HTTPError as error:
            return failed(request, NOT_DONE if unsent(error) else LOST, f"{type(error).__name__}: {error}")
        except RipienoError as error:
            return failed(request, NOT_DONE, error.message)
        except Exception as error:  # noqa: BLE001 - what signing in raises, before the request itself counted
            return failed(request, NOT_DONE, f"{type(error).__name__}: {error}")
        if not asks(request):
            return response
        kind = response.headers.get("content-type", "").lower()
        return await telling(request, response, kind)


async def telling(request: httpx2.Request, response: httpx2.Response, kind: str) -> httpx2.Response:
    """Give an answer to a request of the protocol, or one of ours that says what became of it."""
    if response.status_code >= FAULTY:
        if kind.startswith("application/json") and await is_error(response):
            return response
        text = f"HTTP {response.status_code}"
        sure = response.status_code < BROKEN and response.status_code != TIMED_OUT
        wait = retry_after(response.headers, time(), limited=True)
        told = Told(response.status_code, wait)
        return failed(request, NOT_DONE if sure else LOST, text, told)
    if response.status_code >= REDIRECT:  # followed by the library where it stays within the server
        return response
    if response.status_code == ACCEPTED or not kind.startswith(("application/json", "text/event-stream")):
        await response.aclose()
        return failed(request, LOST, f"it answered HTTP {response.status_code} with {kind or 'nothing'}")
    return response


class Bounded(httpx2.AsyncHTTPTransport):
    """Answers have at most so many bytes; streams of events are bounded event by event."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Give an answer that cannot grow without end; its cookies are not kept."""
        response = await super().handle_async_request(request)
        response.headers.pop("set-cookie", None)
        packed = response.headers.get("content-encoding", "identity")
        if packed != "identity":  # nobody asked for it, and nobody knows how large it is
            await response.aclose()
            msg = f"it answered packed by {packed}"
            raise httpx2.RemoteProtocolError(msg, request=request)
        if not response.headers.get("content-type", "").lower().startswith("text/event-stream"):
            response.stream = Counted(cast("httpx2.AsyncByteStream", response.stream), self._limit)
        return response


class Counted(httpx2.AsyncByteStream):
    """A body of at most so many bytes."""

    def __init__(self, inner: httpx2.AsyncByteStream, limit: int) -> None:
        self._inner, self._limit = inner, limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen = 0
        try:
            async for chunk in self._inner:
                seen += len(chunk)
                if seen > self._limit:
                    msg = f"it sent an answer of more than {self._limit:,} bytes"
                    raise UnreadableError(msg)
                yield chunk
        except httpx2.TransportError as error:
            msg = f"its answer broke off: {type(error).__name__}"
            raise UnreadableError(msg) from error

    async def aclose(self) -> None:
        """Close the connection's body."""
        await self._inner.aclose()


def asks(request: httpx2.Request) -> bool:
    """Tell whether a message to the server wants an answer."""
    try:
        message = json.loads(request.content)
    except ValueError:
        return False
    return isinstance(message, dict) and "id" in message and "method" in message


def unsent(error: httpx2.HTTPError) -> bool:
    """Tell whether a request did certainly not reach anybody."""
    return isinstance(
        error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout | httpx2.UnsupportedProtocol
    )


async def is_error(response: httpx2.Response) -> bool:
    """Tell whether an answer is an error as the protocol has it."""
    try:
        body: Any = json.loads(await response.aread())
    except (ValueError, httpx2.HTTPError, httpx2.StreamError):
        return False
    return isinstance(body, dict) and isinstance(cast("dict[str, Any]", body).get("error"), dict)


def failed(request: httpx2.Request, code: int, message: str, told: Told | None = None) -> httpx2.Response:
    """Give the answer that says what became of a request."""
    said = {"code": code, "message": message, "data": (told or Told()).document()}
    error = {"jsonrpc": "2.0", "id": None, "error": said}
    return httpx2.Response((told and told.status) or BROKEN, json=error, request=request)
