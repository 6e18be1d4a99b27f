"""A connection to a server, shared by all calls and runs of a process, and opened anew when it was lost.

A task of its own opens and closes each, since what the library opens has to be closed where it was opened.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakKeyDictionary

import structlog

from ripieno.connectors.mcp.asking import Elicited
from ripieno.connectors.mcp.definition import ToolDefinition
from ripieno.connectors.mcp.sampling import NOT_HAD
from ripieno.connectors.mcp.server import McpServer, Revealing
from ripieno.model.durations import seconds
from ripieno.model.errors import AuthenticationError, DefinitionError, NotSentError, RipienoError, ToolError

if TYPE_CHECKING:
    import httpx2
    from mcp import Client

__all__ = [
    "DEFAULT_TENANT",
    "Connection",
    "UnreachableError",
    "close_connections",
    "connected",
    "imported",
    "key_of",
]

PAGES: Final = 50
TOOLS: Final = 2_000
DEFAULT_TENANT: Final = "default"

log = structlog.get_logger("ripieno.connectors.mcp")


class UnreachableError(NotSentError):
    """A server that is not there, or does not say what it offers; nothing was sent to a tool."""

    code = "unreachable"


@dataclass(frozen=True, slots=True)
class Listing:
    """What a server offers, and when it said so."""

    tools: Mapping[str, ToolDefinition]
    unusable: Mapping[str, str]
    """Why, by name, of tools that nobody could call."""
    at: float


def imported() -> None:
    """Have the library; raises `DefinitionError` where it is not installed."""
    if find_spec("mcp") is None:
        msg = "MCP servers need the extra 'mcp', which is not installed"
        raise DefinitionError(msg, remedy="pip install 'ripieno[mcp]'")


class Connection:
    """One connection to one server."""

    def __init__(
        self, server: McpServer, tenant: str = DEFAULT_TENANT, *, auth: httpx2.Auth | None = None
    ) -> None:
        self.server = server
        self._tenant = tenant
        """By whose tokens one is known to it, where somebody has signed in."""
        self._auth = auth
        """What makes one known to it in place of what is declared: somebody who signs in."""
        self.elicited: Elicited | None = None
        """What is asked within the call under way, by a protocol in which a server asks within calls."""
        self.alone = asyncio.Lock()
        """Held for such a call, so that it is known which call a question belongs to."""
        self.calls = 0
        """How many are under way."""
        self.used_at = time.monotonic()
        self.gone: str | None = None
        """Why it cannot be used any more."""
        self._client: Client | None = None
        self._listing: Listing | None = None
        self._changed = True
        self._listed = asyncio.Lock()
        """Held while the server is asked what it offers, so that many calls ask once."""
        self._leave = asyncio.Event()
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._owner = asyncio.create_task(self._own(), name=f"mcp {server.name}")

    @property
    def client(self) -> Client:
        """The library's client; once it is ready."""
        assert self._client is not None, "it is ready"
        return self._client

    @property
    def signed_out(self) -> bool:
        """Whether the tokens by which one is known to it are not kept any more."""
        return bool(getattr(self._auth, "signed_out", False))

    @property
    def modern(self) -> bool:
        """Whether a call that needs something ends by saying so: the protocol of 2026-07-28 and later."""
        from mcp_types.version import MODERN_PROTOCOL_VERSIONS  # noqa: PLC0415 - heavy

        return self.client.protocol_version in MODERN_PROTOCOL_VERSIONS

    async def ready(self, within: float | None = None) -> None:
        """Wait until it can be used, at most as long as declared; raises `UnreachableError`."""
        within = within or seconds(self.server.start_within)
        try:
            async with asyncio.timeout(within):
                await asyncio.shield(self._ready)
        except TimeoutError:
            self.lost(f"it said nothing within {within:g} s")
            raise self.unreachable() from None

    def unreachable(self) -> ToolError:
        """Give what says why it cannot be used."""
        if self.gone is not None and self.gone.endswith("HTTP 401"):
            return AuthenticationError(f"MCP server {self.server.name} does not know who comes: {self.gone}")
        return UnreachableError(
            f"MCP server {self.server.name} cannot be used: {self.gone}",
            remedy=f"look at whether it is there: {self.server.at}",
            failure="connection",
        )

    def lost(self, why: str) -> None:
        """Say that it cannot be used any more; calls under way are told, and the next opens another."""
        if self.gone is None:
            log.warning("mcp_server_lost", server=self.server.name, reason=why)
        self.leave(why)

    def retire(self, why: str) -> None:
        """Let nobody begin anything on it, and close it once what is under way has ended."""
        self.gone = self.gone or why
        if self.calls == 0:
            self._leave.set()

    def leave(self, why: str) -> None:
        """Let it be closed; one that is not ready yet waits for what may never come."""
        self.gone = self.gone or why
        self._leave.set()
        if not self._ready.done() and self._owner is not asyncio.current_task():
            self._owner.cancel()

    async def close(self) -> None:
        """Close it and await that."""
        self.leave("it was closed")
        await self.closed()

    async def closed(self) -> None:
        """Wait until nothing of it is left."""
        await asyncio.wait([self._owner])

    async def _own(self) -> None:
        from mcp import Client  # noqa: PLC0415 - heavy
        from mcp_types import Implementation  # noqa: PLC0415 - heavy

        why = "its connection ended"
        try:
            async with AsyncExitStack() as stack:
                transport = await self._transport()
                self._client = await stack.enter_async_context(
                    Client(
                        transport,
                        mode=self.server.protocol,
                        client_info=Implementation(name="ripieno", version=version()),
                        elicitation_callback=self._asked if self.server.elicitation is not None else None,
                        sampling_callback=self._sampled if self.server.sampling is not None else None,
                        message_handler=self._told,
                        cache=None,
                    )
                )
                if self.modern and self._tells_of_changes():
                    listening = asyncio.create_task(self._listen(), name=f"mcp {self.server.name} changes")
                    stack.callback(listening.cancel)
                if not self._ready.done():
                    self._ready.set_result(None)
                await self._leave.wait()
        except asyncio.CancelledError:
            self.leave("the program ends")
            raise
        except RipienoError as error:
            why = error.message
        except Exception as error:  # noqa: BLE001 - whatever a server or the library raises, it is not there
            why = said(error)
        finally:
            if self.gone is None:
                self.lost(why)
            if not self._ready.done():
                self._ready.set_exception(self.unreachable())
                self._ready.exception()  # whoever waited may have gone

    async def _transport(self) -> Any:
        if self.server.url is not None:
            from ripieno.connectors.mcp.http import over_http  # noqa: PLC0415 - heavy
            from ripieno.connectors.mcp.oauth import signed_in  # noqa: PLC0415 - heavy

            self._auth = self._auth or await signed_in(self.server, self._tenant)
            return over_http(self.server, self._auth)
        from ripieno.connectors.mcp.stdio import over_stdio  # noqa: PLC0415 - only for commands

        given = {
            name: await Revealing.read(text, f"MCP server {self.server.name}: {name}").open()
            for name, text in self.server.environment.items()
        }
        return over_stdio(self.server, given, self.lost)

    def _tells_of_changes(self) -> bool:
        tools = self.client.server_capabilities.tools
        return tools is not None and bool(tools.list_changed)

    async def _listen(self) -> None:
        """Hear of changes by the protocol in which one has to ask for that."""
        with suppress(Exception):  # a server that does not let anybody listen is listed by age alone
            async with self.client.listen(tools_list_changed=True) as events:
                async for _ in events:
                    self._changed = True

    async def _told(self, message: Any) -> None:
        from mcp_types import ToolListChangedNotification  # noqa: PLC0415 - heavy

        if isinstance(message, ToolListChangedNotification):
            self._changed = True

    async def _asked(self, context: Any, params: Any) -> Any:
        from mcp_types import ElicitResult  # noqa: PLC0415 - heavy

        del context
        return ElicitResult(action="cancel") if self.elicited is None else self.elicited.answer(params)

    async def _sampled(self, context: Any, params: Any) -> Any:
        from mcp_types import ErrorData  # noqa: PLC0415 - heavy

        del context
        if self.elicited is None:
            return ErrorData(code=NOT_HAD, message="no call is under way")
        return self.elicited.sample(params)

    # -- what it offers ----------------------------------------------------------------------------

    async def listing(self, *, anew: bool = False) -> Listing:
        """Give what the server offers: asked again once it has said that it changed, and after a while."""
        async with self._listed:
            now, kept = time.monotonic(), self._listing
            old = kept is None or now - kept.at >= seconds(self.server.relist)
            if kept is None or old or anew or self._changed:
                self._changed = False
                try:
                    async with asyncio.timeout(seconds(self.server.start_within)):
                        kept = self._listing = await self._list(now)
                except (Exception, asyncio.CancelledError) as error:
                    self._changed = True
                    if isinstance(error, asyncio.CancelledError | ToolError):
                        raise
                    self.lost(f"it does not say what it offers: {said(error)}")
                    raise self.unreachable() from error
            return kept

    async def _list(self, now: float) -> Listing:
        import mcp_types as types  # noqa: PLC0415 - heavy

        from ripieno.connectors.mcp.wire import WholeTools  # noqa: PLC0415 - heavy

        session = self.client.session
        tools: dict[str, ToolDefinition] = {}
        unusable: dict[str, str] = {}
        cursor: str | None = None
        for _ in range(PAGES):
            params = types.PaginatedRequestParams(cursor=cursor)
            page = await session.send_request(types.ListToolsRequest(params=params), WholeTools)
            parsed = types.ListToolsResult.model_validate({"tools": page.tools}, by_name=False)
            # what the library reads from a listing it keeps by itself: which arguments go into headers
            session._absorb_tool_listing(parsed, complete=False)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - it lists without giving the whole
            usable = {tool.name for tool in parsed.tools}
            for whole in page.tools:
                try:
                    found = ToolDefinition.read(whole, self.server.name)
                except DefinitionError as error:
                    unusable[str(whole.get("name"))] = error.message
                    continue
                if found.name not in usable:
                    unusable[found.name] = "it asks for headers that no request may have"
                elif found.name in tools:
                    unusable[found.name] = "it is there twice"
                else:
                    tools[found.name] = found
            cursor = page.next_cursor
            if cursor is None or len(tools) > TOOLS:
                break
        else:
            log.warning("mcp_server_lists_without_end", server=self.server.name, pages=PAGES)
        for name in unusable:
            tools.pop(name, None)
        return Listing(tools, unusable, now)


