"""Everyone who can act is registered, with who answers for them; who is suspended or retired does not act."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.elsewhere import Elsewhere, Slow, uses
from kernel.scenarios.halting import Deaf
from kernel.scenarios.house import (
    ADA,
    OPERATOR,
    asked,
    begin,
    ended,
    events,
    opened,
    parked,
    reply,
    serving,
    until,
)
from kernel.scenarios.office import Office, books
from kernel.scenarios.parents import sound
from ripieno import Context, Outcome, Workflow, function, human, sequential, single_agent, tool
from ripieno.journal.records import VersionRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel.commands import cancel
from ripieno.kernel.deployments import promote
from ripieno.kernel.host import Host
from ripieno.kernel.inventory import Agent, agents, find_agent, reinstate, retire, suspend
from ripieno.kernel.rollback import roll_back
from ripieno.model.errors import InputError, NotAllowedError, NotFoundError
from ripieno.model.participant import Task
from ripieno.participants.base import BaseParticipant
from ripieno.participants.function import Function

CLERK = human("clerk", role="clerk")


@function(pure=True, version="2")
def work() -> str:
    return "done"


async def listed(host: Host) -> dict[str, Agent]:
    return {agent.full_name: agent for agent in await agents(host.store, "default")}


# -- what is known ---------------------------------------------------------------------------------------


async def test_what_is_registered_is_listed_with_what_is_declared(tmp_path: Path) -> None:
    @tool(effect="read")
    def look() -> str:
        return "seen"

    @function(pure=True)
    def think(turn: Any) -> str:
        return str(turn["round"])

    workflow = Workflow(
        "triage",
        sequential(work, single_agent(think, tools=[look]), CLERK),
        owner="ward",
        purpose="who is next",
        risk="high",
        data=["phi"],
    )
    async with serving(tmp_path, workflow) as host:
        await host.enter(workflow, OPERATOR)
        found = await listed(host)
        assert sorted(found) == ["triage/clerk", "triage/think", "triage/work"]
        one = found["triage/work"]
        assert (one.kind, one.owner, one.purpose, one.risk, tuple(one.data), one.model) == (
            "function",
            "ward",
            "who is next",
            "high",
            ("phi",),
            None,
        )
        assert (one.code, one.versions, one.status, one.last_acted) == (
            ["2"],
            [workflow.version],
            "draft",
            None,
        )
        assert found["triage/think"].tools == ["look"]
        assert found["triage/clerk"].asks == ("clerk",)
        (row,) = await host.store.versions("default")
        await promote(host.store, row, "staging", by=OPERATOR)
        assert (await listed(host))["triage/work"].status == "active"


async def test_who_has_acted_is_active_with_when_with_which_tools_and_where(tmp_path: Path) -> None:
    office = Office()
    workflow = Workflow("trip", sequential(books("a", office.booking, "x"), CLERK))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        found = await listed(host)
        assert (found["trip/a"].status, found["trip/a"].tools) == ("active", ["book"])
        assert found["trip/a"].last_acted is not None
        assert (found["trip/clerk"].status, found["trip/clerk"].last_acted) == ("draft", None)
        assert found["trip/a"].runs_at == []


async def test_the_process_that_is_at_a_run_of_its_workflow_is_named(tmp_path: Path) -> None:
    system = Elsewhere()
    slow = Slow(system)
    workflow = Workflow("visit", books("a", tool(system.book), "visit"))
    async with serving(tmp_path, workflow) as host:
        await host.enter(Workflow("idle", work), OPERATOR)
        run = await begin(host, workflow)
        await slow.begun.wait()
        found = await listed(host)
        [where] = found["visit/a"].runs_at
        assert ", process " in where
        assert found["idle/work"].runs_at == []
        slow.released.set()
        await ended(host, run)


async def test_what_was_registered_before_there_was_an_inventory_is_listed_by_name(tmp_path: Path) -> None:
    pins = '{"code": {"old": {"source": "0123456789abcdef", "version": null}}}'
    async with opened(tmp_path, SqliteStore) as store:
        for version in ("v1", "v2"):
            await store.register(VersionRow(version, "default", "flow", "", pins, 1), "person:op")
        [agent] = await agents(store, "default")
        assert agent.versions == ["v2", "v1"]
        assert (agent.full_name, agent.kind, agent.code) == ("flow/old", "", ["0123456789ab"])


async def test_a_participant_is_found_by_its_name_or_by_both(tmp_path: Path) -> None:
    one, other = Workflow("one", sequential(work, CLERK)), Workflow("other", work)
    async with serving(tmp_path, one, other) as host:
        await host.enter(one, OPERATOR)
        await host.enter(other, OPERATOR)
        assert (await find_agent(host.store, "default", "clerk")).full_name == "one/clerk"
        assert (await find_agent(host.store, "default", "other/work")).full_name == "other/work"
        with pytest.raises(InputError, match="the name of 2 participants"):
            await find_agent(host.store, "default", "work")
        with pytest.raises(NotFoundError, match="did you mean 'clerk'"):
            await find_agent(host.store, "default", "clark")


# -- who may act -----------------------------------------------------------------------------------------


async def agent_of(host: Host, name: str) -> Agent:
    return await find_agent(host.store, "default", name)


def waits() -> Workflow:
    return Workflow("flow", sequential(CLERK, work))


async def test_a_suspended_participant_is_held_and_goes_on_when_it_is_reinstated(tmp_path: Path) -> None:
    workflow = waits()
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        agent = await agent_of(host, "work")
        assert await suspend(host.store, agent, by=OPERATOR, reason="it errs")
        assert not await suspend(host.store, agent, by=OPERATOR, reason="it errs")
        await reply(host, question, {"proceed": True})

        async def held() -> bool | None:
            return (await host.store.run(run)).status == "stopped" or None

        await until(held)
        found = await agent_of(host, "work")
        assert (found.status, found.by, found.reason) == ("suspended", "person:op", "it errs")
        assert await reinstate(host.store, agent, by=OPERATOR, reason="mended")
        assert (await ended(host, run)).output == "done"
        assert not await reinstate(host.store, agent, by=OPERATOR, reason="mended")
    assert sound(tmp_path)


async def test_a_retired_participant_ends_its_visits_as_escalated_and_says_by_whom_and_why(
    tmp_path: Path,
) -> None:
    workflow = waits()
    async with serving(tmp_path, workflow) as host, serving(tmp_path) as other:
        run = await begin(host, workflow)
        question = await asked(host, run)
        agent = await agent_of(other, "work")
        await suspend(other.store, agent, by=OPERATOR, reason="it errs")
        assert await retire(other.store, agent, by=OPERATOR, reason="replaced")
        assert not await retire(other.store, agent, by=OPERATOR, reason="replaced")
        assert (await agent_of(other, "work")).status == "retired"

        async def heard() -> bool | None:
            return host.store.roll.standing or None

        await until(heard)
        await reply(host, question, {"proceed": True})
        outcome = await ended(host, run)
        assert outcome.status == "escalated"
        assert "work was retired by person:op: replaced" in str(outcome.reason)
        assert await reinstate(other.store, agent, by=OPERATOR, reason="needed")
        again = await begin(other, workflow)
        await reply(other, await asked(other, again), {"proceed": True})
        assert (await ended(host, again)).output == "done"
    assert sound(tmp_path)


async def test_what_a_retirement_has_ended_stays_ended_for_every_replay(tmp_path: Path) -> None:
    kept = Workflow("flow", sequential(work.on_failure("continue"), CLERK))
    async with serving(tmp_path, kept) as host:
        await host.enter(kept, OPERATOR)
        agent = await agent_of(host, "work")
        await retire(host.store, agent, by=OPERATOR, reason="replaced")
        run = await begin(host, kept)
        question = await asked(host, run)
        await parked(host, run)
        await reinstate(host.store, agent, by=OPERATOR, reason="needed")
    async with serving(tmp_path, kept) as host:
        await reply(host, question, {"proceed": True})
        await ended(host, run)
        [visit] = [one for one in await events(host, run, "step") if one.path.endswith("work@1")]
        assert visit.body["outcome"]["status"] == "escalated"


async def test_a_visit_that_has_begun_goes_on_though_its_participant_is_retired(tmp_path: Path) -> None:
    workflow = Workflow("flow", CLERK)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await parked(host, run)
        await retire(host.store, await agent_of(host, "clerk"), by=OPERATOR, reason="closed")
        await reply(host, question, {"proceed": True})
        assert (await ended(host, run)).status == "complete"


def twice(system: Elsewhere) -> Workflow:
    """Book two things in one visit."""
    booked = tool(system.book)

    async def books(given: object, context: Context) -> object:
        del given
        await context.use(booked, what="bed")
        return await context.use(booked, what="taxi")

    return Workflow("flow", sequential(Function(books, name="books", pure=True)))


@pytest.mark.parametrize("kind", [SqliteStore, Deaf], ids=["that hears", "that does not hear"])
async def test_who_is_retired_calls_no_further_tool_in_a_visit_that_has_begun_in_any_process(
    tmp_path: Path, kind: type[SqliteStore]
) -> None:
    system = Elsewhere()
    workflow = twice(system)
    async with (
        opened(tmp_path, kind) as store,
        serving(tmp_path, workflow, store=store) as host,
        serving(tmp_path) as other,
    ):
        await host.enter(workflow, OPERATOR)
        agent = await agent_of(other, "books")

        async def retired() -> None:
            await retire(other.store, agent, by=OPERATOR, reason="replaced")

        system.before.append(retired)
        run = await begin(host, workflow)
        outcome = await ended(host, run)
        assert outcome.status == "escalated"
        assert "taxi" not in str(outcome)
        assert "books was retired by person:op: replaced" in str(outcome.reason)
        assert [len(await events(host, run, kind)) for kind in ("intent", "denied")] == [1, 1]
    assert len(system.calls) == 1, "what was claimed is awaited and recorded, and nothing follows it"
    assert sound(tmp_path)


async def test_what_a_retired_participant_did_is_rolled_back_all_the_same(tmp_path: Path) -> None:
    undone = list[str]()

    def book(what: str) -> str:
        return what

    def unbook(what: str) -> None:
        undone.append(what)

    workflow = Workflow(
        "flow", sequential(uses(tool(book, undo=tool(unbook)), name="books", what="bed"), CLERK)
    )
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await asked(host, run)
        await parked(host, run)
        await retire(host.store, await agent_of(host, "books"), by=OPERATOR, reason="replaced")
        await cancel(host.store, host.clock, await host.store.run(run), by=OPERATOR, undo=True)
        assert (await ended(host, run)).status == "cancelled"
    assert undone == ["bed"]


class Caller(BaseParticipant):
    """Lets somebody work whom nobody knows."""

    kind = "caller"

    def describe(self) -> dict[str, Any]:
        return {}

    def reads(self, task: Task) -> Mapping[str, str]:
        return {"input": task.input.ref}

    async def act(self, task: Task, context: Context) -> Outcome:
        return await context.call(work, task)


async def test_what_is_not_registered_cannot_act(tmp_path: Path) -> None:
    workflow = Workflow("flow", Caller("caller"))
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
        assert outcome.status == "failed"
        assert f"work is not registered with flow {workflow.version[:12]}" in str(outcome.reason)


async def test_what_a_suspended_participant_did_is_rolled_back_all_the_same(tmp_path: Path) -> None:
    office = Office()
    workflow = Workflow("trip", books("a", office.booking, "x"))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await ended(host, run)
        agent = await agent_of(host, "a")
        await suspend(host.store, agent, by=OPERATOR, reason="it errs")
        row = await host.store.run(run)
        undoing = await roll_back(host.store, host.clock, row, by=OPERATOR, reason="it erred")
        await ended(host, undoing.id)
        await retire(host.store, agent, by=OPERATOR, reason="it erred")
    assert office.acts == ["book x", "release x"]


async def test_a_retirement_stands_though_its_reason_was_erased(tmp_path: Path) -> None:
    workflow = Workflow("flow", work)
    async with serving(tmp_path, workflow) as host:
        await host.enter(workflow, OPERATOR)
        await retire(host.store, await agent_of(host, "work"), by=OPERATOR, reason="private")
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as connection, connection:
        connection.execute("DELETE FROM payloads")
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
        assert outcome.reason == "work was retired by person:op: a reason that was erased"


async def test_only_an_operator_says_who_may_act_and_says_why(tmp_path: Path) -> None:
    workflow = waits()
    async with serving(tmp_path, workflow) as host:
        await host.enter(workflow, OPERATOR)
        agent = await agent_of(host, "work")
        for change in (suspend, retire, reinstate):
            with pytest.raises(NotAllowedError):
                await change(host.store, agent, by=ADA, reason="so")
            with pytest.raises(InputError, match="reason"):
                await change(host.store, agent, by=OPERATOR, reason=" ")
        assert (await agent_of(host, "work")).status == "draft"
