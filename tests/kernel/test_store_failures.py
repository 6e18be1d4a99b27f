"""The disk is full or the database locked in the middle of a run: it stops, says why, and goes on later."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from gates import shipped_gate
from kernel.support.ledger import Ledger
from kernel.support.troubled_disk import Disk, Trouble
from ripieno import Call, Context, Workflow, function, human, sequential, tool
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify
from ripieno.kernel.commands import answer
from ripieno.kernel.host import Host
from ripieno.model.principal import Principal

OPERATOR = Principal("person", "op", every_role=True)
PATIENCE_SECONDS = 120
MESSAGES: dict[Trouble, str] = {"full": "free some space", "locked": "another process holds the database"}
MOMENTS = (
    "before the first call",
    "in the first call",
    "in the second call",
    "at the end of a long second call",
    "at the end",
)
LONG_SECONDS = 0.6
"""Longer than any process goes without looking for what others have committed."""


@dataclass(frozen=True, slots=True)
class Errand:
    """A workflow of two calls, in which the trouble begins at a moment."""

    workflow: Workflow
    ledger: Ledger


def errand(home: Path, disk: Disk, moment: str) -> Errand:
    ledger = Ledger(home / "ledger.jsonl")

    def comes(now: str) -> None:
        if now == moment and not ledger.find(moment):
            ledger.enter("trouble", moment)  # once: what is replayed does not cause it again
            disk.begin()

    def find(number: int, call: Call) -> int | None:
        return number if ledger.find(call.key) else None

    @tool(on_uncertain=find, timeout="1s")
    def book(number: int, call: Call) -> int:
        ledger.enter(f"book {number}", call.key)
        comes(f"in the {('first', 'second')[number]} call")
        if number and moment == "at the end of a long second call":
            time.sleep(LONG_SECONDS)
            comes(moment)
        return number

    @function(pure=True)
    async def both(input: Any, context: Context) -> list[int]:  # noqa: A002 - bound by this name
        del input
        comes("before the first call")
        return [await context.use(book, number=0), await context.use(book, number=1)]

    @function(pure=True)
    def report(both: list[int]) -> list[int]:
        comes("at the end")
        return both

    return Errand(Workflow("errand", sequential(both, report)), ledger)


@pytest.fixture(params=get_args(Trouble))
def disk(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Disk]:
    disk = Disk(tmp_path / "journal.sqlite", request.param)
    disk.watch(monkeypatch)
    yield disk
    disk.end()


@asynccontextmanager
async def serving(home: Path) -> AsyncGenerator[Host]:
    store = SqliteStore(home, shipped_gate(), busy_seconds=0.05)
    await store.open()
    try:
        async with Host(store) as host:
            yield host
    finally:
        await store.close()


async def said(logs: list[EventDict], message: str) -> None:
    """Wait until the log says something."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not any(message in str(entry.get("error", "")) for entry in logs):  # noqa: ASYNC110 - a list
            await asyncio.sleep(0.005)


async def claimed_keys(host: Host, run: str) -> set[str]:
    return {event.body["key"] for event in await host.store.events(run) if event.kind == "intent"}


@pytest.mark.parametrize("moment", MOMENTS)
async def test_nothing_happens_that_is_not_recorded_and_the_run_goes_on_when_the_store_works_again(
    disk: Disk, moment: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    errand_ = errand(tmp_path, disk, moment)
    trouble: Trouble = request.node.callspec.params["disk"]
    with capture_logs() as logs:
        async with serving(tmp_path) as host:
            run = (await host.start(errand_.workflow, "given", principal=OPERATOR)).row.id
            await said(logs, MESSAGES[trouble])
            done = {entry.key for entry in errand_.ledger.entries() if entry.act != "trouble"}
            assert done <= await claimed_keys(host, run)
            assert not (await host.store.run(run)).ended
            disk.end()
            async with asyncio.timeout(PATIENCE_SECONDS):
                outcome = await host.outcome(run)
    assert (outcome.status, outcome.output) == ("complete", [0, 1])
    assert sorted(entry.act for entry in errand_.ledger.entries()) == ["book 0", "book 1", "trouble"]
    with SqliteAudit(tmp_path) as audit:
        assert verify(audit).sound


async def test_a_run_that_waits_goes_on_when_the_store_works_again(
    disk: Disk, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    workflow = Workflow("waiting", sequential(human("clerk", role="clerk"), human("chief", role="chief")))
    trouble: Trouble = request.node.callspec.params["disk"]
    with capture_logs() as logs:
        async with serving(tmp_path) as host:
            run = (await host.start(workflow, "given", principal=OPERATOR)).row.id
            await host.rest(run)
            (asked,) = await host.store.questions(run=run)
            await answer(host.store, host.clock, asked, by=OPERATOR, value={"proceed": True})
            disk.begin()
            await said(logs, MESSAGES[trouble])
            disk.end()
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not (asked_next := await host.store.questions(run=run)):  # noqa: ASYNC110 - on disk
                    await asyncio.sleep(0.005)
            assert asked_next[0].role == "chief"


@function(pure=True)
async def nap(input: str, context: Context) -> str:  # noqa: A002 - bound by this name
    await context.sleep(LONG_SECONDS)
    return input


async def test_a_timer_that_came_due_meanwhile_fires_when_the_store_works_again(
    disk: Disk, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    trouble: Trouble = request.node.callspec.params["disk"]
    with capture_logs() as logs:
        async with serving(tmp_path) as host:
            run = (await host.start(Workflow("nap", nap), "given", principal=OPERATOR)).row.id
            await host.rest(run)
            disk.begin()
            await said(logs, MESSAGES[trouble])
            disk.end()
            async with asyncio.timeout(PATIENCE_SECONDS):
                outcome = await host.outcome(run)
    assert outcome.output == "given"
