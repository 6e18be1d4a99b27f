"""Running workflows inside one's own program: a host over the data folder, opened where it is needed."""

from __future__ import annotations

import gc
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ripieno.anchoring.serving import anchored, not_behind
from ripieno.anchoring.settings import Anchoring
from ripieno.connectors.progress import PROGRESS
from ripieno.identity.directory import Directory
from ripieno.identity.local import local_operator
from ripieno.identity.reading import read_run
from ripieno.journal.store import Created
from ripieno.kernel.clock import Clock
from ripieno.kernel.home import data_folder, find_data_folder
from ripieno.kernel.host import Host
from ripieno.mediation.on_demand import governed
from ripieno.model.outcome import Outcome
from ripieno.model.principal import Principal
from ripieno.retention.serving import retained
from ripieno.telemetry.serving import observed
from ripieno.telemetry.settings import Telemetry

if TYPE_CHECKING:
    from ripieno.workflows.workflow import Workflow

__all__ = ["Handle", "open_host", "run", "start"]

ambient: ContextVar[Host | None] = ContextVar("ripieno_host", default=None)


COLLECTED_AFTER: Final = 10_000
"""So many objects are made, beyond those that go by themselves, before the collector looks at them."""


@asynccontextmanager
async def open_host(
    home: Path | None = None, *, clock: Clock | None = None, anchoring: Anchoring | None = None
) -> AsyncGenerator[Host]:
    """Serve workflows from this program until the block is left; runs started within share it.

    `home` is the data folder: by default `RIPIENO_HOME`, else the nearest `.ripieno` upwards, else
    one here. `anchoring` says when checkpoints of the log are signed, where they are published, and who is
    told of its events: by default as `RIPIENO_CHECKPOINT_EVERY`, `_ORIGIN` and `_SINKS`, and
    `RIPIENO_AUDIT_FEEDS` say. A collector of OpenTelemetry that the environment names is told what is done.
    Leaving awaits effects under way,
    leaves every run resumable, and signs what was committed. Raises `ForkError` where a sink has a
    checkpoint that the log lacks: what was done since would be done again.
    """
    anchoring, telemetry = anchoring or Anchoring.read(), Telemetry.read()
    folder = data_folder(home or find_data_folder())
    store = governed(folder, loaded=True)
    spare_the_collector()
    await store.open()
    try:
        await not_behind(store, anchoring)
        async with (
            anchored(store, anchoring, clock),
            retained(store, clock),
            observed(folder, telemetry, clock),
            Host(store, clock=clock) as host,
        ):
            token = ambient.set(host)
            try:
                with PROGRESS.serving(folder):
                    yield host
            finally:
                ambient.reset(token)
    finally:
        await close_connections()
        await store.close()


async def close_connections() -> None:
    """Close what connectors and models keep open for all runs of this event loop, where any was used."""
    models = sys.modules.get("ripieno.participants.llm.clients")
    if models is not None:
        await models.CLIENTS.close()
    mcp = sys.modules.get("ripieno.connectors.mcp.connection")
    if mcp is not None:
        await mcp.close_connections()


@cache
def spare_the_collector() -> None:
    """Tell the garbage collector, once, that what was imported lives as long as the process.

    Else it walks all of it again and again while runs come and go: a quarter of the time of a step. A run
    is some dozens of objects, so that it also comes more seldom than is usual: at the usual rate it looks
    at each run that is under way many times, and is a tenth of the time of a step.
    """
    gc.freeze()
    youngest, *older = gc.get_threshold()
    if youngest:  # whoever has turned it off has reasons
        gc.set_threshold(max(youngest, COLLECTED_AFTER), *older)


@dataclass(frozen=True, slots=True)
class Handle:
    """A run that was started: come back for its outcome, now or in another process."""

    run: str
    """The run's id."""
    existed: bool
    """True when the business key was taken: this is the run that has it."""

    async def outcome(self) -> Outcome:
        """Wait for the run to end, serving it meanwhile when this program is the one that does."""
        async with current_host() as host:
            return await host.outcome(self.run)


@asynccontextmanager
async def current_host() -> AsyncGenerator[Host]:
    host = ambient.get()
    if host is not None:
        yield host
        return
    async with open_host() as opened:
        yield opened


async def start(workflow: Workflow, value: object, *, key: str | None, principal: Principal | None) -> Handle:
    """Start a run, or give the one with this business key."""
    async with current_host() as host:
        by = principal or Directory(host.store).settled(local_operator())
        created = await started(host, workflow, value, key=key, by=by)
    return Handle(created.row.id, created.existed)


async def run(workflow: Workflow, value: object, *, key: str | None, principal: Principal | None) -> Outcome:
    """Start a run and wait for it to end."""
    async with current_host() as host:
        by = principal or Directory(host.store).settled(local_operator())
        created = await started(host, workflow, value, key=key, by=by)
        return await host.outcome(created.row.id)


async def started(
    host: Host, workflow: Workflow, value: object, *, key: str | None, by: Principal
) -> Created:
    """Give the run that was started, or has the key; `NotAllowedError` for what `by` may not be shown."""
    created = await host.start(workflow, value, principal=by, key=key)
    if created.existed and created.row.principal != by.id:
        await read_run(host.store, created.row, "run", by=by)
    return created
