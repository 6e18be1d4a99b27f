"""HTTP clients that keep to what is declared of the call under way, for tools and for providers of models.

They try nothing again by themselves: each attempt is a claim of its own, and is recorded.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import Any, Final

from ripieno.model.errors import SettingsError
from ripieno.resilience.timing import connect_seconds, first_byte_seconds

__all__ = ["client", "timed"]

CONNECT_SECONDS: Final = 10.0
"""Unless a call declares another."""

OF_TRANSPORT: Final = ("verify", "cert", "http1", "http2", "limits", "proxy")
"""What says how connections are made."""


def client(library: str = "httpx", **settings: Any) -> Any:
    """Give an `AsyncClient` of `httpx`, or of `httpx2` where a provider's client wants one.

    Times for the connection and the first byte are those of the `Timeouts` declared of the call under way;
    the total is the call's own. `settings` are the client's: `base_url`, `headers`, `auth`, `transport` and
    so on. A proxy is given by `proxy=`; the environment's is not looked for. Raises `SettingsError` without
    the library.
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
    return module.AsyncClient(transport=timed(module, transport), **settings)


def timed(module: Any, transport: Any) -> Any:
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
                    return await transport.handle_async_request(request)
            except TimeoutError as error:
                msg = f"no answer began within {first_byte:g} s"
                raise module.ReadTimeout(msg, request=request) from error

        async def aclose(self) -> None:
            """Close the transport within."""
            await transport.aclose()

    return Timed()
