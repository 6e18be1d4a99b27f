"""Checkpoints beside the work: while a process serves runs, and once more when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from ripieno.anchoring.elsewhere import compare
from ripieno.anchoring.feeds import Feeds
from ripieno.anchoring.rounds import ForkError, Round, Rounds
from ripieno.anchoring.settings import Anchoring
from ripieno.journal.sql.store import SqlStore
from ripieno.kernel.clock import Clock
from ripieno.model.errors import RipienoError
from ripieno.model.event import Json, Kind
from ripieno.model.stop import EVERYTHING

__all__ = ["anchored", "not_behind", "record"]

LOOKS: Final = 2
"""How often it is looked within the time after which a commit has to be covered."""

TELL_SECONDS: Final = 1.0
"""How often others are told."""

log = structlog.get_logger(__name__)


@asynccontextmanager
async def anchored(store: SqlStore, settings: Anchoring, clock: Clock | None = None) -> AsyncGenerator[None]:
    """Sign and publish within `settings.every` seconds of each commit until the block is left."""
    rounds = Rounds(store.home, settings, clock)
    feeds = Feeds(store.home, settings.feeds, settings.origin, clock)
    leaving = asyncio.Event()
    tasks = [asyncio.create_task(keep(store, rounds, settings.every, leaving), name="ripieno checkpoints")]
    if settings.feeds:
        tasks.append(asyncio.create_task(tell(feeds, settings.every, leaving), name="ripieno feeds"))
    try:
        yield
    finally:
        leaving.set()
        await asyncio.gather(*tasks)


async def not_behind(store: SqlStore, settings: Anchoring) -> None:
    """Raise `ForkError` where a sink has a checkpoint that the log does not go on from.

    Asked once, before anything is served; a sink that cannot be asked is told, and keeps nobody from working.
    """
    if settings.sinks:
        problems = await asyncio.to_thread(compare, store.home, settings)
        for name, problem in problems.items():
            log.warning("the log was not compared", sink=name, problem=problem)


async def tell(feeds: Feeds, every: float, leaving: asyncio.Event) -> None:
    """Tell others of what is committed, and once more at the end; who cannot be told keeps nobody waiting."""
    told: dict[str, str] = {}
    while not leaving.is_set():
        try:
            async with asyncio.timeout(min(every / LOOKS, TELL_SECONDS)):
                await leaving.wait()
        except TimeoutError:
            pass
        try:
            done = await asyncio.to_thread(feeds.turn)
        except RipienoError as error:
            log.error("cannot tell of the log", error=str(error))  # noqa: TRY400 - the message says it all
            continue
        if done is not None:
            for name in done.failures.keys() - told.keys():
                log.warning("nobody was told", receiver=name, problem=done.failures[name])
            told = done.failures


async def keep(store: SqlStore, rounds: Rounds, every: float, leaving: asyncio.Event) -> None:
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


async def record(store: SqlStore, done: Round) -> None:
    """Put it into the system's log when a sink cannot be reached any more, or can be again."""
    for change in done.changes:
        failed = change.failed_at is not None
        kind: Kind = "sink.failed" if failed else "sink.restored"
        body: dict[str, Json] = {"sink": change.sink, "number": change.number}
        await store.record(EVERYTHING, kind, body | ({"problem": change.problem} if failed else {}))
