"""A person signs in to a server, once, in a browser; calls are then made with the tokens that gave."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from ripieno.connectors.mcp.connection import Connection, imported
from ripieno.connectors.mcp.server import McpServer

__all__ = ["sign_in"]

PATIENCE_SECONDS = 300.0


async def sign_in(server: McpServer, show: Callable[[str], Awaitable[None]]) -> Sequence[str]:
    """Let a person sign in, and give the names of the tools that the server offers them.

    `show` is told the address of the page to open. Raises `UnreachableError` where nobody signs in.
    """
    imported()
    from ripieno.connectors.mcp.oauth import interactive  # noqa: PLC0415 - heavy

    auth = await interactive(server, show, within=PATIENCE_SECONDS)
    connection = Connection(server, auth=auth)
    try:
        await connection.ready(PATIENCE_SECONDS)
        return sorted((await connection.listing()).tools)
    finally:
        await connection.close()
