"""What is stopped begins nothing new until it is released, whichever process it runs in."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest

from kernel.scenarios.elsewhere import Elsewhere, Slow, cut, nested, uses
from kernel.scenarios.halting import Deaf, booking, last, stopped
from kernel.scenarios.house import (
    ADA,
    OPERATOR,
    asked,
    begin,
    cancel,
    ended,
    events,
    opened,
    reply,
    serving,
    until,
)
from ripieno.connectors.tool import tool
from ripieno.journal.budgets import Short
from ripieno.journal.records import Lease, RunStatus
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify
from ripieno.kernel.host import Host
from ripieno.kernel.rehearsal import rehearse
from ripieno.kernel.stopping import release, stands_against, stop
from ripieno.model.errors import InputError, NotAllowedError
from ripieno.model.limits import Limits
from ripieno.model.participant import Context, Question
from ripieno.model.principal import Principal
from ripieno.model.stop import Stop, Stoppable
from ripieno.participants.function import function
from ripieno.participants.human import human
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.resolvers import merge
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow

ELSEWHERE = Principal("person", "eve", tenant="other", every_role=True)


def sound(home: Path) -> str:
    with SqliteAudit(home) as audit:
        return str(verify(audit))


WHAT: list[tuple[Stoppable, str]] = [
    ("workflow", "visit"),
    ("participant", "desk"),
    ("participant", "visit/sequential"),
    ("tool", "book"),
    ("tenant", ""),
    ("everything", ""),
]


@pytest.mark.parametrize(("what", "name"), WHAT, ids=[f"{what} {name}".strip() for what, name in WHAT])
async def test_what_is_stopped_is_held_until_it_is_released_across_restarts(
    tmp_path: Path, what: Stoppable, name: str
) -> None:
    system = Elsewhere()
    workflow = booking(system)
    async with serving(tmp_path, workflow) as host:
        assert await stop(host.store, what, name, by=OPERATOR, reason="it runs amok")
        assert not await stop(host.store, what, name, by=OPERATOR, reason="once more")
        run = await begin(host, workflow)
        row = await stopped(host, run)
        assert row.detail is not None
        assert row.detail.endswith("is stopped by person:op")
    assert ": sound" in sound(tmp_path)
    async with serving(tmp_path, workflow) as host:
        assert (await host.rest(run)).status == "stopped"
        assert [host.store.why(one) for one in stands_against(host.store, OPERATOR)] == ["it runs amok"]
        assert await release(host.store, what, name, by=OPERATOR, reason="it is mended")
        assert not await release(host.store, what, name, by=OPERATOR)
        assert system.calls == []
        assert (await ended(host, run)).status == "complete"
        assert (await host.store.run(run)).detail is None
    assert len(system.calls) == 1
    assert ": sound" in sound(tmp_path)


async def test_a_call_under_way_is_awaited_and_recorded_and_nothing_follows_it(tmp_path: Path) -> None:
    system = Elsewhere()
    slow = Slow(system)
    workflow = Workflow("visit", nested(sequential(uses(tool(system.book), what="it"), last), 2))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await slow.begun.wait()
        await stop(host.store, "everything", by=OPERATOR, reason="an alarm")
        slow.released.set()
        await stopped(host, run)
        assert [event.body["status"] for event in await events(host, run, "result")] == ["done"]
        assert not [event for event in await events(host, run) if "last@" in event.path]
    async with serving(tmp_path, workflow) as host:
        await release(host.store, "everything", by=OPERATOR)
        assert (await ended(host, run)).status == "complete"
    assert len(system.calls) == 1


async def test_what_is_not_stopped_goes_on_beside_it(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = Workflow(
        "visit",
        concurrent(
            uses(tool(system.book), what="it"),
            sequential(human("clinician", role="clinician"), last, name="beside"),
            resolve=merge(),
        ),
    )
    async with serving(tmp_path, workflow) as host:
        await stop(host.store, "tool", "book", by=OPERATOR, reason="it runs amok")
        run = await begin(host, workflow)
        question = await asked(host, run)
        await stopped(host, run)
        await reply(host, question, {"proceed": True})

        async def done() -> bool | None:
            return any("last@" in event.path for event in await events(host, run)) or None

        await until(done)
        await stopped(host, run)
        assert system.calls == []
        await release(host.store, "tool", "book", by=OPERATOR)
        assert (await ended(host, run)).status == "complete"


async def test_each_branch_is_held_by_what_stops_it(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = Workflow(
        "visit",
        concurrent(
            uses(tool(system.book), name="one", what="one"),
            uses(tool(system.book), name="two", what="two"),
            resolve=merge(),
        ),
    )
    async with serving(tmp_path, workflow) as host:
        for name in ("one", "two"):
            await stop(host.store, "participant", name, by=OPERATOR, reason="out of order")
        run = await begin(host, workflow)
        row = await stopped(host, run)
        assert row.detail == (
            "participant one is stopped by person:op; participant two is stopped by person:op"
        )
        await release(host.store, "participant", "one", by=OPERATOR)

        async def alone() -> bool | None:
            row = await host.store.run(run)
            return row.detail == "participant two is stopped by person:op" or None

        await until(alone)
        assert list(system.booked.values()) == ["one #1"]
        await release(host.store, "participant", "two", by=OPERATOR)
        assert (await ended(host, run)).status == "complete"


async def test_what_is_at_work_goes_on_when_its_own_stop_is_released_and_no_other(tmp_path: Path) -> None:
    system = Elsewhere()
    slow = Slow(system)
    workflow = Workflow(
        "visit",
        concurrent(
            uses(tool(system.book), name="slow", what="slow"),
            uses(tool(system.book, name="other"), name="two", what="two"),
            resolve=merge(),
        ),
    )
    async with serving(tmp_path, workflow) as host:
        await stop(host.store, "tool", "other", by=OPERATOR, reason="out of order")
        run = await begin(host, workflow)
        await slow.begun.wait()
        await stop(host.store, "tool", "unheard of", by=OPERATOR, reason="to be safe")
        await release(host.store, "tool", "unheard of", by=OPERATOR)
        assert len(system.calls) == 1
        await release(host.store, "tool", "other", by=OPERATOR)
        await until(lambda: counted_calls(system, 2))
        slow.released.set()
        assert (await ended(host, run)).status == "complete"


async def test_of_those_held_beside_a_call_only_that_goes_on_whose_stop_is_released(tmp_path: Path) -> None:
    system = Elsewhere()
    slow = Slow(system)
    names = ("two", "three")
    workflow = Workflow(
        "visit",
        concurrent(
            uses(tool(system.book), name="slow", what="slow"),
            *(uses(tool(system.book, name=name), name=f"uses-{name}", what=name) for name in names),
            resolve=merge(),
        ),
    )
    async with serving(tmp_path, workflow) as host:
        for name in names:
            await stop(host.store, "tool", name, by=OPERATOR, reason="out of order")
        run = await begin(host, workflow)
        await slow.begun.wait()
        await release(host.store, "tool", "three", by=OPERATOR)
        await until(lambda: counted_calls(system, 2))
        await release(host.store, "tool", "two", by=OPERATOR)
        await until(lambda: counted_calls(system, 3))
        slow.released.set()
        assert (await ended(host, run)).status == "complete"
        assert (await host.store.run(run)).epoch == 1
    assert [booked.split(" ")[0] for booked in system.booked.values()] == ["three", "two", "slow"]


async def counted_calls(system: Elsewhere, count: int) -> bool | None:
    return len(system.calls) == count or None


async def test_a_claim_cannot_pass_a_stop_of_which_its_process_has_not_heard(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = Workflow("visit", nested(uses(tool(system.book), what="it"), 1))
    async with (
        opened(tmp_path, Deaf) as store,
        opened(tmp_path, SqliteStore) as elsewhere,
        serving(tmp_path, workflow, store=store) as host,
    ):
        await stop(elsewhere, "tool", "other", by=OPERATOR, reason="not this one")
        await stop(elsewhere, "tool", "book", by=OPERATOR, reason="it runs amok")
        assert not store.stops.standing
        run = await begin(host, workflow)
        row = await stopped(host, run)
        assert row.detail == "tool book is stopped by person:op"
        assert await events(host, run, "intent") == []
        await release(elsewhere, "tool", "book", by=OPERATOR)
    assert system.calls == []
    async with serving(tmp_path, workflow) as host:
        assert (await ended(host, run)).status == "complete"


async def test_a_held_run_that_is_cancelled_ends(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = booking(system)
    async with serving(tmp_path, workflow) as host:
        await stop(host.store, "tool", "book", by=OPERATOR, reason="it runs amok")
        run = await begin(host, workflow)
        await stopped(host, run)
        await cancel(host, run)
        assert (await ended(host, run)).status == "cancelled"
    assert system.calls == []


async def test_a_call_that_is_owed_is_not_repeated_while_its_tool_is_stopped(tmp_path: Path) -> None:
    system = Elsewhere()
    system.after.append(cut)
    slow = Slow(system)
    workflow = booking(system)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await slow.begun.wait()
        await stop(host.store, "tool", "book", by=OPERATOR, reason="it runs amok")
        slow.released.set()
        await stopped(host, run)
        await cancel(host, run)
        await until(lambda: folded(host, run))
        await stopped(host, run)
        assert len(system.calls) == 1
        await release(host.store, "tool", "book", by=OPERATOR)
        assert (await ended(host, run)).status == "cancelled"
    assert len(system.calls) == 2
    assert len(set(system.keys)) == 1


async def folded(host: Host, run: str) -> bool | None:
    return bool(await events(host, run, "message")) or None


@pytest.mark.parametrize("stops", [1, 2], ids=["by one", "by two"])
async def test_it_is_asked_about_when_nothing_that_held_it_stands_any_more(
    tmp_path: Path, stops: int
) -> None:
    go, at_work = asyncio.Event(), asyncio.Event()

    @function(pure=True)
    async def desk(context: Context) -> object:
        at_work.set()
        await go.wait()
        return (await context.ask(Question("clinician", "go on?", {"type": "boolean"}))).value

    workflow = Workflow("visit", desk)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await at_work.wait()
        for name in ("desk", "visit/desk")[:stops]:
            await stop(host.store, "participant", name, by=OPERATOR, reason="out of order")
        go.set()
        await stopped(host, run)
        assert await host.store.questions(run=run) == []
        for name in ("desk", "visit/desk")[:stops]:
            await release(host.store, "participant", name, by=OPERATOR)
        await reply(host, await asked(host, run), value=True, by=ADA)
        assert (await ended(host, run)).output is True


async def test_a_stop_that_is_released_as_a_run_is_about_to_park_loses_no_wake_up(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = booking(system)

    class Late(SqliteStore):
        """Releases the stop right before it parks what the stop holds."""

        async def park(
            self, lease: Lease, seen: int, status: RunStatus = "waiting", *, held: Sequence[Stop | Short] = ()
        ) -> bool:
            for one in held:
                assert isinstance(one, Stop)
                await release(elsewhere, one.what, one.name, by=OPERATOR)
            return await super().park(lease, seen, status, held=held)

    async with (
        opened(tmp_path, SqliteStore) as elsewhere,
        opened(tmp_path, Late) as store,
        serving(tmp_path, workflow, store=store) as host,
    ):
        await stop(store, "workflow", "visit", by=OPERATOR, reason="a mistake")
        run = await begin(host, workflow)
        assert (await ended(host, run)).status == "complete"
        assert (await store.run(run)).epoch == 1


async def test_a_stop_of_another_tenant_stops_nothing_here(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = booking(system)
    async with serving(tmp_path, workflow) as host:
        await stop(host.store, "tool", "book", by=ELSEWHERE, reason="not here")
        await stop(host.store, "tenant", "other", by=ELSEWHERE, reason="not here")
        assert stands_against(host.store, OPERATOR) == ()
        assert (await ended(host, await begin(host, workflow))).status == "complete"


async def test_a_rehearsal_heeds_no_stop_and_does_nothing(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = booking(system)
    async with serving(tmp_path, workflow) as host:
        await stop(host.store, "tool", "book", by=OPERATOR, reason="it runs amok")
        run = await begin(host, workflow)
        await stopped(host, run)
        assert (await rehearse(host.store, host.clock, workflow, run)).fits


@pytest.mark.parametrize("depth", [0, 2], ids=["plain", "in branches"])
async def test_within_limits_it_is_held_as_well(tmp_path: Path, depth: int) -> None:
    system = Elsewhere()
    desk = uses(tool(system.book), what="it")
    workflow = Workflow("visit", nested(desk.limit(tokens=5), depth), limits=Limits(active="1m"))
    async with serving(tmp_path, workflow) as host:
        await stop(host.store, "tool", "book", by=OPERATOR, reason="it runs amok")
        run = await begin(host, workflow)
        await stopped(host, run)
        await release(host.store, "tool", "book", by=OPERATOR)
        assert (await ended(host, run)).status == "complete"


BY_ROLE = Principal("person", "op", roles=frozenset({"operator"}))


@pytest.mark.parametrize(
    ("what", "by", "error", "said"),
    [
        ("everything ", BY_ROLE, NotAllowedError, "'system-operator'"),
        ("tool book", ADA, NotAllowedError, "'operator'"),
        ("tenant other", OPERATOR, NotAllowedError, "belongs to tenant 'default'"),
        ("tool ", OPERATOR, InputError, "which tool"),
        ("everything all", OPERATOR, InputError, "no name"),
        ("toool x", OPERATOR, InputError, "did you mean"),
    ],
    ids=["everything", "no operator", "another tenant", "no name", "a name", "unknown"],
)
async def test_who_may_not_stop_or_says_no_name_is_refused(
    tmp_path: Path, what: str, by: Principal, error: type[Exception], said: str
) -> None:
    kind, _, name = what.partition(" ")
    async with opened(tmp_path, SqliteStore) as store:
        for act in (stop, release):
            with pytest.raises(error, match=said):
                await act(store, cast("Stoppable", kind), name, by=by, reason="because")
        with pytest.raises(InputError, match="reason"):
            await stop(store, "tool", "book", by=OPERATOR, reason=" ")
        assert stands_against(store, OPERATOR) == ()
