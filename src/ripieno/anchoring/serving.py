"""Checkpoints beside the work: while a process serves runs, and once more when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from ripieno.anchoring.rounds import ForkError, Round, Rounds
from ripieno.anchoring.settings import Anchoring
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel.clock import Clock
from ripieno.model.errors import RipienoError
from ripieno.model.event import Json, Kind
from ripieno.model.stop import EVERYTHING

__all__ = ["anchored", "record"]

LOOKS: Final = 2
"""How often it is looked within the time after which a commit has to be covered."""

log = structlog.get_logger(__name__)


@asynccontextmanager
async def anchored(
    store: SqliteStore, settings: Anchoring, clock: Clock | None = None
) -> AsyncGenerator[None]:
    """Sign and publish within `settings.every` seconds of each commit until the block is left."""
    rounds = Rounds(store.home, settings, clock)
    leaving = asyncio.Event()
    task = asyncio.create_task(keep(store, rounds, settings.every, leaving), name="ripieno checkpoints")
    try:
        yield
    finally:
        leaving.set()
        await task


async def keep(store: SqliteStore, rounds: Rounds, every: float, leaving: asyncio.Event) -> None:
    """Make a round whenever there is something to do; what goes wrong keeps nobody from working."""
    told: str | None = None
    refused = False
    while not leaving.is_set():
        try:
            async with asyncio.timeout(every / LOOKS):
                await leaving.wait()
        except TimeoutError:
            pass
        try:
            done = await asyncio.to_thread(rounds.turn)
            if done is not None:
                await record(store, done)
                told, refused = None, False
        except RipienoError as error:
            if str(error) != told:
                log.error("no checkpoint", error=str(error))  # noqa: TRY400 - the message says it all
                told = str(error)
            if isinstance(error, ForkError) and not refused:
                refused = True
                await store.record(EVERYTHING, "checkpoint.refused", {"problem": error.message})


async def record(store: SqliteStore, done: Round) -> None:
    """Put it into the system's log when a sink cannot be reached any more, or can be again."""
    for change in done.changes:
        failed = change.failed_at is not None
        kind: Kind = "sink.failed" if failed else "sink.restored"
        body: dict[str, Json] = {"sink": change.sink, "number": change.number}
        await store.record(EVERYTHING, kind, body | ({"problem": change.problem} if failed else {}))
