"""Retention beside the work: while a process serves runs, what was kept for long enough is erased."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from ripieno.journal.store import Store
from ripieno.kernel.clock import Clock, SystemClock
from ripieno.model.errors import RipienoError
from ripieno.retention.remembered import forget_over
from ripieno.retention.sweeping import AT_ONCE, Sweeper

__all__ = ["EVERY_SECONDS", "retained"]

EVERY_SECONDS: Final = 60.0
"""How often it is looked whether the time of anything is over."""

TURNS: Final = 20
"""So many portions of each tenant are gone through at a look; the next one goes on from there."""

log = structlog.get_logger(__name__)


@asynccontextmanager
async def retained(
    store: Store, clock: Clock | None = None, every: float = EVERY_SECONDS
) -> AsyncGenerator[None]:
    """Erase what was kept for long enough until the block is left."""
    leaving = asyncio.Event()
    sweeper = Sweeper(store, clock or SystemClock())
    task = asyncio.create_task(look(sweeper, every, leaving), name="ripieno retention")
    try:
        yield
    finally:
        leaving.set()
        await task


async def look(sweeper: Sweeper, every: float, leaving: asyncio.Event) -> None:
    """Look again and again; what goes wrong keeps nobody from working, and is told once."""
    told: str | None = None
    while not leaving.is_set():
        try:
            await go_round(sweeper, leaving)
            told = None
        except RipienoError as error:
            if str(error) != told:
                log.error("nothing is erased by its time", error=str(error))  # noqa: TRY400 - the message says it all
                told = str(error)
        try:
            async with asyncio.timeout(every):
                await leaving.wait()
        except TimeoutError:
            pass


async def go_round(sweeper: Sweeper, leaving: asyncio.Event) -> None:
    """Go through all tenants once, a portion at a time: whoever waits to commit comes between."""
    for tenant in sweeper.store.tenants():
        for _ in range(TURNS):
            if leaving.is_set() or (await sweeper.turn(tenant)).looked < AT_ONCE:
                break
        if not leaving.is_set():
            await forget_over(sweeper.store, tenant, sweeper.clock.now())
    await sweeper.store.scrub()
