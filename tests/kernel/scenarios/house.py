"""A host over a data folder as a program would have it, and what people do to its runs."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, TypeVar

from gates import shipped_gate
from ripieno.journal.records import QuestionRow, RunRow
from ripieno.journal.sql.store import SqlStore
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel import commands
from ripieno.kernel.clock import Clock
from ripieno.kernel.home import data_folder
from ripieno.kernel.host import Host
from ripieno.model.event import Event
from ripieno.model.outcome import Outcome
from ripieno.model.principal import Principal
from ripieno.model.value import decode
from ripieno.workflows.workflow import Workflow

from .hand_clock import HandClock

__all__ = [
    "ADA",
    "OPERATOR",
    "asked",
    "begin",
    "cancel",
    "contents",
    "counted",
    "ended",
    "events",
    "heard",
    "opened",
    "parked",
    "reply",
    "resting",
    "serving",
    "snapshot",
    "turned",
    "until",
]

OPERATOR = Principal("person", "op", every_role=True)
ADA = Principal("person", "ada", roles=frozenset({"clinician"}))
S = TypeVar("S", bound=SqliteStore)
T = TypeVar("T")

PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.003


@asynccontextmanager
async def opened(home: Path, kind: Callable[[Path], S]) -> AsyncGenerator[S]:
    store = kind(data_folder(home))
    store.gate = shipped_gate()
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def serving(
    home: Path, *workflows: Workflow, clock: Clock | None = None, store: SqlStore | None = None
) -> AsyncGenerator[Host]:
    """Open the store, unless one is given, and serve the workflows until the block is left."""
    if store is None:
        async with (
            opened(home, SqliteStore) as own,
            serving(home, *workflows, clock=clock, store=own) as host,
        ):
            yield host
        return
    async with Host(store, clock=clock) as host:
        for workflow in workflows:
            host.register(workflow)
        yield host


async def begin(host: Host, workflow: Workflow, value: object = None, *, by: Principal = OPERATOR) -> str:
    return (await host.start(workflow, value, principal=by)).row.id


async def until(look: Callable[[], Awaitable[T | None]]) -> T:
    """Look until there is something, for as long as the slowest machine may need."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (found := await look()) is None:  # noqa: ASYNC110 - what is looked for is on disk
            await asyncio.sleep(LOOK_SECONDS)
    return found


async def ended(host: Host, run: str) -> Outcome:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await host.outcome(run)


async def resting(host: Host, run: str) -> RunRow:
    """Wait until a run does nothing by itself: it has ended, waits, or is blocked."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await host.rest(run)


async def parked(host: Host, run: str) -> RunRow:
    row = await resting(host, run)
    assert row.status == "waiting", (row.status, row.detail)
    return row


async def turned(host: Host, clock: HandClock, run: str, seconds: float) -> RunRow:
    """Turn the clock while a run waits for it, and wait until the run was woken and rests again."""
    before = await parked(host, run)
    clock.turn(seconds)
    host.ring()

    async def woken() -> bool | None:
        return (await host.store.run(run)).epoch > before.epoch or None

    await until(woken)
    return await resting(host, run)


async def asked(host: Host, run: str, part: str = "") -> QuestionRow:
    """Wait until a person is asked something at a path that contains `part`."""

    async def look() -> QuestionRow | None:
        rows = await host.store.questions(run=run)
        return next((row for row in rows if part in row.path), None)

    return await until(look)


async def reply(
    host: Host, question: QuestionRow, value: object, *, by: Principal = OPERATOR, reason: str | None = None
) -> None:
    await commands.answer(host.store, host.clock, question, by=by, value=value, reason=reason)


async def cancel(host: Host, run: str, *, reason: str | None = None) -> None:
    await commands.cancel(host.store, host.clock, await host.store.run(run), by=OPERATOR, reason=reason)


async def events(host: Host, run: str, *kinds: str) -> list[Event]:
    found = await host.store.events(run)
    return [event for event in found if not kinds or event.kind in kinds]


async def counted(host: Host, run: str) -> Counter[str]:
    """Count a run's events by kind."""
    return Counter(event.kind for event in await host.store.events(run))


async def heard(host: Host, run: str, count: int, kind: str = "message") -> None:
    """Wait until the owner of a run has heard of so many commands to it, or `answered` questions."""

    async def folded() -> bool | None:
        return (await counted(host, run))[kind] == count or None

    await until(folded)
    # on disk it is before its owner hears of it; whatever passes the writer after it is heard of later
    assert not await host.store.undrain("default", "nothing", "person:op", None)


def snapshot(home: Path, to: Path) -> Path:
    """Copy what is on disk at this moment, as a machine finds it after its power was cut."""
    data_folder(to)
    with (
        closing(sqlite3.connect(home / "journal.sqlite")) as disk,
        closing(sqlite3.connect(to / "journal.sqlite")) as copy,
    ):
        disk.backup(copy)
    (to / "master.key").write_bytes((home / "master.key").read_bytes())
    (to / "master.key").chmod(0o600)
    return to


def contents(host: Host, event: Event, field: str) -> Any:
    """Give a value of an event's body, decrypted and decoded."""
    return decode(host.store.payload(event.stream, event.body[field]))
