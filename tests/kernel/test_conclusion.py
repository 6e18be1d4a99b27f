"""Runs whose code is gone or does not fit can be ended, and are copied under the version they went on in."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kernel.scenarios.elsewhere import Elsewhere, uses
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    OPERATOR,
    asked,
    begin,
    cancel,
    ended,
    events,
    opened,
    parked,
    reply,
    serving,
    snapshot,
    turned,
    until,
)
from kernel.scenarios.watched_store import WatchedStore
from ripieno import Context, Workflow, function, human, sequential, tool
from ripieno.journal.records import RunRow, RunStatus
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify
from ripieno.kernel import commands, operators
from ripieno.kernel.clock import SystemClock
from ripieno.kernel.forks import fork
from ripieno.kernel.host import Host


@function(pure=True, version="1")
def written(given: object) -> object:
    return {"letter": given}


@function(pure=True, version="2", name="written")
def rewritten(given: object) -> object:
    return {"letter": given, "again": True}


@function(pure=True, version="3", name="another")
def another(given: object) -> object:
    return given


LETTER = Workflow("letter", sequential(written, human("signs", role="clerk")))
LATER = Workflow("letter", sequential(rewritten, human("signs", role="clerk")))
UNFIT = Workflow("letter", sequential(another, human("signs", role="clerk")))


def sound(home: Path) -> bool:
    with SqliteAudit(home) as audit:
        return verify(audit).sound


async def come_to(host: Host, run: str, status: RunStatus) -> RunRow:
    async def look() -> RunRow | None:
        row = await host.store.run(run)
        return row if row.status == status else None

    return await until(look)


async def waiting(home: Path) -> str:
    async with serving(home, LETTER) as host:
        run = await begin(host, LETTER, "dear reader")
        await parked(host, run)
    return run


async def test_a_run_whose_code_is_gone_ends_when_it_is_cancelled(tmp_path: Path) -> None:
    run = await waiting(tmp_path)
    async with serving(tmp_path) as host:
        await reply(host, await asked(host, run), {"proceed": True})
        await come_to(host, run, "needs_version")
        await cancel(host, run, reason="nobody has that code any more")
        outcome = await ended(host, run)
    assert outcome.status == "cancelled"
    assert outcome.reason == "cancelled by person:op: nobody has that code any more"
    assert sound(tmp_path)


async def test_a_blocked_run_ends_when_it_is_cancelled(tmp_path: Path) -> None:
    run = await waiting(tmp_path)
    async with serving(tmp_path, UNFIT) as host:
        await host.enter(UNFIT, OPERATOR)
        await host.store.repin(run, UNFIT.version, OPERATOR.id)
        await come_to(host, run, "blocked")
        await cancel(host, run)
        assert (await ended(host, run)).status == "cancelled"
    assert sound(tmp_path)


async def test_a_run_with_a_call_in_doubt_ends_only_when_its_code_has_settled_it(tmp_path: Path) -> None:
    calls: list[str] = []
    begun = asyncio.Event()

    @tool(on_uncertain="retry", timeout="200ms")
    async def post(letter: str) -> str:
        calls.append(letter)
        begun.set()
        await asyncio.sleep(0.05)
        return "posted"

    @function(pure=True, version="1")
    async def posts(given: str, context: Context) -> object:
        return await context.use(post, letter=given)

    posting = Workflow("posting", posts)
    async with serving(tmp_path / "first", posting) as host:
        run = await begin(host, posting, "dear reader")
        await begun.wait()
        cut = snapshot(tmp_path / "first", tmp_path / "cut")
        await ended(host, run)
    async with serving(cut) as host:
        await come_to(host, run, "needs_version")
        await cancel(host, run)
        assert (await host.store.run(run)).status == "needs_version"
    async with serving(cut, posting) as host:
        assert (await ended(host, run)).status == "cancelled"
    assert calls == ["dear reader"] * 2, "once before the cut, once more under the same key to settle it"
    assert sound(cut)


async def test_a_fork_of_a_migrated_run_is_pinned_to_the_version_it_went_on_with(tmp_path: Path) -> None:
    run = await waiting(tmp_path)
    async with serving(tmp_path, LATER) as host:
        await host.enter(LATER, OPERATOR)
        await host.store.repin(run, LATER.version, OPERATOR.id)
        await parked(host, run)
        copy = await fork(host.store, host.clock, await host.store.run(run), by=OPERATOR)
        await parked(host, copy.id)
        first = (await host.store.events(copy.id))[0]
    assert first.body["version"] == copy.version == LATER.version
    assert first.body["definition"] == LATER.digest
    assert sound(tmp_path)


async def test_a_store_without_a_host_ends_them_too(tmp_path: Path) -> None:
    run = await waiting(tmp_path)
    async with serving(tmp_path) as host:
        await reply(host, await asked(host, run), {"proceed": True})
        await come_to(host, run, "needs_version")
    async with opened(tmp_path, SqliteStore) as store:
        await commands.cancel(store, SystemClock(), await store.run(run), by=OPERATOR)
        assert (await store.run(run)).status == "cancelled"


@pytest.mark.parametrize("how", ["retry", "verify"])
async def test_a_run_whose_doubts_are_settled_ends_without_its_code(tmp_path: Path, how: str) -> None:
    system, clock, copy = Elsewhere(), HandClock(), tmp_path / "after"

    async def power_cut() -> None:
        snapshot(tmp_path / "before", copy)

    system.before = [power_cut]
    book = tool(system.book, on_uncertain=system.find if how == "verify" else "retry")
    flow = sequential(uses(book, what="visit"), human("signs", role="clerk"))
    workflow = Workflow("visit", flow)
    async with serving(tmp_path / "before", workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await parked(host, run)
    system.booked.clear()
    async with serving(copy, workflow, clock=clock) as host:
        await turned(host, clock, run, 31)
        assert [event.body["status"] for event in await events(host, run, "result")] == [
            "again" if how == "retry" else "unsent",
            "done",
        ]
    async with serving(copy, clock=clock) as host:
        await reply(host, await asked(host, run), {"proceed": True})
        await come_to(host, run, "needs_version")
        await cancel(host, run)
        assert (await host.store.run(run)).status == "cancelled"
    assert sound(copy)


async def needing_its_version(home: Path) -> str:
    run = await waiting(home)
    async with serving(home) as host:
        await reply(host, await asked(host, run), {"proceed": True})
        await come_to(host, run, "needs_version")
    return run


async def test_what_comes_in_while_such_a_run_is_ended_is_folded_before_its_end(tmp_path: Path) -> None:
    run = await needing_its_version(tmp_path)
    async with opened(tmp_path, WatchedStore) as store:
        row = await store.run(run)

        async def somebody_else_resumes() -> None:
            await operators.resume(store, SystemClock(), row, by=OPERATOR)

        store.at("after fold", somebody_else_resumes)
        await commands.cancel(store, SystemClock(), row, by=OPERATOR)
        found = await store.events(run)
    assert [event.body["what"] for event in found if event.kind == "message"] == ["cancel", "continue"]
    assert found[-1].kind == "run.ended"
    assert sound(tmp_path)


async def test_such_a_run_is_left_to_the_process_that_took_it_up_meanwhile(tmp_path: Path) -> None:
    run = await needing_its_version(tmp_path)
    async with opened(tmp_path, SqliteStore) as store, opened(tmp_path, SqliteStore) as other:
        row = await store.run(run)
        assert await other.acquire(run) is not None
        await commands.cancel(store, SystemClock(), row, by=OPERATOR)
        assert (await store.run(run)).status == "running"
    async with serving(tmp_path, LETTER) as host:
        assert (await ended(host, run)).status == "cancelled"
    assert sound(tmp_path)


async def test_such_a_run_is_left_to_all_where_its_end_is_called_off(tmp_path: Path) -> None:
    run = await needing_its_version(tmp_path)
    async with opened(tmp_path, WatchedStore) as store:
        folding = asyncio.Event()

        async def stand() -> None:
            folding.set()
            await asyncio.get_running_loop().create_future()

        store.at("before fold", stand)
        row = await store.run(run)
        ending = asyncio.create_task(commands.cancel(store, SystemClock(), row, by=OPERATOR))
        await folding.wait()
        ending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ending
        async with serving(tmp_path, LETTER, store=store) as host:
            assert (await ended(host, run)).status == "cancelled"
    assert sound(tmp_path)
