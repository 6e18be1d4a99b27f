"""HTTP clients that keep to what is declared of the call under way, for tools and for providers of models.

They try nothing again by themselves: each attempt is a claim of its own, and is recorded.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator
from typing import Any, Final

from ripieno.model.errors import SettingsError
from ripieno.resilience.timing import connect_seconds, first_byte_seconds

__all__ = ["CONNECT_SECONDS", "client", "timed"]

CONNECT_SECONDS: Final = 10.0
"""Unless a call declares another."""

OF_TRANSPORT: Final = ("verify", "cert", "http1", "http2", "limits", "proxy")
"""What says how connections are made."""


def client(
    library: str = "httpx", *, most_bytes: int | None = None, packed: bool = False, **settings: Any
) -> Any:
    """Give an `AsyncClient` of `httpx`, or of `httpx2` where a provider's client wants one.

    Times for the connection and the first byte are those of the `Timeouts` declared of the call under way;
    the total is the call's own. `settings` are the client's: `base_url`, `headers`, `auth`, `transport` and
    so on. A proxy is given by `proxy=`; the environment's is not looked for. With `most_bytes` an answer that
    has more fails, as does one that is packed, of which nobody knows how large it is, unless it may be
    `packed`. Raises `SettingsError` without the library.
    """
    try:
        module: Any = importlib.import_module(library)
    except ImportError as error:
        msg = f"{library} is not installed"
        raise SettingsError(msg, remedy=f"pip install {library}") from error
    settings.setdefault("timeout", module.Timeout(None, connect=CONNECT_SECONDS))
    transport = settings.pop("transport", None)
    if transport is None:
        own = {name: settings.pop(name) for name in OF_TRANSPORT if name in settings}
        transport = module.AsyncHTTPTransport(**own)
    if most_bytes is not None and not packed:
        settings["headers"] = {"Accept-Encoding": "identity", **settings.get("headers", {})}
    return module.AsyncClient(transport=timed(module, transport, most_bytes, packed=packed), **settings)


def timed(module: Any, transport: Any, most_bytes: int | None = None, *, packed: bool = False) -> Any:
    """Give a transport of a library around another one, which keeps to the times of the call under way."""
    base: type[Any] = module.AsyncBaseTransport

    class Timed(base):
        """Sends as the transport within does, in the time that there is for it."""

        async def handle_async_request(self, request: Any) -> Any:
            """Send a request, and give its answer once the first byte is there."""
            connect, first_byte = connect_seconds(), first_byte_seconds()
            if connect is not None:
                known = dict(request.extensions.get("timeout", {}))
                request.extensions = {**request.extensions, "timeout": {**known, "connect": connect}}
            try:
                async with asyncio.timeout(first_byte):
                    answer = await transport.handle_async_request(request)
            except TimeoutError as error:
                msg = f"no answer began within {first_byte:g} s"
                raise module.ReadTimeout(msg, request=request) from error
            if most_bytes is None:
                return answer
            kind = answer.headers.get("content-encoding", "identity")
            if kind != "identity" and not packed:
                await answer.aclose()
                msg = f"an answer came packed by {kind}, which nobody asked for"
                raise module.RemoteProtocolError(msg, request=request)
            said = answer.headers.get("content-length", "")
            if said.isdecimal() and int(said) > most_bytes:
                await answer.aclose()
                raise module.RemoteProtocolError(too_much(most_bytes), request=request)
            answer.stream = counted(module, answer.stream, most_bytes)
            return answer

        async def aclose(self) -> None:
            """Close the transport within."""
            await transport.aclose()

    return Timed()


def too_much(most_bytes: int) -> str:
    """Say that an answer is larger than it may be."""
    return f"an answer of more than {most_bytes:,} bytes"


def counted(module: Any, stream: Any, most_bytes: int) -> Any:
    """Give a body that fails once it has had more than so many bytes."""
    base: type[Any] = module.AsyncByteStream

    class Counted(base):
        """Gives the pieces of the stream within."""

        async def __aiter__(self) -> AsyncIterator[bytes]:
            seen = 0
            async for piece in stream:
                seen += len(piece)
                if seen > most_bytes:
                    raise module.RemoteProtocolError(too_much(most_bytes))
                yield piece

        async def aclose(self) -> None:
            """Close the stream within."""
            await stream.aclose()

    return Counted()
