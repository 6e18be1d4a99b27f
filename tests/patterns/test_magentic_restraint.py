"""What holds open-ended work back: budgets, approval of its effects, and what it needs before it starts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from directing import Script, ending, restrained, team
from ledgers import DONE, facts, item, look, plan
from running import Running, gives, outcome, pure

from kernel.scenarios.house import OPERATOR
from ripieno import (
    Call,
    Context,
    Cost,
    Evidence,
    Function,
    Limits,
    Workflow,
    approved,
    ask,
    concurrent,
    degrade,
    human,
    loop,
    merge,
    sequential,
    tool,
)
from ripieno.kernel.retries import retry
from ripieno.model.effect_rule import AUTO
from ripieno.model.errors import DefinitionError
from ripieno.participants.base import BaseParticipant

DAY = Limits(deadline="1d")


def counting(name: str = "worker") -> Function:
    """Give a worker that says how often it was told to work."""
    times = 0

    def act(turn: dict[str, Any]) -> str:
        nonlocal times
        times += 1
        return f"{turn['instruction']} {times}"

    return pure(act, name)


# -- budgets ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("around", [False, True], ids=["of the workflow", "of the pattern"])
async def test_rounds_that_a_limit_outside_ends_come_to_an_answer(running: Running, *, around: bool) -> None:
    script = Script(facts=facts(("given", "slow")), plan=plan(item("a"), item("b")), progress=look())
    flow = team(script, counting())
    limits = Limits(deadline="1d") if around else Limits(rounds=2)
    top = flow.limit(rounds=2) if around else flow
    ended = await running.run(Workflow("tested", top, policy="standard", limits=limits))
    assert (ended.status, ended.output["answer"]) == ("partial", "answer: budget")
    assert ended.output["missing"] == ["b: find out (open)"]
    assert ended.evidence == (Evidence("slow", "input"),)
    assert (ended.reason or "").startswith(
        "ended while there is enough left for the answer, of its rounds: 0; missing: b: find out"
    )


async def test_what_the_last_round_of_a_limit_has_found_may_satisfy(running: Running) -> None:
    script = Script(progress=[look(), look(), DONE])
    ended = await running.run(
        Workflow("tested", team(script, counting()), policy="standard", limits=Limits(rounds=2))
    )
    assert ended.status == "complete"


def thinking(most: int, costs: int) -> Function:
    """Give a worker of whom each turn may cost `most` tokens, and costs less."""

    @tool(effect="read", cost=Cost(tokens=most))
    def think(call: Call) -> str:
        call.spent(tokens=costs)
        return "thought"

    async def worker(turn: Any, context: Context) -> str:
        del turn
        return await context.use(think)

    return pure(worker, "worker")


def paid_for(script: Script, most: int, costs: int) -> Function:
    """Give a scripted manager whose every answer may cost `most` tokens, and costs less."""
    told = script.participant()

    @tool(effect="read", cost=Cost(tokens=most))
    def think(call: Call) -> str:
        call.spent(tokens=costs)
        return "thought"

    async def lead(turn: Any, context: Context) -> Any:
        await context.use(think)
        return told.function(turn)

    return pure(lead, "lead")


@pytest.mark.parametrize(
    ("limit", "looks", "rounds", "ends"),
    [
        (159, 0, 0, "budget"),
        (160, 1, 1, "budget"),
        (259, 2, 1, "budget"),
        (260, 2, 2, "budget"),
        (319, 3, 2, "budget"),
        (320, 3, 3, "budget"),
        (340, 4, 3, "satisfied"),
    ],
)
async def test_what_calls_may_cost_is_kept_back_for_the_answer(
    running: Running, limit: int, looks: int, rounds: int, ends: str
) -> None:
    """A call of a manager may cost 60 and costs 20; one of the worker may cost 80 and costs 40."""
    script = Script(progress=[look(), look(), look(), DONE])
    flow = team(script, thinking(80, 40), planner=paid_for(script, 60, 20))
    ended = await running.run(Workflow("tested", flow, policy="standard", limits=Limits(tokens=limit)))
    [last] = script.told("synthesis")
    assert (len(script.told("progress")), last["ledger"]["round"]) == (looks, rounds)
    assert ended.output["answer"] == f"answer: {ends}"


@pytest.mark.parametrize("limits", [Limits(tokens=300, on_exhausted=ask("boss")), None], ids=["asks", "none"])
async def test_where_no_limit_ends_the_work_nothing_is_kept_back(
    running: Running, limits: Limits | None
) -> None:
    script = Script(progress=[look(), DONE])
    flow = team(script, thinking(80, 40), planner=paid_for(script, 60, 60))
    bound = limits or Limits(tokens=1000, on_exhausted=degrade(gives("cheap", 1)))
    run = await running.begin(Workflow("tested", flow, policy="standard", limits=bound))
    if limits is not None:
        [question] = await running.questions(run)
        await running.reply(question.row, {"proceed": True})
    assert (await running.ended(run)).status == "complete"


async def test_what_ended_for_want_of_budget_and_is_run_again_goes_on(running: Running) -> None:
    script = Script(progress=[look(), look(), look(), DONE])
    flow = team(script, thinking(80, 40), planner=paid_for(script, 60, 20))
    run = await running.begin(Workflow("tested", flow, policy="standard", limits=Limits(tokens=260)))
    assert (await running.ended(run)).output["answer"] == "answer: budget"
    store = running.host.store
    again = await retry(store, running.host.clock, await store.run(run), by=OPERATOR)
    ended = await running.ended(again.id)
    assert (ended.status, ended.output["answer"]) == ("complete", "answer: satisfied")
    assert script.told("synthesis")[-1]["ledger"]["round"] == 3


@pytest.mark.parametrize(
    ("rule", "status"), [(None, "escalated"), ("stop", "partial")], ids=["as it is", "declared"]
)
async def test_a_deadline_that_comes_near_leaves_the_time_for_the_answer(
    running: Running, rule: Any, status: str
) -> None:
    """Each answer and each turn takes an hour of the day."""
    script = Script(progress=look())

    def hours(turn: Any) -> Any:
        running.clock.turn(3600)
        return script.participant().function(turn)

    def worker() -> str:
        running.clock.turn(3600)
        return "found"

    limits = Limits(deadline="8h30m") if rule is None else Limits(deadline="8h30m", on_exhausted=rule)
    flow = team(script, pure(worker), planner=pure(hours, "lead"))
    ended = await running.run(Workflow("tested", flow, policy="standard", limits=limits))
    assert (ended.status, ended.output["answer"]) == (status, "answer: budget")
    assert "of the time to its deadline: " in (ended.reason or "")


@pytest.mark.parametrize("nested", [False, True], ids=["alone", "after another"])
async def test_a_deadline_leaves_what_the_ledger_knows_and_what_is_missing(
    running: Running, *, nested: bool
) -> None:
    script = Script(plan=plan(item("a"), item("b", "clerk")), progress=[look(), look("clerk", at="b")])
    flow: BaseParticipant = team(script, counting(), human("clerk", role="clerk"))
    top = sequential(gives("first", "unlike"), flow) if nested else flow
    run = await running.begin(Workflow("tested", top, policy="standard", limits=DAY))
    await running.questions(run)
    running.clock.turn(25 * 3600)
    running.host.ring()
    ended = await running.ended(run)
    assert (ended.status, ended.reason) == ("escalated", "not done within the deadline of 86400 s")
    assert ended.output["answer"]["found"] == {"a": "go on 1"}
    assert ended.output["missing"] == ["b: find out (doing)"]


async def test_of_two_side_by_side_neither_speaks_for_the_whole(running: Running) -> None:
    teams: list[BaseParticipant] = []
    for name in ("clerk", "chief"):
        script = Script(plan=plan(item("a", name)), progress=look(name))
        lead = script.participant(f"{name}-lead")
        teams.append(team(script, human(name, role=name), planner=lead, name=f"{name}-team"))
    flow = concurrent(*teams, resolve=merge())
    run = await running.begin(Workflow("tested", flow, policy="standard", limits=DAY))
    await running.questions(run)
    running.clock.turn(25 * 3600)
    running.host.ring()
    ended = await running.ended(run)
    assert (ended.status, ended.output) == ("escalated", {})  # nobody has finished


async def test_a_worker_whose_budget_is_used_up_is_evidence(running: Running) -> None:
    @tool(effect="read", cost=Cost(tokens=10))
    def think() -> str:
        return "thought"

    async def worker(turn: Any, context: Context) -> str:
        del turn
        return await context.use(think)

    script = Script(progress=[look(), look("other"), DONE])
    flow = team(script, pure(worker).limit(tokens=5), gives("other", 1))
    ended = await running.run(restrained(flow))
    assert ended.status == "complete"
    assert script.told("progress")[1]["ledger"]["evidence"][0]["status"] == "partial"


async def test_a_manager_whose_budget_is_used_up_ends_it_with_an_answer(running: Running) -> None:
    script = Script(progress=[look(), outcome("partial", reason="out of tokens")], synthesis="known so far")
    ended = await ending(running, script)
    assert (ended.status, ended.output["answer"]) == ("partial", "known so far")
    assert "no answer: out of tokens" in (ended.reason or "")


# -- what it does to other systems, and what it needs before it starts -----------------------------------


@pytest.mark.parametrize("wrapped", [False, True], ids=["a worker", "a worker with conditions"])
async def test_what_a_worker_does_to_other_systems_waits_for_approval(
    running: Running, *, wrapped: bool
) -> None:
    done: list[str] = []

    @tool(on_uncertain="retry")
    def restart(service: str) -> str:
        done.append(service)
        return "restarted"

    async def worker(turn: Any, context: Context) -> str:
        del turn
        return await context.use(restart, service="billing")

    stage = pure(worker).retry(2) if wrapped else pure(worker)
    run = await running.begin(restrained(team(Script(), stage)), None)
    [question] = await running.questions(run)
    assert (question.row.role, done) == ("operator", [])
    await running.reply(question.row, {"proceed": True})
    assert (await running.ended(run)).status == "complete"
    assert done == ["billing"]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "free effects": ({"effects": AUTO}, "nobody approves what its workers do"),
    "two who approve": ({"effects": approved("a").within(approved("b"))}, "nobody approves"),
    "no round": ({"rounds": 0}, "rounds must be at least 1, got 0"),
    "a negative limit": ({"stalls": -1}, "stalls must be at least 0, got -1"),
    "never asked": ({"asks": 0}, "asks must be at least 1, got 0"),
    "an unknown sight": ({"sees": "everything"}, "sees must be 'own', 'all' or names of workers"),
    "seeing nobody": ({"sees": ["werker"]}, "'werker' is none of the workers (did you mean 'worker'?)"),
    "a worker who manages": (
        {"planner": gives("worker", 1)},
        "'worker' is a worker and manages the work",
    ),
    "a reviewer of its own plans": (
        {"planner": human("chief", role="chief"), "review": human("chief", role="chief")},
        "'chief' reviews its own plan",
    ),
}


@pytest.mark.parametrize(("settings", "says"), REFUSED.values(), ids=REFUSED)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=re.escape(says)):
        team(Script(), **settings)


@pytest.mark.parametrize("nested", [False, True], ids=["alone", "within others"])
@pytest.mark.parametrize(
    ("policy", "limits", "says"),
    [
        ("standard", None, "no limits"),
        (None, Limits(deadline="1d"), "no policy"),
        (" ", Limits(deadline="1d"), "no policy"),
    ],
)
def test_a_workflow_without_limits_and_policy_is_refused(
    policy: str | None, limits: Limits | None, says: str, *, nested: bool
) -> None:
    flow = team(Script())
    with pytest.raises(DefinitionError, match=f"'magentic' makes its own plans, and the workflow has {says}"):
        Workflow(
            "open",
            sequential(loop(flow, until="False", rounds=2)) if nested else flow,
            policy=policy,
            limits=limits,
        )


def test_one_function_may_be_named_for_several_parts() -> None:
    lead = Script().participant().function
    flow = team(Script(), planner=lead, progress=lead, synthesise=lead)
    assert len(flow.managers()) == 1
