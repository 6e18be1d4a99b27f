"""What `ripieno serve --a2a` does: listens, and serves workflows as agents until it is told to end."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from ripieno.cli.output import note
from ripieno.cli.session import serving
from ripieno.cli.settings import Settings
from ripieno.cli.worker import serve_all
from ripieno.kernel.home import data_folder
from ripieno.model.errors import InputError
from ripieno.workflows.workflow import Workflow

__all__ = ["LOOPBACK", "Listening", "over_a2a"]

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Listening:
    """Where one listens, and what is let."""

    at: str
    port: int
    names: tuple[str, ...] = ()
    """Hosts that the server goes by beside this machine."""
    url: str | None = None
    """What others reach it by, where something stands in front of it."""
    push_to: tuple[str, ...] = ()
    open_to_all: bool = False
    wait: float = 50.0

    def check(self) -> None:
        """Raise `InputError` for what would let anybody in from elsewhere."""
        if self.open_to_all and self.at not in LOOPBACK:
            msg = f"whoever comes without a key is let in on this machine alone, not at {self.at!r}"
            raise InputError(
                msg, remedy="leave out --host, or --without-keys and make a key: ripieno keys create"
            )


async def over_a2a(settings: Settings, workflows: Sequence[Workflow], listening: Listening) -> None:
    """Serve workflows by A2A, and their runs, until interrupted; without any, what is in production."""
    import uvicorn  # noqa: PLC0415 - heavy

    from ripieno.api.a2a.app import application, signed_in  # noqa: PLC0415 - heavy
    from ripieno.api.a2a.push import allowed_prefix  # noqa: PLC0415 - heavy
    from ripieno.api.mcp.workflows import Given, Offered, in_production  # noqa: PLC0415 - loads workflows

    listening.check()
    push_to = [allowed_prefix(one) for one in listening.push_to]
    folder = data_folder(settings.home)
    family = socket.AF_INET6 if ":" in listening.at else socket.AF_INET
    with closing(socket.create_server((listening.at, listening.port), family=family)) as bound:
        async with serving(settings) as host:
            await serve_all(settings, host)
            for workflow in workflows:
                host.register(workflow)
            served = [Offered(one, Given(one)) for one in workflows]
            if not served:
                served = list(await in_production(host, settings.principal.tenant))
            if not served:
                msg = "there is nothing to serve: no workflow is named, and none is in production"
                raise InputError(msg, remedy="ripieno serve --a2a WORKFLOW, or ripieno workflows promote")
            shown = f"[{listening.at}]" if ":" in listening.at else listening.at
            url = (listening.url or f"http://{shown}:{bound.getsockname()[1]}").rstrip("/")
            by = settings.principal
            async with application(
                host,
                served,
                url=url,
                came=signed_in(host, by, open_to_all=listening.open_to_all),
                folder=folder,
                names=frozenset(listening.names),
                push_to=push_to,
                patience=listening.wait,
                without_keys=listening.open_to_all,
            ) as asgi:
                note(f"serves {', '.join(one.name for one in served)} at {url}")
                if listening.at not in LOOPBACK:
                    note("whoever is between reads the keys that are sent unless something in front encrypts")
                config = uvicorn.Config(
                    asgi,
                    lifespan="off",
                    interface="asgi3",
                    ws="none",
                    log_level="warning",
                    timeout_graceful_shutdown=3,
                )
                await until_told(uvicorn.Server(config), bound)


async def until_told(server: object, bound: socket.socket) -> None:
    """Run a server until the process is told to end."""
    import uvicorn  # noqa: PLC0415 - heavy

    assert isinstance(server, uvicorn.Server), "it is one"
    loop = asyncio.get_running_loop()

    def end() -> None:
        server.should_exit = True

    for told in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(told, end)
    await server._serve([bound])  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - `serve` takes the signals to itself
