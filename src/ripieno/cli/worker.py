"""`ripieno worker`: a process that serves the runs of a data folder."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from ripieno.cli.definitions import load_registered
from ripieno.cli.exits import Exit
from ripieno.cli.loops import run_through
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import note
from ripieno.cli.session import serving
from ripieno.cli.settings import Settings
from ripieno.journal.records import RunFilter, RunStatus
from ripieno.kernel.clock import MICROSECONDS
from ripieno.kernel.home import data_folder
from ripieno.kernel.host import Host
from ripieno.model.errors import RipienoError

__all__ = ["serve_all", "start_worker", "worker"]

SOON_SECONDS: Final = 60
"""A timer due within this time is worth staying for."""

GRACE_SECONDS: Final = 25
"""How long one that was told to end stays for what is at work; service managers kill after 30 s or more."""

IDLE_LOOKS: Final = 3
LOOK_SECONDS: Final = 0.2
GOING: Final[tuple[RunStatus, ...]] = ("running",)


def worker(
    *,
    until_idle: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> int:
    """Serve the runs of the data folder until interrupted.

    Every registered version of every workflow is served whose code is still there as it was.

    Parameters
    ----------
    until_idle
        End as soon as nothing runs and nothing is due within a minute.

    """
    settings = options.settle()
    try:
        run_through(serve(settings, until_idle=until_idle))
    except KeyboardInterrupt:
        note("stopped; every run can go on from where it stands")
        return Exit.OK if until_idle else Exit.INTERRUPTED
    return Exit.OK


async def serve(settings: Settings, *, until_idle: bool) -> None:
    """Serve, taking in versions as they are registered."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with serving(settings) as host:
        note(f"serving {settings.home}")
        versions = Versions(settings, host)
        idle = 0
        while not stop.is_set():
            await versions.look()
            idle = idle + 1 if until_idle and await at_rest(settings, host) else 0
            if idle >= IDLE_LOOKS:
                return
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await stop.wait()
            except TimeoutError:
                continue
        await leave(host, stop)


async def leave(host: Host, stop: asyncio.Event) -> None:
    """Take up nothing new and finish what is at work; told again, or after a while, leave it as it stands.

    What does not end then, a thread that nobody can interrupt say, must not keep the process: it is left
    as a crash would leave it, and taken up elsewhere.
    """
    note(f"finishes what is at work, for at most {GRACE_SECONDS} s; told again to end, it ends at once")
    stop.clear()
    draining = asyncio.create_task(host.drain(GRACE_SECONDS))
    told_again = asyncio.create_task(stop.wait())
    await asyncio.wait([draining, told_again], return_when=asyncio.FIRST_COMPLETED)
    told_again.cancel()
    if not draining.done() or not draining.result():
        note("ended; what it was at goes on from where it stands")
        sys.stderr.flush()
        os._exit(Exit.INTERRUPTED)


class Versions:
    """The registered versions, each tried once."""

    def __init__(self, settings: Settings, host: Host) -> None:
        self._tenant = settings.principal.tenant
        self._host = host
        self._tried: set[str] = set()

    async def look(self) -> None:
        """Serve the versions that were registered since the last look."""
        self._host.loading = True
        try:
            await self._serve_new()
        finally:
            self._host.loading = False

    async def _serve_new(self) -> None:
        for row in await self._host.store.versions(self._tenant):
            if row.version in self._tried:
                continue
            self._tried.add(row.version)
            try:
                workflow = await load_registered(self._host.store, row)
            except RipienoError as error:
                note(f"cannot serve {row.workflow} {row.version[:12]}: {error}")
                continue
            if workflow is not None:
                self._host.register(workflow)
                note(f"serves {row.workflow} {row.version[:12]}")


async def serve_all(settings: Settings, host: Host) -> None:
    """Serve every registered version whose code is there, once."""
    await Versions(settings, host).look()


async def at_rest(settings: Settings, host: Host) -> bool:
    """Tell whether nothing runs here and nothing is due soon."""
    store = host.store
    if await store.runs(RunFilter(tenant=settings.principal.tenant, statuses=GOING, limit=1)):
        return False
    if await store.ready(tuple(host.definitions), 1):
        return False
    due = await store.fire_timers(host.clock.now())
    return due is None or due > host.clock.now() + SOON_SECONDS * MICROSECONDS


def start_worker(settings: Settings) -> Path:
    """Start a worker that outlives this process; give the file that it writes to."""
    logs = data_folder(settings.home) / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    log = logs / "worker.log"
    with log.open("ab") as stream:
        subprocess.Popen(  # noqa: S603 - our own command
            worker_command(settings.home, "--until-idle"),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            env={
                **os.environ,
                "RIPIENO_HOME": str(settings.home),
                "RIPIENO_TENANT": settings.principal.tenant,
                "NO_COLOR": "1",
            },
        )
    return log


def worker_command(home: Path, *more: str) -> Sequence[str]:
    """Give the command that starts a worker with this Python."""
    return [sys.executable, "-m", "ripieno.cli", "worker", "--home", str(home), *more]
