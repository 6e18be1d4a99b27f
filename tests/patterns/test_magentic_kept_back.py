"""What is kept back for the answer: no round has it, however dear, whatever stands around or limits it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from directing import Script, team
from ledgers import DONE, item, look, plan
from running import Running, gives, pure

from kernel.scenarios.house import begin, ended, serving, until
from ripieno import (
    Call,
    Context,
    Cost,
    Function,
    Limits,
    Workflow,
    ask,
    concurrent,
    degrade,
    group_chat,
    hand_over,
    handoff,
    loop,
    map_over,
    merge,
    rounds,
    sequential,
    tool,
)
from ripieno.kernel.host import Host
from ripieno.model.limits import OnExhausted
from ripieno.participants.base import BaseParticipant
from ripieno.patterns.magentic import Magentic

LIMIT = 300


def priced(most: int, costs: int) -> Cost:
    del costs
    return Cost(tokens=most)


@tool(effect="read", cost=priced)
def think(most: int, costs: int, call: Call) -> str:
    del most
    call.spent(tokens=costs)
    return "thought"


def thinking(name: str, *calls: tuple[int, int]) -> Function:
    """Give a worker of whom each call may cost so many tokens, and costs what stands beside."""

    async def worker(context: Context) -> str:
        for most, costs in calls:
            await context.use(think, most=most, costs=costs)
        return f"{name} found"

    return pure(worker, name)


def answering(script: Script, most: int, costs: int, name: str = "lead") -> Function:
    """Give a scripted manager whose every answer may cost so many tokens, and costs what stands beside."""
    told = script.participant()

    async def lead(turn: Any, context: Context) -> Any:
        await context.use(think, most=most, costs=costs)
        return told.function(turn)

    return pure(lead, name)


def dear(script: Script | None = None, *, most: int = 500, **settings: Any) -> Magentic:
    """Give open-ended work of which the second round asks for more than there is at all."""
    steps = Script(plan=plan(item("a"), item("b")), progress=[look(), look("rich", at="b")])
    script = script or steps
    lead = answering(script, 20, 20, settings.pop("lead", "lead"))
    return team(script, gives("worker", "known"), thinking("rich", (most, most)), planner=lead, **settings)


def limited(flow: BaseParticipant, on_exhausted: OnExhausted | None = None) -> Workflow:
    limits = Limits(tokens=LIMIT, on_exhausted=on_exhausted)
    return Workflow("tested", flow, policy="standard", limits=limits)


async def test_a_round_that_costs_more_than_any_before_ends_in_an_answer(running: Running) -> None:
    run = await running.begin(limited(dear()))
    outcome = await running.ended(run)
    assert (outcome.status, outcome.output["answer"]) == ("partial", "answer: budget")
    [missing] = outcome.output["missing"]
    assert missing.startswith("b: find out (failed: stopped at its limit of 300 tokens: 500 asked for by ")
    [trip] = await running.choices(run, "budget")
    assert (trip.chosen, trip.because["asked"]) == ("stop", 500)


async def test_what_satisfies_after_a_round_that_was_too_dear_is_complete(running: Running) -> None:
    """What there is no room for takes nothing away from what was found."""
    script = Script(plan=plan(item("a"), item("b")), progress=[look(), look("rich", at="b"), DONE])
    outcome = await running.run(limited(dear(script)))
    assert (outcome.status, outcome.output["answer"]) == ("complete", "answer: satisfied")


async def test_many_small_calls_of_one_round_leave_what_an_answer_has_needed(running: Running) -> None:
    script = Script(progress=[look("rich", at="a")])
    rich = thinking("rich", *[(10, 10)] * 40)
    flow = team(script, gives("worker", 1), rich, planner=answering(script, 20, 20))
    outcome = await running.run(limited(flow))
    assert outcome.output["answer"] == "answer: budget"


@pytest.mark.parametrize(("kept", "answered"), [(160, True), (159, False)])
async def test_what_the_answer_is_declared_to_cost_is_kept_from_the_first_round_on(
    running: Running, kept: int, *, answered: bool
) -> None:
    """No answer before costs more than 20 tokens, and nothing but its limit says that the last may."""
    script = Script(progress=[look("rich", at="a")])
    rich = thinking("rich", *[(10, 10)] * 40)
    last = answering(script, 160, 150, "speaker").limit(tokens=kept)
    flow = team(script, gives("worker", 1), rich, planner=answering(script, 20, 20), synthesise=last)
    run = await running.begin(limited(flow))
    outcome = await running.ended(run)
    spent = sum(event.body.get("spent", {}).get("tokens", 0) for event in await running.events(run, "result"))
    if answered:
        assert (outcome.output["answer"], spent) == ("answer: budget", 140 + 150)
    else:
        assert "stopped at its limit of 159 tokens" in (outcome.reason or "")
    assert spent <= LIMIT


async def test_an_answer_of_several_calls_has_all_that_was_kept_for_it(running: Running) -> None:
    """What its first call leaves of what it might have cost is its own."""
    script = Script(progress=[look("rich", at="a")])

    async def last(turn: Any, context: Context) -> Any:
        for _ in range(4):
            await context.use(think, most=70, costs=30)
        return script.participant().function(turn)

    rich = thinking("rich", *[(10, 10)] * 40)
    speaker = pure(last, "speaker").limit(tokens=160)
    lead = answering(script, 20, 20)
    flow = team(script, gives("worker", 1), rich, planner=lead, synthesise=speaker)
    greedy = thinking("greedy", *[(5, 5)] * 60).limit(tokens=60, allowance=True)
    whole = concurrent(flow, greedy, resolve=merge(), on_failure="collect")
    run = await running.begin(limited(whole))
    await running.ended(run)
    told = {event.path: event.body for event in await running.events(run, "scope")}
    ends = {body["outcome"]["status"] for path, body in told.items() if path.endswith("/speaker@1")}
    assert ends == {"complete"}
    spent = sum(event.body.get("spent", {}).get("tokens", 0) for event in await running.events(run, "result"))
    assert spent <= LIMIT


AROUND: dict[str, Callable[[BaseParticipant], BaseParticipant]] = {
    "sequential": lambda inner: sequential(gives("first", 1), inner),
    "loop": lambda inner: loop(inner, until="True", rounds=2),
    "map": lambda inner: map_over("[1]", inner),
    "group chat": lambda inner: group_chat(gives("other", 1), inner, until=rounds(1)),
    "handoff": lambda inner: handoff(
        pure(lambda: hand_over(inner.name, because="always"), "desk"), inner, edges={"desk": [inner.name]}
    ),
    "concurrent": lambda inner: concurrent(gives("other", 1), inner, resolve=merge(), on_failure="collect"),
    "limits of its own": lambda inner: inner.limit(tokens=250),
    "an allowance": lambda inner: inner.limit(tokens=250, allowance=True),
}


@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
async def test_within_others_it_ends_in_an_answer_as_well(
    running: Running, around: Callable[[BaseParticipant], BaseParticipant]
) -> None:
    script = Script(plan=plan(item("a"), item("b")), progress=[look(), look("rich", at="b")])
    await running.run(limited(around(dear(script))))
    [told] = script.told("synthesis")
    assert told["ending"] == "budget"


async def test_within_another_both_put_their_answer_together(running: Running) -> None:
    inner_script = Script(plan=plan(item("a"), item("b")), progress=[look(), look("rich", at="b")])
    inner = dear(inner_script, name="inner", lead="inner-lead")
    script = Script(plan=plan(item("a", "inner")), progress=look("inner"))
    outcome = await running.run(limited(team(script, inner, planner=answering(script, 20, 20), name="outer")))
    assert (outcome.status, outcome.output["answer"]) == ("partial", "answer: budget")
    assert [told["ending"] for told in inner_script.told("synthesis")] == ["budget"] * len(
        inner_script.told("synthesis")
    )
    assert inner_script.told("synthesis")


# -- somebody is asked, or takes over ---------------------------------------------------------------------


async def test_where_nobody_grants_more_it_ends_in_an_answer(running: Running) -> None:
    last = Script(synthesis="put together")
    speaker = answering(last, 60, 60, "speaker").limit(tokens=60)
    run = await running.begin(limited(dear(synthesise=speaker), on_exhausted=ask("boss")))
    [question] = await running.questions(run)
    assert question.about["asked"] == 500
    await running.reply(question.row, {"proceed": False})
    outcome = await running.ended(run)
    assert (outcome.status, outcome.output["answer"]) == ("partial", "put together")


async def test_of_a_flow_that_has_nothing_to_give_way_the_refusal_ends_it(running: Running) -> None:
    flow = sequential(gives("first", "so far"), thinking("rich", (500, 500)))
    run = await running.begin(limited(flow, on_exhausted=ask("boss")))
    [question] = await running.questions(run)
    await running.reply(question.row, {"proceed": False})
    outcome = await running.ended(run)
    assert (outcome.status, outcome.output) == ("partial", "so far")
    assert [one.chosen for one in await running.choices(run, "budget")] == ["ask boss", "stop"]


async def test_where_more_is_granted_the_dear_round_is_made(running: Running) -> None:
    script = Script(plan=plan(item("a"), item("b")), progress=[look(), look("rich", at="b"), DONE])
    run = await running.begin(limited(dear(script), on_exhausted=ask("boss")))
    [question] = await running.questions(run)
    await running.reply(question.row, {"proceed": True, "grant": {"tokens": 500}})
    assert (await running.ended(run)).status == "complete"
    assert script.told("progress")[-1]["ledger"]["evidence"][-1]["status"] == "complete"


async def test_whoever_takes_over_from_it_sees_what_the_ledger_knows(running: Running) -> None:
    async def cheap(magentic: dict[str, Any]) -> Any:
        return magentic["answer"]["found"]

    flow = dear().limit(tokens=200, on_exhausted=degrade(pure(cheap, "cheap")))
    outcome = await running.run(limited(flow))
    assert (outcome.status, outcome.output) == ("complete", {"a": "known"})


async def test_whoever_takes_over_the_answer_has_what_it_is_declared_to_cost(running: Running) -> None:
    script = Script(progress=[look("rich", at="a")])
    cheap = answering(Script(synthesis="in short"), 30, 30, "cheap").limit(tokens=30)
    last = answering(script, 160, 150, "speaker").limit(tokens=100, on_exhausted=degrade(cheap))
    rich = thinking("rich", *[(10, 10)] * 40)
    lead = answering(script, 20, 20)
    flow = team(script, gives("worker", 1), rich, planner=lead, synthesise=last)
    outcome = await running.run(limited(flow))
    assert outcome.output["answer"] == "in short"


# -- across restarts --------------------------------------------------------------------------------------


def worker_then_rich(turn: dict[str, Any]) -> Any:
    return look("rich" if turn["ledger"]["round"] > 2 else "worker")


async def so_many(host: Host, run: str, count: int) -> None:
    async def look() -> bool | None:
        row = await host.store.run(run)
        return row.ended or row.head_seq >= count or None

    await until(look)


@pytest.mark.parametrize("stop", range(4, 60, 5))
async def test_it_ends_the_same_whenever_it_is_interrupted(tmp_path: Path, stop: int) -> None:
    """The host leaves once so many events have come, and another goes on."""
    ends: list[Any] = []
    for interrupted in (False, True):
        script = Script(progress=worker_then_rich)
        rich = thinking("rich", *[(10, 10)] * 40)
        last = answering(script, 60, 50, "speaker").limit(tokens=60)
        lead = answering(script, 20, 20)
        workflow = limited(team(script, thinking("worker", (9, 3)), rich, planner=lead, synthesise=last))
        home = tmp_path / str(interrupted)
        async with serving(home, workflow) as host:
            run = await begin(host, workflow)
            if interrupted:
                await so_many(host, run, stop)
        async with serving(home, workflow) as host:
            outcome = await ended(host, run)
            spent = sum(
                event.body.get("spent", {}).get("tokens", 0)
                for event in await host.store.events(run)
                if event.kind == "result"
            )
        ends.append((outcome.status, outcome.output, outcome.reason, spent))
    assert ends[0] == ends[1]
    assert ends[0][1]["answer"] == "answer: budget"
