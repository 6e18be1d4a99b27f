"""Limited work that is skipped, cancelled, asked about twice, taken up again, or met by damage."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from kernel.scenarios.elsewhere import Elsewhere, Slow, uses
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    asked,
    begin,
    cancel,
    counted,
    ended,
    events,
    heard,
    opened,
    parked,
    reply,
    resting,
    serving,
    turned,
    until,
)
from kernel.scenarios.steering import resume, skip
from kernel.spending_parts import buy, chosen, paid, pure, spends
from ripieno import Context, Limits, Workflow, ask, concurrent, human, merge, sequential
from ripieno.connectors.tool import tool
from ripieno.journal.records import RunRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel.host import Host

HOUR = 3600


async def test_limited_work_that_is_skipped_and_then_cancelled_awaits_its_call_all_the_same(
    tmp_path: Path,
) -> None:
    system = Elsewhere()
    slow = Slow(system)
    books = uses(tool(system.book), what="it").limit(active="1h")
    workflow = Workflow("visit", sequential(sequential(books, name="ward"), name="house"))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await slow.begun.wait()
        await skip(host, run, "ward", names=["ward"])
        await heard(host, run, 1)
        await cancel(host, run)
        await heard(host, run, 2)
        slow.released.set()
        assert (await ended(host, run)).status == "cancelled"
        assert [event.body["status"] for event in await events(host, run, "result")] == ["done"]
    assert len(system.booked) == 1


async def test_work_that_hangs_again_after_a_crash_is_skipped_though_its_time_is_limited(
    tmp_path: Path,
) -> None:
    begun = asyncio.Event()

    async def hangs() -> None:
        begun.set()
        await asyncio.Event().wait()

    workflow = Workflow("visit", sequential(pure(hangs).limit(active="1h"), pure(lambda: 1, "tail")))
    async with serving(tmp_path, workflow, clock=HandClock()) as host:
        run = await begin(host, workflow)
        await begun.wait()
    begun.clear()
    async with serving(tmp_path, workflow, clock=HandClock()) as host:
        await begun.wait()
        await skip(host, run, "hangs", names=["hangs"])
        assert (await ended(host, run)).output == 1


async def test_who_runs_out_while_somebody_is_asked_waits_for_the_same_answer(tmp_path: Path) -> None:
    second = sequential(human("clerk", role="clerk"), spends("later", 200), name="second")
    sides = concurrent(spends("first", 200), second, resolve=merge(), name="sides")
    workflow = Workflow("asking", sides, limits=Limits(tokens=100, on_exhausted=ask("treasurer")))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        more = await asked(host, run, "limit/ask")
        await reply(host, await asked(host, run, "clerk"), {"proceed": True})
        await parked(host, run)
        assert len(await host.store.questions(run=run)) == 1
        await reply(host, more, {"proceed": True, "grant": {"tokens": 300}})
        assert (await ended(host, run)).status == "complete"
        assert (await paid(host, run)).tokens == 400
        assert [what for what, _ in await chosen(host, run)] == ["ask treasurer"]


async def test_while_somebody_is_asked_for_more_time_nothing_is_bought(tmp_path: Path) -> None:
    clock = HandClock()
    flow = sequential(human("clerk", role="clerk"), spends("late", 60), name="both")
    workflow = Workflow("late", flow, limits=Limits(deadline="1h", on_exhausted=ask("boss")))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await turned(host, clock, run, HOUR)
        more = await asked(host, run, "limit/ask")
        await reply(host, await asked(host, run, "clerk"), {"proceed": True})
        await parked(host, run)
        assert (await counted(host, run))["intent"] == 0
        await reply(host, more, {"proceed": True})
        assert (await ended(host, run)).output == "late done"


async def test_an_allowance_is_set_aside_once_however_often_its_run_is_taken_up(tmp_path: Path) -> None:
    async def waits(context: Context) -> str:
        await context.sleep(HOUR)
        await context.use(buy, tokens=60)
        return "done"

    clock = HandClock()
    kept = pure(waits, "kept").limit(tokens=60, allowance=True)
    flow = sequential(kept, spends("after", 40), name="both")
    workflow = Workflow("kept", flow, limits=Limits(tokens=100))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await parked(host, run)
    async with serving(tmp_path, workflow, clock=clock) as host:
        await turned(host, clock, run, HOUR)
        assert (await ended(host, run)).output == "after done"
        assert len(await events(host, run, "spent")) == 1
        assert (await paid(host, run)).tokens == 100


async def test_an_answer_about_a_limit_that_was_damaged_blocks_the_run(tmp_path: Path) -> None:
    flow = sequential(spends("a", 60), spends("b", 60), name="both")
    workflow = Workflow("asking", flow, limits=Limits(tokens=100, on_exhausted=ask("treasurer")))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
    async with opened(tmp_path, SqliteStore) as store:
        await reply(Host(store), await asked(Host(store), run), {"proceed": True})
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as disk, disk:
        ((said,),) = disk.execute("SELECT content FROM inbox")
        disk.execute("DELETE FROM payloads WHERE commitment = ?", (bytes.fromhex(said),))
    async with serving(tmp_path, workflow) as host:
        row = await resting(host, run)
    assert row.status == "blocked"
    assert "is not in the store" in str(row.detail)


async def test_an_earlier_answer_about_a_limit_that_was_damaged_blocks_it_though_somebody_is_asked_again(
    tmp_path: Path,
) -> None:
    """The branch that met the damage has failed before whoever waits for it looks again."""
    workflow = Workflow(
        "asking", spends("a", 60, 60), limits=Limits(tokens=50, on_exhausted=ask("treasurer"))
    )
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        grant = {"proceed": True, "grant": {"tokens": 10}}
        await reply(host, await asked(host, run, "ask/1"), grant)
        await asked(host, run, "ask/2")
        assert (await parked(host, run)).head_seq > 0
        [answered] = await events(host, run, "answered")
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as disk, disk:
        said = bytes.fromhex(answered.body["content"])
        disk.execute("DELETE FROM payloads WHERE commitment = ?", (said,))
    async with serving(tmp_path, workflow) as host:
        await resume(host, run)
        row = await until(lambda: blocked(host, run))
    assert "is not in the store" in str(row.detail)


async def blocked(host: Host, run: str) -> RunRow | None:
    row = await host.store.run(run)
    return row if row.status == "blocked" else None
