"""Chains of those who act for each other: nobody in one has more rights than all of it, across child runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.elsewhere import Elsewhere, uses
from kernel.scenarios.governed import gate_of, governed
from kernel.scenarios.house import begin, ended, events
from ripieno import Context, Task, Workflow, sequential, subworkflow, tool
from ripieno.identity import administration
from ripieno.mediation.policy import PolicyGate, load_library
from ripieno.model.gate import Action, Actor, Approval, Subject
from ripieno.model.outcome import Outcome
from ripieno.model.principal import Principal
from ripieno.participants.base import BaseParticipant

OP = Principal("person", "op", every_role=True)
BOOKERS = """
@id("bookers-book")
forbid (principal is Agent, action == Action::"tool.call", resource == Tool::"book")
unless { principal in Role::"booker" };
"""


class Planner(BaseParticipant):
    """An agent that lets somebody else do it."""

    kind = "agent"

    def __init__(self, name: str, other: BaseParticipant) -> None:
        super().__init__(name)
        self.other = other

    def children(self) -> Sequence[BaseParticipant]:
        return (self.other,)

    def describe(self) -> dict[str, Any]:
        return {}

    def reads(self, task: Task) -> Mapping[str, str]:
        return {"input": task.input.ref}

    async def act(self, task: Task, context: Context) -> Outcome:
        return await context.call(self.other, task)


@pytest.mark.parametrize("where", ["in the run", "in a child run", "in a child run of a child run"])
async def test_what_an_agent_has_done_by_others_needs_its_rights_and_those_of_all_above(
    tmp_path: Path, where: str
) -> None:
    system = Elsewhere()
    inner = Workflow("inner", sequential(uses(tool(system.book), what="visit")))
    middle = Workflow("middle", sequential(Planner("second", subworkflow(inner))))
    done_by = {
        "in the run": Planner("second", uses(tool(system.book), what="visit")),
        "in a child run": Planner("second", subworkflow(inner)),
        "in a child run of a child run": subworkflow(middle),
    }[where]
    workflow = Workflow("outer", sequential(Planner("first", done_by)))
    gate = gate_of(tmp_path / "policies", bookers=BOOKERS)
    async with governed(tmp_path / "home", gate, inner, middle, workflow) as host:
        for agent, may in (("", False), ("first", False), ("second", True)):
            if agent:
                await administration.grant(host.store, f"agent:{agent}", ["booker"], by=OP)
            run = await begin(host, workflow)
            outcome = await ended(host, run)
            assert (outcome.status == "complete") == may, (agent, outcome.reason)
        if where != "in the run":
            [child] = [one.body["child"] for one in await events(host, run, "asked") if "child" in one.body]
            assert (await events(host, child))[0].body["through"][-1] == "agent:first"
        await administration.suspend(host.store, "agent:first", by=OP, reason="it errs")
        refused = await ended(host, await begin(host, workflow))
        assert refused.status != "complete"
        assert "agent:first was suspended" in str(refused.reason)
    assert len(system.calls) == 1


@pytest.mark.parametrize(("agents", "may"), [(14, True), (15, False)])
async def test_no_more_than_sixteen_act_for_each_other(tmp_path: Path, agents: int, *, may: bool) -> None:
    """The agents, who started the run, and the function that makes the call."""
    system = Elsewhere()
    doing: BaseParticipant = uses(tool(system.book), what="visit")
    for number in range(agents):
        doing = Planner(f"agent-{number}", doing)
    workflow = Workflow("outer", doing)
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert (outcome.status == "complete", len(system.calls)) == (may, int(may)), outcome.reason
    assert may or "more than 16 act for each other here" in str(outcome.reason)


def test_nobody_in_a_chain_approves_what_is_proposed_in_it() -> None:
    gate = PolicyGate(load_library(), default_pack="supervised")
    ada, ben, eve = (
        Principal("person", name, roles=frozenset({"approver"})) for name in ("ada", "ben", "eve")
    )
    actor = Actor(Principal("agent", "payer"), Principal("service", "billing"), (ada, ben))
    assert [one.id for one in actor.chain] == ["agent:payer", "service:billing", ada.id, ben.id]
    paying = Action("tool.call", "tool.call", actor, Subject("tool", "pay", {"effect": "write"}))

    def decided(*by: Principal) -> str:
        given = tuple(Approval(one.id, "approver") for one in by)
        return gate.decide(replace(paying, approvals=given)).verdict

    assert decided() == "ask"
    assert [decided(ada), decided(ben), decided(ada, ben)] == ["ask"] * 3
    assert decided(eve) == "allow"
