"""What a tenant and its teams may spend in a month: counted as it is settled, told of, and never passed."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.scenarios.elsewhere import Elsewhere, Slow, cut, uses
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    ADA,
    OPERATOR,
    asked,
    begin,
    ended,
    events,
    opened,
    resting,
    serving,
    until,
)
from ripieno.connectors.tool import tool
from ripieno.journal.budgets import month_of
from ripieno.journal.records import RunRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.store import Store
from ripieno.journal.verify import verify
from ripieno.kernel.budgeting import clear_budget, set_budget
from ripieno.kernel.clock import Clock, SystemClock
from ripieno.kernel.commands import answer
from ripieno.kernel.host import Host
from ripieno.model.action import Call
from ripieno.model.errors import InputError, NotAllowedError, ToolError
from ripieno.model.limits import Limits
from ripieno.model.participant import Context
from ripieno.model.spending import Cost
from ripieno.participants.function import function
from ripieno.participants.human import human
from ripieno.participants.workflow import subworkflow
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.resolvers import merge
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow

MONTH = 31 * 24 * 3600.0
CLOCK = SystemClock()


@tool(effect="read", cost=Cost(cost_usd="0.10"), attempts=1)
def ask_model(cents: int, call: Call) -> int:
    """Cost as much as it is told, at most ten cents; below nothing it fails."""
    if cents < 0:
        msg = "no"
        raise ToolError(msg)
    call.spent(cost_usd=f"0.{cents:02}")
    return cents


@function(pure=True)
async def asks(input: int, context: Context) -> int:  # noqa: A002 - bound by this name
    return await context.use(ask_model, cents=input)


@function(pure=True)
async def buys(input: int, context: Context) -> int:  # noqa: A002 - bound by this name
    await context.spend(cost_usd=f"0.{input:02}")
    return input


ASKING = Workflow("asking", asks, owner="research")
BUYING = Workflow("buying", buys)


async def budget(host: Host, cost: str, *, team: str = "", hard: bool = True) -> None:
    await set_budget(host.store, host.clock, cost, by=OPERATOR, team=team, hard=hard)


async def spend(host: Host, cents: int, workflow: Workflow = ASKING) -> str:
    return (await ended(host, await begin(host, workflow, cents))).status


async def spent(store: Store, clock: Clock = CLOCK) -> dict[str, tuple[int, int]]:
    """Give what each budget has spent and reserved, in cents."""
    rows = await store.budgets("default", month_of(clock.now()))
    return {row.team: (row.spent // 10_000, row.reserved // 10_000) for row in rows}


async def alerts(store: Store) -> list[tuple[str, int]]:
    events = await store.events(await store.tenant_stream("default"))
    return [(event.body["team"], event.body["share"]) for event in events if event.kind == "budget.alert"]


async def stopped(host: Host, run: str) -> RunRow:
    row = await resting(host, run)
    assert row.status == "stopped", row.status
    return row


async def test_what_is_settled_counts_for_the_tenant_and_for_the_team(tmp_path: Path) -> None:
    async with serving(tmp_path, ASKING, BUYING) as host:
        assert await spend(host, 7) == "complete"
        await budget(host, "1", hard=False)
        await budget(host, "0.50", team="research", hard=False)
        assert await spend(host, 3) == "complete"
        assert await spend(host, 4, BUYING) == "complete"
        assert await spend(host, -1) == "failed"
        assert await spent(host.store) == {"": (14, 0), "research": (10, 0)}
    with SqliteAudit(tmp_path) as audit:
        assert verify(audit).sound


async def test_alerts_are_given_once_each_and_a_soft_budget_holds_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path, ASKING) as host:
        await budget(host, "0.20", hard=False)
        for _ in range(4):
            assert await spend(host, 5) == "complete"
        assert await alerts(host.store) == [("", 50), ("", 80), ("", 100)]
        assert await spend(host, 9) == "complete"
        await budget(host, "0.20", hard=False)
        assert len(await alerts(host.store)) == 3
        await budget(host, "0.40", team="research", hard=False)
        assert (await alerts(host.store))[3:] == [("research", 50)]
    with SqliteAudit(tmp_path) as audit:
        assert verify(audit).sound  # what was told of is in the books as the tenant's events have it


async def test_what_has_no_room_in_a_hard_budget_waits_until_it_is_raised(tmp_path: Path) -> None:
    async with serving(tmp_path, ASKING) as host:
        await budget(host, "0.12", team="research")
        assert await spend(host, 3) == "complete"
        run = await begin(host, ASKING, 4)
        row = await stopped(host, run)
        assert "the budget of team research" in str(row.detail)
        assert "has no room for 0.1 US dollars" in str(row.detail)
    async with serving(tmp_path, ASKING) as host:
        await stopped(host, run)
        await budget(host, "0.13", team="research")
        assert (await ended(host, run)).status == "complete"
        other = await begin(host, ASKING, 4)
        await stopped(host, other)
        assert await clear_budget(host.store, by=OPERATOR, team="research")
        assert not await clear_budget(host.store, by=OPERATOR, team="research")
        assert (await ended(host, other)).status == "complete"


async def test_what_is_spent_without_a_tool_waits_as_well(tmp_path: Path) -> None:
    async with serving(tmp_path, BUYING) as host:
        await budget(host, "0.12")
        assert await spend(host, 9, BUYING) == "complete"
        run = await begin(host, BUYING, 4)
        await stopped(host, run)
        await budget(host, "0.13")
        assert (await ended(host, run)).status == "complete"
        assert await spent(host.store) == {"": (13, 0)}


async def test_it_goes_on_in_the_next_month(tmp_path: Path) -> None:
    clock = HandClock()
    async with serving(tmp_path, ASKING, clock=clock) as host:
        await budget(host, "0.12")
        assert await spend(host, 9) == "complete"
        run = await begin(host, ASKING, 4)
        await stopped(host, run)
        clock.turn(MONTH)
        host.ring()
        assert (await ended(host, run)).status == "complete"
        assert await spent(host.store, clock) == {"": (4, 0)}


async def test_it_goes_on_when_another_call_has_cost_less_than_was_reserved(tmp_path: Path) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    @tool(effect="read", cost=Cost(cost_usd="0.10"))
    async def slow(call: Call) -> None:
        begun.set()
        await go.wait()
        call.spent(cost_usd="0.01")

    @function(pure=True)
    async def slowly(context: Context) -> None:
        await context.use(slow)

    first = Workflow("slowly", slowly)
    async with serving(tmp_path, first, ASKING) as host:
        await budget(host, "0.15")
        run = await begin(host, first)
        await begun.wait()
        assert await spent(host.store) == {"": (0, 10)}
        other = await begin(host, ASKING, 4)
        await stopped(host, other)
        go.set()
        assert (await ended(host, run)).status == "complete"
        assert (await ended(host, other)).status == "complete"
        assert await spent(host.store) == {"": (5, 0)}


async def test_what_is_in_doubt_keeps_its_reservation_and_is_repeated_on_it(tmp_path: Path) -> None:
    system = Elsewhere()
    system.before.append(cut)
    slow = Slow(system)
    book = tool(system.book, cost=Cost(cost_usd="0.10"), on_uncertain="retry")
    workflow = Workflow("booking", uses(book, what="it"))
    async with serving(tmp_path, workflow) as host:
        await budget(host, "0.15")
        run = await begin(host, workflow)
        await slow.begun.wait()
        assert await spent(host.store) == {"": (0, 10)}
        with SqliteAudit(tmp_path) as audit:
            assert verify(audit).sound
        slow.released.set()
        assert (await ended(host, run)).status == "complete"
        assert await spent(host.store) == {"": (10, 0)}
    assert len(set(system.keys)) == 1


WRONG = {
    "DELETE FROM reserved": "nothing is reserved for desk@1/tool/1, its events say 100000",
    "UPDATE reserved SET cost = 1": "1 of tenant default, team research are reserved for desk@1/tool/1",
    "UPDATE reserved SET team = ''": "100000 of tenant default are reserved for desk@1/tool/1",
    "UPDATE reserved SET tenant = 'other'": "its events say 100000 of tenant default, team research",
    "UPDATE reserved SET path = 'x'": "are reserved for x, its events say nothing",
    "UPDATE reserved SET run = 'ff'": "run ff: 100000 of tenant default, team research are reserved",
    "UPDATE versions SET about = '{'": "its events say 100000 of tenant default",
}


async def test_reservations_that_say_otherwise_than_the_events_are_found(tmp_path: Path) -> None:
    system = Elsewhere()
    slow = Slow(system)
    book = tool(system.book, cost=Cost(cost_usd="0.10"), on_uncertain="retry")
    workflow = Workflow("booking", uses(book, what="it"), owner="research")
    async with serving(tmp_path, workflow) as host:
        await begin(host, workflow)
        await slow.begun.wait()
        for statement, said in WRONG.items():
            with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as connection, connection:
                before = connection.execute("SELECT * FROM reserved").fetchall()
                about = connection.execute("SELECT about FROM versions").fetchone()
                connection.execute(statement)
            with SqliteAudit(tmp_path) as audit:
                assert said in str(verify(audit)), statement
            with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as connection, connection:
                connection.execute("DELETE FROM reserved")
                connection.executemany("INSERT INTO reserved VALUES (?, ?, ?, ?, ?)", before)
                connection.execute("UPDATE versions SET about = ?", about)
        with SqliteAudit(tmp_path) as audit:
            assert verify(audit).sound
        slow.released.set()


async def test_what_waits_for_room_beside_a_call_goes_on_where_it_stands(tmp_path: Path) -> None:
    system = Elsewhere()
    slow = Slow(system)
    workflow = Workflow(
        "both", concurrent(uses(tool(system.book), what="it"), buys, resolve=merge(), name="side")
    )
    async with serving(tmp_path, workflow, BUYING) as host:
        await budget(host, "0.12")
        assert await spend(host, 9, BUYING) == "complete"
        run = await begin(host, workflow, 4)
        await slow.begun.wait()

        async def held() -> bool | None:
            return bool(host.store.stops.waiting) or None

        await until(held)
        await budget(host, "0.12", team="research")  # which changes nothing for it
        assert not await events(host, run, "spent")
        await budget(host, "0.13")

        async def counted() -> bool | None:
            return bool(await events(host, run, "spent")) or None

        await until(counted)
        slow.released.set()
        assert (await ended(host, run)).status == "complete"
        assert (await host.store.run(run)).epoch == 1
    assert len(system.calls) == 1


async def test_what_is_spent_is_written_anew_when_something_came_in_that_was_not_heard_of(
    tmp_path: Path,
) -> None:
    class Deaf(SqliteStore):
        """Hears of nothing before it comes up against it."""

        def on_change(self, ring: Callable[[], None], *, own: bool = True) -> None:
            del ring, own

    @function(pure=True)
    async def late(context: Context) -> None:
        async with opened(tmp_path, SqliteStore) as elsewhere:
            question = await asked(host, run)
            await answer(elsewhere, CLOCK, question, by=OPERATOR, value={"proceed": True})
        await context.spend(cost_usd="0.04")

    workflow = Workflow("late", concurrent(human("clerk", role="clerk"), late, resolve=merge(), name="side"))
    async with (
        opened(tmp_path, Deaf) as store,
        serving(tmp_path, workflow, store=store) as host,
    ):
        await budget(host, "0.05")
        run = await begin(host, workflow)
        assert (await ended(host, run)).status == "complete"
        assert await spent(host.store) == {"": (4, 0)}
        (event,) = await events(host, run, "spent")
        (message,) = await events(host, run, "answered")
        assert message.seq < event.seq


async def test_a_child_run_is_counted_once(tmp_path: Path) -> None:
    outer = Workflow("outer", sequential(subworkflow(ASKING)), limits=Limits(cost_usd="1"), owner="desk")
    async with serving(tmp_path, outer) as host:
        for team in ("", "desk", "research"):
            await budget(host, "5", team=team)
        assert await spend(host, 8, outer) == "complete"
        assert await spent(host.store) == {"": (8, 0), "desk": (0, 0), "research": (8, 0)}


async def test_who_may_not_and_what_is_no_budget_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path, SqliteStore) as store:
        with pytest.raises(NotAllowedError):
            await set_budget(store, CLOCK, "1", by=ADA)
        for cost, team in (("0", ""), ("-1", ""), ("1", "x" * 201)):
            with pytest.raises(InputError):
                await set_budget(store, CLOCK, cost, by=OPERATOR, team=team)


DAMAGE = {
    "UPDATE spent_months SET cost = 1 WHERE team = ''": "say 1, its runs have spent 70000",
    "DELETE FROM spent_months WHERE team = ''": "have no row, its runs have spent 70000",
    "UPDATE spent_months SET cost = 70001 WHERE team = 'research'": "team research say 70001",
    "UPDATE spent_months SET cost = 69999 WHERE team = 'research'": "team research say 69999, its runs",
    "UPDATE spent_months SET team = 'other' WHERE team = 'research'": "for team research have no row",
    "UPDATE spent_months SET tenant = 'other' WHERE team = ''": "tenant other: its books of",
    "UPDATE spent_months SET month = '2020-01' WHERE team = ''": "2020-01 say 70000, its runs have spent 0",
    "UPDATE spent_months SET alerted = 100": "say that 100 % were told of, no event does",
    "INSERT INTO reserved VALUES ('ff', 'asks@1', 'default', '', 5)": "5 of tenant default are reserved for",
    "UPDATE budgets SET cost = 7": "says cost 7, it says 1000000",
}


@pytest.mark.parametrize("statement", DAMAGE)
async def test_books_that_say_otherwise_than_the_events_are_found(tmp_path: Path, statement: str) -> None:
    async with serving(tmp_path, ASKING) as host:
        await budget(host, "1")
        assert await spend(host, 7) == "complete"
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as connection, connection:
        connection.execute(statement)
    with SqliteAudit(tmp_path) as audit:
        assert DAMAGE[statement] in str(verify(audit))


@settings(max_examples=12, deadline=None)
@given(
    costs=st.lists(st.integers(0, 10), min_size=1, max_size=8),
    limit=st.integers(10, 40),
    hosts=st.integers(1, 2),
)
def test_a_hard_budget_is_never_passed_by_hosts_side_by_side(
    costs: list[int], limit: int, hosts: int
) -> None:
    asyncio.run(side_by_side(costs, limit, hosts))


async def side_by_side(costs: list[int], limit: int, hosts: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with serving(home, ASKING) as one, serving(home, ASKING) as two:
            await budget(one, f"0.{limit:02}")
            serve = [one, two][:hosts]
            runs = [await begin(serve[at % hosts], ASKING, cents) for at, cents in enumerate(costs)]

            async def at_rest() -> bool | None:
                rows = [await one.store.run(run) for run in runs]
                return all(row.ended or (row.status == "stopped" and not row.going) for row in rows) or None

            await until(at_rest)
            (total, held) = (await spent(one.store))[""]
            assert total + held <= limit
            done = [cents for run, cents in zip(runs, costs, strict=True) if (await one.store.run(run)).ended]
            assert (total, held) == (sum(done), 0)
            assert len(done) == len(costs) or total + 10 > limit