def said(error: BaseException) -> str:
    """Say what an error is, past the groups that it may be in."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    text = str(getattr(error, "message", "") or error).strip().replace("\n", " ")
    return (
        text if text and isinstance(error, RipienoError) else f"{type(error).__name__}: {text}".rstrip(": ")
    )


def version() -> str:
    """Give our version, as servers are told."""
    from importlib.metadata import version as of  # noqa: PLC0415 - read once a connection

    return of("ripieno")


# -- those of this process -------------------------------------------------------------------------


def key_of(server: McpServer, tenant: str) -> str:
    """Give by what a connection is found: one by the tokens of a person is of one tenant alone."""
    return f"{tenant} {server!r}" if server.of_a_person else repr(server)


class Connections:
    """The connections of one event loop, one for each server."""

    def __init__(self) -> None:
        self.open: dict[str, Connection] = {}
        """By the server as it is declared, and by whose tokens one is known to it: see `key_of`."""
        self._sweeping: asyncio.TimerHandle | None = None

    def get(self, server: McpServer, tenant: str) -> Connection:
        """Give the one to a server, another where it was lost, or whoever signed in has signed out."""
        key = key_of(server, tenant)
        found = self.open.get(key)
        if found is not None and found.signed_out:
            found.retire("whoever signed in has signed out")
        if found is None or found.gone is not None:
            found = self.open[key] = Connection(server, tenant)
            self._sweep_later(seconds(server.idle))
        return found

    def _sweep_later(self, after: float) -> None:
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(after, self._sweep)

    def _sweep(self) -> None:
        """Close what nothing has been asked of for a while."""
        self._sweeping = None
        now = time.monotonic()
        for key, one in list(self.open.items()):
            if one.calls == 0 and now - one.used_at >= seconds(one.server.idle):
                one.leave("nothing was asked of it for a while")
            if one.gone is not None:
                del self.open[key]
        if self.open:
            self._sweep_later(min(seconds(one.server.idle) for one in self.open.values()))

    async def close(self) -> None:
        """Close all that nothing is asked of."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        free = [one for one in self.open.values() if one.calls == 0]
        self.open = {key: one for key, one in self.open.items() if one.calls}
        await asyncio.gather(*(one.close() for one in free))


OF_LOOPS: WeakKeyDictionary[asyncio.AbstractEventLoop, Connections] = WeakKeyDictionary()


@asynccontextmanager
async def connected(server: McpServer, tenant: str = DEFAULT_TENANT) -> AsyncGenerator[Connection]:
    """Give the connection to a server; raises `UnreachableError`, and `SecretError` as opening one does.

    `tenant`: by whose tokens, where somebody signs in to it.
    """
    imported()
    loop = asyncio.get_running_loop()
    connection = OF_LOOPS.setdefault(loop, Connections()).get(server, tenant)
    connection.calls += 1
    try:
        await connection.ready()
        yield connection
    finally:
        connection.calls -= 1
        connection.used_at = time.monotonic()
        if connection.gone is not None:
            connection.retire(connection.gone)


async def close_connections() -> None:
    """Close the connections of this event loop that nothing is asked of."""
    connections = OF_LOOPS.get(asyncio.get_running_loop())
    if connections is not None:
        await connections.close()
