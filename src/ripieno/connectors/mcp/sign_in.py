"""A person signs in to a server, once, in a browser; calls are then made with the tokens that gave."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from ripieno.connectors.mcp.connection import DEFAULT_TENANT, Connection, imported
from ripieno.connectors.mcp.server import McpServer

__all__ = ["sign_in", "sign_out"]

PATIENCE_SECONDS = 300.0


async def sign_in(
    server: McpServer, show: Callable[[str], Awaitable[None]], *, tenant: str = DEFAULT_TENANT
) -> Sequence[str]:
    """Let a person sign in for a tenant, and give the names of the tools that the server offers them.

    `show` is told the address of the page to open. Raises `UnreachableError` where nobody signs in.
    """
    imported()
    from ripieno.connectors.mcp.oauth import interactive  # noqa: PLC0415 - heavy

    auth = await interactive(server, show, tenant=tenant, within=PATIENCE_SECONDS)
    connection = Connection(server, auth=auth)
    try:
        await connection.ready(PATIENCE_SECONDS)
        return sorted((await connection.listing()).tools)
    finally:
        await connection.close()


async def sign_out(server: McpServer, *, tenant: str = DEFAULT_TENANT) -> bool:
    """Forget the tokens of a tenant for a server, and have the issuer forget them where it can.

    Connections that go on by them are not used for another call. Tells whether anybody had signed in.
    """
    imported()
    from ripieno.connectors.mcp.oauth import forget  # noqa: PLC0415 - heavy

    return await forget(server, tenant)
