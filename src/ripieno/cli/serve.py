"""`ripieno serve`: workflows and tasks for others, by MCP and A2A."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from socket import socket
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ripieno.cli.definitions import find_workflow
from ripieno.cli.exits import Exit
from ripieno.cli.loops import run_through
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import note
from ripieno.cli.serve_a2a import LOOPBACK, Listening, over_a2a
from ripieno.cli.session import serving
from ripieno.cli.settings import Settings
from ripieno.cli.worker import serve_all
from ripieno.kernel.clock import SystemClock
from ripieno.kernel.home import data_folder
from ripieno.model.errors import InputError
from ripieno.workflows.workflow import Workflow

if TYPE_CHECKING:
    from ripieno.api.mcp.workflows import Offered
    from ripieno.kernel.host import Host
    from ripieno.model.principal import Principal

__all__ = ["serve"]


def serve(
    *workflows: str,
    mcp: Annotated[bool, Parameter(negative="")] = False,
    a2a: Annotated[bool, Parameter(negative="")] = False,
    stdio: Annotated[bool, Parameter(negative="")] = False,
    host: str = "127.0.0.1",
    port: int = 8807,
    name: Annotated[list[str] | None, Parameter(negative=())] = None,
    url: str | None = None,
    push_to: Annotated[list[str] | None, Parameter(negative=())] = None,
    without_keys: Annotated[bool, Parameter(negative="")] = False,
    wait: float = 50.0,
    options: Options = DEFAULTS,
) -> int:
    """Let others start workflows, see runs and answer tasks, each as themselves and through the gate.

    Over HTTP whoever comes sends an API key or a token; ripieno keys create makes a key. Over stdio it is
    whoever starts this command, by RIPIENO_API_KEY or RIPIENO_TOKEN where one of them is set.

    Parameters
    ----------
    workflows
        Files, objects or names, as ripieno run takes them; without any, all that are in production.
    mcp
        As tools of an MCP server: at /mcp, or over stdio.
    a2a
        As agents of the Agent2Agent protocol, with a card at /.well-known/agent-card.json.
    stdio
        Speak over stdin and stdout with whoever has started this.
    host
        The address to listen at. Beyond this machine keys pass in the clear unless what is in front encrypts.
    port
        The port to listen at; 0 takes a free one.
    name
        A host name that the server is known by beside this machine. May be given several times.
    url
        By A2A: what others reach it by, where something stands in front of it; cards say so.
    push_to
        By A2A: an address below which clients may have changes sent. May be given several times.
    without_keys
        By A2A: take whoever comes without a key for you; on this machine alone.
    wait
        Seconds that a caller is let wait for a run to end, or to wait for people.

    """
    if mcp == a2a:
        msg = "by which protocol?"
        raise InputError(msg, remedy="ripieno serve --mcp, or ripieno serve --a2a")
    if a2a:
        listening = Listening(
            host, port, tuple(name or ()), url, tuple(push_to or ()), open_to_all=without_keys, wait=wait
        )
        return by_a2a(options.settle(), [find_workflow(text) for text in workflows], listening)
    if find_spec("mcp") is None:
        msg = "serving by MCP needs the extra 'mcp', which is not installed"
        raise InputError(msg, remedy="pip install 'ripieno[mcp]'")
    settings = options.settle()
    found = [find_workflow(text) for text in workflows]
    serving_ = Serving(settings, wait)
    try:
        if stdio:
            run_through(serving_.over_stdio(found))
        else:
            run_through(serving_.over_http(found, host, port, tuple(name or ())))
    except KeyboardInterrupt:
        note("stopped; every run can go on from where it stands")
    return Exit.OK


def by_a2a(settings: Settings, workflows: Sequence[Workflow], listening: Listening) -> int:
    """Serve by A2A until interrupted."""
    if find_spec("a2a") is None or find_spec("uvicorn") is None:
        msg = "serving by A2A needs the extra 'a2a', which is not installed"
        raise InputError(msg, remedy="pip install 'ripieno[a2a]'")
    run_through(over_a2a(settings, workflows, listening))
    note("stopped; every run can go on from where it stands")
    return Exit.OK


class Serving:
    """What is served, from when the data folder is open."""

    def __init__(self, settings: Settings, wait: float) -> None:
        self._settings, self._wait = settings, wait

    async def over_stdio(self, workflows: Sequence[object]) -> None:
        """Serve whoever has started this, until stdin ends."""
        from mcp.server.stdio import stdio_server  # noqa: PLC0415 - heavy

        from ripieno.api.mcp.acts import Acts  # noqa: PLC0415 - heavy
        from ripieno.api.mcp.server import served  # noqa: PLC0415 - heavy

        data_folder(self._settings.home)
        async with serving(self._settings) as host:
            log_to_stderr()
            offered = await self._offered(host, workflows)

            async def who(context: object) -> Principal:
                del context
                return await self._who(host)

            server = served(Acts(host, patience=self._wait), offered, who)
            note(f"serves {', '.join(one.name for one in offered) or 'tasks alone'} over stdio")
            async with stdio_server() as (incoming, outgoing):
                await server.run(incoming, outgoing, server.create_initialization_options())

    async def over_http(
        self, workflows: Sequence[object], at: str, port: int, names: tuple[str, ...]
    ) -> None:
        """Serve over HTTP until interrupted."""
        import uvicorn  # noqa: PLC0415 - heavy

        from ripieno.api.mcp.acts import Acts  # noqa: PLC0415 - heavy
        from ripieno.api.mcp.http import app, who_came  # noqa: PLC0415 - heavy
        from ripieno.api.mcp.server import served  # noqa: PLC0415 - heavy

        data_folder(self._settings.home)
        async with serving(self._settings) as host:
            offered = await self._offered(host, workflows)
            server = served(Acts(host, patience=self._wait), offered, who_came)
            names = names if at in LOOPBACK else (at, *names)
            asgi = app(server, host, by=self._settings.principal, names=names)
            what = ", ".join(one.name for one in offered) or "tasks alone"

            class Telling(uvicorn.Server):
                async def startup(self, sockets: list[socket] | None = None) -> None:
                    await super().startup(sockets)
                    listening = [one for server in self.servers for one in server.sockets]
                    if listening:
                        note(f"serves {what} at http://{at}:{listening[0].getsockname()[1]}/mcp")

            if at not in LOOPBACK:
                note("whoever is between reads the keys that are sent, unless something in front encrypts")
            await Telling(
                uvicorn.Config(asgi, host=at, port=port, log_level="warning", lifespan="on")
            ).serve()

    async def _offered(self, host: Host, workflows: Sequence[object]) -> list[Offered]:
        from ripieno.api.mcp.workflows import Given, Offered, in_production  # noqa: PLC0415 - as above
        from ripieno.workflows.workflow import Workflow  # noqa: PLC0415 - as above

        await serve_all(self._settings, host)
        if not workflows:
            return list(await in_production(host, self._settings.principal.tenant))
        given = [one for one in workflows if isinstance(one, Workflow)]
        for one in given:
            host.register(one)
        return [Offered(one, Given(one)) for one in given]

    async def _who(self, host: Host) -> Principal:
        from ripieno.identity.sign_in import sign_in  # noqa: PLC0415 - as above

        settings = self._settings
        return await sign_in(
            host.store,
            SystemClock(),
            settings.claimed,
            settings.credential,
            tenant=settings.tenant,
            home=settings.home,
        )


def log_to_stderr() -> None:
    """Keep logs off stdout, which belongs to the protocol."""
    import structlog  # noqa: PLC0415 - as above

    structlog.configure(logger_factory=structlog.WriteLoggerFactory(sys.stderr))
