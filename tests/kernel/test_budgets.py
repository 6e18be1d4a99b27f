"""Budgets: reserved at the maximum, settled by what was spent, and never passed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import OPERATOR, asked, begin, ended, parked, reply, serving
from kernel.spending_parts import buy, chosen, of_run, paid, pure, spends
from ripieno import (
    Call,
    Context,
    Cost,
    Limits,
    Outcome,
    Workflow,
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
from ripieno.cli.output import console
from ripieno.cli.runs.show import add_spent
from ripieno.evidence.telling import tell
from ripieno.kernel.forks import fork
from ripieno.model.errors import InputError
from ripieno.model.participant import Question
from ripieno.model.spending import Spending
from ripieno.participants.base import BaseParticipant


async def run_of(home: Path, flow: BaseParticipant, limits: Limits | None = None) -> tuple[Outcome, Any]:
    """Give what a flow ends in, and what its log says: the amounts spent and the limits tripped."""
    workflow = Workflow("spending", flow, limits=limits)
    async with serving(home, workflow) as host:
        run = await begin(host, workflow)
        outcome = await ended(host, run)
        return outcome, (await paid(host, run), await chosen(host, run))


# -- one call ----------------------------------------------------------------------------------------------


async def test_what_a_call_does_not_tell_has_cost_all_that_was_reserved(tmp_path: Path) -> None:
    outcome, (spent, tripped) = await run_of(tmp_path, spends("a", 100).limit(tokens=100))
    assert (outcome.status, spent, tripped) == ("complete", Spending(1, 100, 10_000), [])


async def test_what_a_call_tells_is_settled_and_the_rest_goes_back(tmp_path: Path) -> None:
    flow = spends("a", {"tokens": 100, "told": 60}, 40).limit(tokens=100)
    outcome, (spent, tripped) = await run_of(tmp_path, flow)
    assert (outcome.status, spent.tokens, tripped) == ("complete", 100, [])


async def test_what_was_spent_beyond_the_reservation_is_told_truthfully_and_counts(tmp_path: Path) -> None:
    flow = spends("a", {"tokens": 10, "told": 95}, 10).limit(tokens=100)
    outcome, (spent, tripped) = await run_of(tmp_path, flow)
    assert (outcome.status, spent.tokens, tripped[0][1]["left"]) == ("partial", 95, 5)


@pytest.mark.parametrize(
    ("fail", "told", "costs"),
    [("refused", None, 0), ("refused", 30, 30), ("broken", None, 60), ("broken", 30, 30)],
)
async def test_a_failed_call_costs_what_it_tells_and_nothing_only_when_it_was_refused(
    tmp_path: Path, fail: str, told: int | None, costs: int
) -> None:
    first = spends("a", {"tokens": 60, "told": told, "fail": fail}).on_failure("continue")
    flow = sequential(first, spends("b", 100 - costs), name="both").limit(tokens=100)
    outcome, (spent, tripped) = await run_of(tmp_path, flow)
    assert (outcome.output, spent.tokens, tripped) == ("b done", 100, [])


async def test_a_call_in_doubt_costs_what_it_told_before_once_it_is_found_to_have_happened(
    tmp_path: Path,
) -> None:
    def happened() -> str:
        return "booked"

    @tool(cost=Cost(tokens=60), on_uncertain=happened)
    def book(call: Call) -> str:
        call.spent(tokens=30)
        msg = "the line was cut"
        raise ConnectionError(msg)

    async def act(context: Context) -> str:
        return await context.use(book)

    flow = sequential(pure(act, "a"), spends("b", 70), name="both").limit(tokens=100)
    outcome, (spent, tripped) = await run_of(tmp_path, flow)
    assert (outcome.output, spent.tokens, tripped) == ("b done", 130, [])


async def test_a_tool_without_a_cost_is_free_of_any_limit(tmp_path: Path) -> None:
    async def act(context: Context) -> str:
        await context.spend(model_calls=1)
        return "free"

    outcome, (spent, _) = await run_of(tmp_path, pure(act, "a").limit(tokens=1))
    assert (outcome.output, spent) == ("free", Spending(1))


# -- where a limit trips -----------------------------------------------------------------------------------


async def test_a_call_that_does_not_fit_is_not_made_and_the_work_ends_as_partial(tmp_path: Path) -> None:
    flow = sequential(spends("a", 60), spends("b", 60), name="both").limit(tokens=100)
    outcome, (spent, tripped) = await run_of(tmp_path, flow)
    assert (outcome.status, outcome.output, spent.tokens) == ("partial", "a done", 60)
    assert (
        outcome.reason
        == "stopped at its limit of 100 tokens: 60 asked for by both@1/both@1/b@1/tool/1, 40 left"
    )
    assert tripped == [
        ("stop", {"limit": "tokens", "of": 100, "asked": 60, "left": 40, "at": "both@1/both@1/b@1/tool/1"})
    ]


async def test_a_participant_cannot_catch_the_end_of_its_budget_and_call_it_success(tmp_path: Path) -> None:
    async def stubborn(context: Context) -> str:
        try:
            await context.use(buy, tokens=101)
        except Exception:  # noqa: BLE001 - it tries whatever it can
            return "as if nothing had happened"
        return "bought"

    outcome, _ = await run_of(tmp_path, pure(stubborn, "a").limit(tokens=100))
    assert (outcome.status, outcome.output) == ("partial", None)


async def test_a_limit_may_be_declared_to_escalate(tmp_path: Path) -> None:
    outcome, _ = await run_of(tmp_path, spends("a", 2).limit(tokens=1, on_exhausted="escalate"))
    assert outcome.status == "escalated"


async def test_a_limit_of_the_run_stops_everything_in_it(tmp_path: Path) -> None:
    flow = sequential(spends("a", 1, 1), spends("b", 1, 1), spends("c", 1), name="all")
    outcome, (spent, tripped) = await run_of(tmp_path, flow, Limits(model_calls=3))
    assert (outcome.status, outcome.output, spent.model_calls) == ("partial", "a done", 3)
    assert "3 model calls" in (outcome.reason or "")
    assert len(tripped) == 1


async def test_money_is_counted_in_decimals(tmp_path: Path) -> None:
    flow = spends("a", *[1] * 11)
    outcome, (spent, tripped) = await run_of(tmp_path, flow, Limits(cost_usd="0.10"))
    assert (outcome.status, spent.cost) == ("partial", 100_000)
    assert tripped[0][1] == {
        "limit": "cost_usd",
        "of": "0.1",
        "asked": "0.01",
        "left": "0",
        "at": "a@1/tool/11",
    }


async def test_the_nearest_limit_that_has_no_room_decides(tmp_path: Path) -> None:
    inner = spends("inner", 60).limit(tokens=50)
    flow = sequential(inner.on_failure("continue"), spends("after", 60), name="outer").limit(tokens=100)
    outcome, (spent, tripped) = await run_of(tmp_path, flow)
    assert (outcome.status, outcome.output, spent.tokens) == ("partial", "after done", 60)
    assert [because["at"] for _, because in tripped] == ["outer@1/outer@1/inner@1/tool/1"]


async def test_each_visit_of_a_limited_participant_has_the_whole_limit(tmp_path: Path) -> None:
    flow = loop(spends("a", 60).limit(tokens=60), until="a == 'never'", rounds=3)
    outcome, (spent, tripped) = await run_of(tmp_path, flow)
    assert (outcome.status, spent.tokens, tripped) == ("partial", 180, [])


async def test_a_stopped_branch_leaves_what_it_has_spent_in_the_books(tmp_path: Path) -> None:
    sides = concurrent(spends("a", 40), spends("b", 40, 40), resolve=merge(), name="sides")
    outcome, (spent, _) = await run_of(tmp_path, sides.limit(tokens=100))
    assert (outcome.status, outcome.output, spent.tokens) == ("partial", {"a": "a done"}, 80)


# -- somebody cheaper --------------------------------------------------------------------------------------


async def test_somebody_cheaper_takes_over_and_sees_the_best_so_far(tmp_path: Path) -> None:
    def cheap(both: Any) -> str:
        return f"cheaply, from {both}"

    whole = sequential(spends("a", 60), spends("b", 60), name="both")
    flow = whole.limit(tokens=100, on_exhausted=degrade(pure(cheap, "cheap")))
    outcome, (_, tripped) = await run_of(tmp_path, flow)
    assert (outcome.status, outcome.output) == ("complete", "cheaply, from a done")
    assert [what for what, _ in tripped] == ["degrade to cheap"]


async def test_who_takes_over_works_within_the_limits_above(tmp_path: Path) -> None:
    inner = spends("dear", 60, 60).limit(tokens=100, on_exhausted=degrade(spends("cheap", 30, 30)))
    outcome, (spent, tripped) = await run_of(tmp_path, inner, Limits(tokens=110))
    assert (outcome.status, spent.tokens) == ("partial", 90)
    assert [what for what, _ in tripped] == ["degrade to cheap", "stop"]


# -- what patterns count -----------------------------------------------------------------------------------


async def test_rounds_of_loops_and_chats_count_together(tmp_path: Path) -> None:
    talk = group_chat(spends("x"), spends("y"), until=rounds(2), name="talk").on_failure("continue")
    again = loop(spends("z"), until="z == 'never'", rounds=9, name="again")
    outcome, (spent, tripped) = await run_of(tmp_path, sequential(talk, again, name="all"), Limits(rounds=5))
    assert (outcome.status, spent.rounds, tripped[0][1]["of"]) == ("partial", 5, 5)


async def test_hand_overs_count_and_the_end_has_what_was_found(tmp_path: Path) -> None:
    def first() -> Outcome:
        return hand_over("second", because="on", output="found by first")

    def second() -> Outcome:
        return hand_over("first", because="back", output="found by second")

    one, two = pure(first), pure(second)
    flow = handoff(one, two, edges={one: [two], two: [one]})
    outcome, (spent, _) = await run_of(tmp_path, flow, Limits(handoffs=1))
    assert (outcome.status, outcome.output, spent.handoffs) == ("partial", "found by second", 1)


async def test_what_is_not_limited_is_not_recorded(tmp_path: Path) -> None:
    workflow = Workflow("spending", loop(spends("z"), until="z == 'never'", rounds=2))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await ended(host, run)
        events = await of_run(host, run)
    assert not any("spent" in event.body or event.kind == "spent" for event in events)


async def test_a_map_that_is_stopped_gives_the_items_that_are_done(tmp_path: Path) -> None:
    async def one(item: int, context: Context) -> int:
        await context.use(buy, tokens=item)
        return item

    flow = map_over("numbers", pure(one), width=1, name="items")
    workflow = Workflow("spending", flow, limits=Limits(tokens=3))
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow, {"numbers": [1, 2, 3]}))
    assert (outcome.status, outcome.output) == ("partial", [1, 2, None])


# -- allowances --------------------------------------------------------------------------------------------


async def test_an_allowance_is_set_aside_before_anybody_beside_it_can_spend_it(tmp_path: Path) -> None:
    kept = spends("kept", 60).limit(tokens=60, allowance=True)
    sides = concurrent(kept, spends("greedy", 41), resolve=merge(), name="sides")
    outcome, (_, tripped) = await run_of(tmp_path, sides, Limits(tokens=100))
    assert (outcome.status, tripped[0][1]["left"]) == ("partial", 40)


async def test_what_is_left_of_an_allowance_goes_back(tmp_path: Path) -> None:
    first = spends("first", 10).limit(tokens=60, allowance=True)
    flow = sequential(first, spends("second", 90), name="both")
    outcome, (spent, tripped) = await run_of(tmp_path, flow, Limits(tokens=100))
    assert (outcome.status, spent.tokens, tripped) == ("complete", 100, [])


async def test_an_allowance_for_which_there_is_no_room_trips_the_limit_above(tmp_path: Path) -> None:
    flow = sequential(spends("a", 60), spends("b", 1).limit(tokens=60, allowance=True), name="both")
    outcome, (spent, tripped) = await run_of(tmp_path, flow, Limits(tokens=100))
    assert (outcome.status, spent.tokens) == ("partial", 60)
    assert tripped[0][1]["at"] == "both@1/b@1/limit/allowance"


async def test_within_an_allowance_it_alone_decides(tmp_path: Path) -> None:
    kept = spends("kept", 61).limit(tokens=60, allowance=True).on_failure("continue")
    flow = sequential(kept, spends("after", 100), name="both")
    outcome, (spent, _) = await run_of(tmp_path, flow, Limits(tokens=100))
    assert (outcome.output, spent.tokens) == ("after done", 100)


# -- what can be looked at ---------------------------------------------------------------------------------


async def test_what_a_run_has_spent_is_told_beside_its_limits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workflow = Workflow("spending", spends("a", 60), limits=Limits(tokens=100, rounds=3))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await ended(host, run)
        story = await tell(host.store, run)
    assert story.document()["spent"] == {"model_calls": 1, "tokens": 60, "cost_usd": "0.01"}
    assert story.limits == {"tokens": 100, "rounds": 3}
    add_spent(console(sys.stdout), story)
    assert ["tokens", "60", "of", "100"] in [line.split() for line in capsys.readouterr().out.splitlines()]


# -- what is left out of the books -------------------------------------------------------------------------


async def test_what_a_fork_takes_over_has_cost_it_nothing(tmp_path: Path) -> None:
    async def waits(context: Context) -> str:
        await context.spend(tokens=40)
        await context.use(buy, tokens=40)
        await context.ask(Question("boss", "and now?", {}))
        await context.use(buy, tokens=90)
        return "done"

    workflow = Workflow("forking", pure(waits), limits=Limits(tokens=100))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        row = await parked(host, run)
        forked = await fork(host.store, host.clock, row, by=OPERATOR)
        for each, status in ((run, "partial"), (forked.id, "complete")):
            await reply(host, await asked(host, each), None)
            assert (await ended(host, each)).status == status


async def test_work_that_never_rests_is_stopped_when_its_active_time_is_used_up(tmp_path: Path) -> None:
    """An alarm by the event loop's time may come too early by the kernel's: then it is set anew."""
    clock = HandClock()

    async def endless() -> None:
        asyncio.get_running_loop().call_later(0.03, clock.turn, 0.02)  # after the first alarm
        await asyncio.Event().wait()

    workflow = Workflow("endless", pure(endless).limit(active="20ms"))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        assert (await ended(host, run)).status == "partial"
        assert [because["limit"] for _, because in await chosen(host, run)] == ["active"]


def test_a_cost_is_no_less_than_nothing() -> None:
    with pytest.raises(InputError, match="tokens"):
        Cost(tokens=-1)
    with pytest.raises(InputError, match="dollars"):
        Cost(cost_usd="free")
