"""Roles count as they stand at a decision: what is revoked since a run began counts in it, in any process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.elsewhere import Elsewhere, uses
from kernel.scenarios.governed import YES, gate_of, governed
from kernel.scenarios.halting import Deaf, stopped
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    OPERATOR,
    asked,
    begin,
    ended,
    events,
    opened,
    parked,
    reply,
    serving,
)
from ripieno import Context, Host, Task, Workflow, human, sequential, subworkflow, tool
from ripieno.identity import administration, api_keys
from ripieno.identity.credential import Credential
from ripieno.identity.sign_in import sign_in
from ripieno.journal.identity import RevokedKey
from ripieno.journal.records import RunFilter
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.store import Store
from ripieno.kernel.commands import answer, cancel
from ripieno.kernel.stopping import release, stop
from ripieno.model.errors import NotAllowedError
from ripieno.model.outcome import Outcome
from ripieno.model.principal import Principal
from ripieno.participants.base import BaseParticipant

ZOE = "person:zoe"
BOOKER = Principal("person", "zoe", roles=frozenset({"booker", "clerk"}))
BOOKERS = """
@id("bookers-book")
forbid (principal is Person, action == Action::"tool.call", resource == Tool::"book")
unless { principal in Role::"booker" };
"""
STARTERS = """
@id("bookers-start")
forbid (principal is Person, action == Action::"run.start", resource == Workflow::"inner")
unless { principal in Role::"booker" };
"""
CLERK = human("clerk", role="clerk")


def flow(system: Elsewhere) -> Workflow:
    """Ask a clerk, and book then."""
    return Workflow("bookings", sequential(CLERK, uses(tool(system.book), what="visit")))


async def waiting(host: Host, workflow: Workflow, by: Principal = BOOKER) -> str:
    """Begin a run and give it once it waits for the clerk."""
    run = await begin(host, workflow, by=by)
    await asked(host, run)
    await parked(host, run)
    return run


async def let_on(host: Host, run: str) -> Outcome:
    await reply(host, await asked(host, run), YES)
    return await ended(host, run)


async def change(store: Store, act: str) -> None:
    if act == "revoked":
        await administration.revoke(store, ZOE, ["booker"], by=OPERATOR)
    elif act == "left":
        await administration.unmap_group(store, "desk", "booker", by=OPERATOR)
    else:
        await administration.suspend(store, ZOE, by=OPERATOR, reason="gone")


@pytest.mark.parametrize("act", ["revoked", "left", "suspended"])
@pytest.mark.parametrize("where", ["at work", "restarted"])
async def test_what_is_taken_from_who_started_a_run_counts_in_it_from_the_next_act_on(
    tmp_path: Path, act: str, where: str
) -> None:
    system, home = Elsewhere(), tmp_path / "home"
    workflow, gate = flow(system), gate_of(tmp_path / "policies", bookers=BOOKERS)
    async with governed(home, gate, workflow) as host, opened(home, SqliteStore) as other:
        if act == "left":
            await administration.map_group(other, "desk", "booker", by=OPERATOR)
            await administration.join(other, ZOE, ["desk"], by=OPERATOR)
        else:
            await administration.grant(other, ZOE, ["booker"], by=OPERATOR)
        run = await waiting(host, workflow)
        again = await waiting(host, workflow)
        assert (await let_on(host, run)).status == "complete"
        await change(other, act)
        outcome = await let_on(host, again) if where == "at work" else None
    if outcome is None:
        async with governed(home, gate, workflow) as host:
            outcome = await let_on(host, again)
            [denied] = await events(host, again, "denied")
            assert denied.path.endswith("/denied")
    assert (outcome.status, len(system.calls)) == ("escalated", 1)
    said = "person:zoe was suspended by person:op" if act == "suspended" else "forbidden by bookers-book"
    assert said in (outcome.reason or "")


async def test_a_claim_cannot_pass_a_change_of_which_its_process_has_not_heard(tmp_path: Path) -> None:
    system, home = Elsewhere(), tmp_path / "home"
    workflow = flow(system)
    async with (
        opened(home, Deaf) as store,
        opened(home, SqliteStore) as elsewhere,
    ):
        store.gate = gate_of(tmp_path / "policies", bookers=BOOKERS)
        async with serving(home, workflow, store=store) as host:
            await administration.grant(elsewhere, ZOE, ["booker"], by=OPERATOR)
            runs = [await waiting(host, workflow) for _ in range(2)]
            # what changes no right does not stand in the way of a claim, though the tenant's log goes on
            await elsewhere.record("default", "operation", {"what": "nothing"})
            await administration.join(elsewhere, "person:other", ["ward"], by=OPERATOR)
            await answer(elsewhere, host.clock, await asked(host, runs[0]), by=OPERATOR, value=YES)
            assert (await ended(host, runs[0])).output == "visit #1"
            await administration.revoke(elsewhere, ZOE, ["booker"], by=OPERATOR)
            await answer(elsewhere, host.clock, await asked(host, runs[1]), by=OPERATOR, value=YES)
            outcome = await ended(host, runs[1])
            assert await events(host, runs[1], "intent") == []
    assert "forbidden by bookers-book" in str(outcome.reason)
    assert len(system.calls) == 1


async def test_nothing_that_is_granted_after_the_start_widens_a_run(tmp_path: Path) -> None:
    system, home = Elsewhere(), tmp_path / "home"
    workflow, gate = flow(system), gate_of(tmp_path / "policies", bookers=BOOKERS)
    async with governed(home, gate, workflow) as host:
        await administration.grant(host.store, ZOE, ["clerk"], by=OPERATOR)
        run = await waiting(host, workflow)
        await administration.grant(host.store, ZOE, ["booker"], by=OPERATOR)
        assert (await let_on(host, run)).status == "escalated"
        assert (await let_on(host, await waiting(host, workflow))).status == "complete"


async def test_whom_no_directory_knows_keeps_what_was_held_at_the_start(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow, gate = flow(system), gate_of(tmp_path / "policies", bookers=BOOKERS)
    async with governed(tmp_path / "home", gate, workflow) as host:
        run = await waiting(host, workflow)
        await administration.enter(host.store, "person:other", by=OPERATOR)
        assert (await let_on(host, run)).status == "complete"


async def test_what_was_begun_with_a_key_ends_with_it(tmp_path: Path) -> None:
    system, clock = Elsewhere(), HandClock()
    workflow, gate = flow(system), gate_of(tmp_path / "policies")
    async with governed(tmp_path / "home", gate, workflow, clock=clock) as host:
        made = await api_keys.create_key(host.store, clock, "service:desk", by=OPERATOR)
        desk = await sign_in(host.store, clock, OPERATOR, Credential("key", made.text))
        runs = [await waiting(host, workflow, by=desk) for _ in range(2)]
        assert (await let_on(host, runs[0])).status == "complete"
        await host.store.revoke_key("default", RevokedKey(made.row.id, OPERATOR.id))
        outcome = await let_on(host, runs[1])
        with pytest.raises(NotAllowedError, match="was revoked"):
            await begin(host, workflow, by=desk)
    assert f"key {made.row.id}, with which service:desk came, was revoked" in (outcome.reason or "")
    assert len(system.calls) == 1


class Planner(BaseParticipant):
    """An agent that books."""

    kind = "agent"

    def __init__(self, system: Elsewhere) -> None:
        super().__init__("planner")
        self._tool = tool(system.book)

    def describe(self) -> dict[str, Any]:
        return {}

    def reads(self, task: Task) -> Mapping[str, str]:
        return {"input": task.input.ref}

    async def act(self, task: Task, context: Context) -> Outcome:
        del task
        return Outcome("complete", await context.use(self._tool, what="visit"))


PLANNERS = """
@id("planners-book")
forbid (principal, action == Action::"tool.call", resource == Tool::"book")
unless { principal in Role::"booker" };
"""


async def test_an_agent_acts_with_the_roles_that_the_directory_gives_it(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow, gate = (
        Workflow("plans", sequential(CLERK, Planner(system))),
        gate_of(tmp_path / "policies", planners=PLANNERS),
    )
    async with governed(tmp_path / "home", gate, workflow) as host:
        nobody, booker, suspended = [await waiting(host, workflow) for _ in range(3)]
        assert "planners-book" in str((await let_on(host, nobody)).reason)
        await administration.grant(host.store, "agent:planner", ["booker"], by=OPERATOR)
        assert (await let_on(host, booker)).output == "visit #1"
        await administration.suspend(host.store, "agent:planner", by=OPERATOR, reason="it errs")
        assert "agent:planner was suspended by person:op" in str((await let_on(host, suspended)).reason)
    assert len(system.calls) == 1


async def test_a_command_counts_with_the_roles_that_are_held_when_it_is_given(tmp_path: Path) -> None:
    workflow = flow(Elsewhere())
    boss = Principal("person", "zoe", roles=frozenset({"operator", "clerk"}))
    async with serving(tmp_path, workflow) as host:
        run = await waiting(host, workflow)
        await administration.grant(host.store, ZOE, ["clerk"], by=OPERATOR)
        with pytest.raises(NotAllowedError, match="role 'operator'"):
            await cancel(host.store, host.clock, await host.store.run(run), by=boss)
        await administration.revoke(host.store, ZOE, ["clerk"], by=OPERATOR)
        with pytest.raises(NotAllowedError, match="is for role 'clerk'"):
            await reply(host, await asked(host, run), YES, by=boss)


async def test_what_was_done_for_somebody_who_is_suspended_is_taken_back_all_the_same(
    tmp_path: Path,
) -> None:
    undone = list[str]()

    def book(what: str) -> str:
        return what

    def unbook(what: str) -> None:
        undone.append(what)

    booked = uses(tool(book, undo=tool(unbook)), what="visit")
    workflow = Workflow("bookings", sequential(booked, CLERK))
    async with serving(tmp_path, workflow) as host:
        await administration.grant(host.store, ZOE, ["booker"], by=OPERATOR)
        run = await waiting(host, workflow)
        await administration.suspend(host.store, ZOE, by=OPERATOR, reason="gone")
        await cancel(host.store, host.clock, await host.store.run(run), by=OPERATOR, undo=True)
        await ended(host, run)
    assert undone == ["visit"]


async def test_a_child_run_is_decided_again_right_before_it_is_made(tmp_path: Path) -> None:
    """It was let start, and waited for a stop to be released."""
    inner = Workflow("inner", sequential(uses(tool(Elsewhere().book), what="visit")))
    outer = Workflow("outer", sequential(subworkflow(inner)))
    gate = gate_of(tmp_path / "policies", starters=STARTERS)
    async with governed(tmp_path / "home", gate, inner, outer) as host:
        await administration.grant(host.store, ZOE, ["booker"], by=OPERATOR)
        assert (await ended(host, await begin(host, outer, by=BOOKER))).status == "complete"
        await stop(host.store, "workflow", "inner", by=OPERATOR, reason="not now")
        run = await begin(host, outer, by=BOOKER)
        await stopped(host, run)
        await administration.revoke(host.store, ZOE, ["booker"], by=OPERATOR)
        await release(host.store, "workflow", "inner", by=OPERATOR)
        outcome = await ended(host, run)
        assert await events(host, run, "asked") == []
    assert "forbidden by bookers-start" in str(outcome.reason)


async def test_a_child_run_cannot_pass_a_change_of_which_its_process_has_not_heard(tmp_path: Path) -> None:
    home = tmp_path / "home"
    inner = Workflow("inner", sequential(uses(tool(Elsewhere().book), what="visit")))
    outer = Workflow("outer", sequential(CLERK, subworkflow(inner)))
    async with (
        opened(home, Deaf) as store,
        opened(home, SqliteStore) as elsewhere,
    ):
        store.gate = gate_of(tmp_path / "policies", starters=STARTERS)
        async with serving(home, inner, outer, store=store) as host:
            await administration.grant(elsewhere, ZOE, ["booker"], by=OPERATOR)
            run = await waiting(host, outer)
            await administration.revoke(elsewhere, ZOE, ["booker"], by=OPERATOR)
            await answer(elsewhere, host.clock, await asked(host, run), by=OPERATOR, value=YES)
            outcome = await ended(host, run)
            assert [one for one in await events(host, run, "asked") if "child" in one.body] == []
    assert "forbidden by bookers-start" in str(outcome.reason)


async def test_a_child_run_acts_with_what_is_left_to_who_started_the_one_above(tmp_path: Path) -> None:
    system = Elsewhere()
    inner = Workflow("inner", sequential(uses(tool(system.book), what="visit")))
    outer = Workflow("outer", sequential(CLERK, subworkflow(inner)))
    gate = gate_of(tmp_path / "policies", bookers=BOOKERS)
    async with governed(tmp_path / "home", gate, inner, outer) as host:
        await administration.grant(host.store, ZOE, ["booker", "clerk"], by=OPERATOR)
        run = await waiting(host, outer)
        await administration.revoke(host.store, ZOE, ["booker"], by=OPERATOR)
        outcome = await let_on(host, run)
        [begun] = [one.body["child"] for one in await events(host, run, "asked") if "child" in one.body]
        assert (await events(host, begun))[0].body["roles"] == ["clerk"]
    assert "forbidden by bookers-book" in str(outcome.reason)
    assert system.calls == []


async def test_a_start_knows_of_a_change_of_which_its_process_has_not_heard(tmp_path: Path) -> None:
    workflow, home = Workflow("inner", CLERK), tmp_path / "home"
    async with opened(home, Deaf) as store, opened(home, SqliteStore) as elsewhere:
        store.gate = gate_of(tmp_path / "policies", starters=STARTERS)
        async with serving(home, workflow, store=store) as host:
            await administration.grant(elsewhere, ZOE, ["booker"], by=OPERATOR)
            await begin(host, workflow, by=BOOKER)
            await administration.revoke(elsewhere, ZOE, ["booker"], by=OPERATOR)
            with pytest.raises(NotAllowedError, match="forbidden by bookers-start"):
                await begin(host, workflow, by=BOOKER)
            assert len(await elsewhere.runs(RunFilter())) == 1, "nothing is left of what was not let begin"
            await administration.grant(elsewhere, ZOE, ["booker", "clerk"], by=OPERATOR)
            run = await begin(host, workflow, by=BOOKER)
            [first] = await events(host, run, "run.started")
            assert first.body["roles"] == ["booker", "clerk"]
            await administration.revoke(elsewhere, ZOE, ["clerk"], by=OPERATOR)
            run = await begin(host, workflow, by=BOOKER)
            [first] = await events(host, run, "run.started")
            assert first.body["roles"] == ["booker"], "it begins with what is held, not with what was"
