"""Plain control flow: a choice, a list, a repetition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from running import Running, gives, outcome, pure

from ripieno import Outcome, branch, human, loop, map_over, sequential, when


def double(input: int) -> int:  # noqa: A002 - the name by which it receives its input
    return input * 2


def is_large(names: Mapping[str, Any]) -> bool:
    return names["amount"] > 100


# -- branch ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("amount", "chosen"), [(5, "small"), (50, "middling"), (500, "large")])
async def test_the_first_case_that_holds_is_run(running: Running, amount: int, chosen: str) -> None:
    flow = branch(
        {when("amount < 10"): gives("small", "small"), when("amount < 100"): gives("middling", "middling")},
        otherwise=gives("large", "large"),
    )
    assert (await running.run(flow, {"amount": amount})).output == chosen


async def test_the_choice_is_recorded_with_what_was_offered(running: Running) -> None:
    run = await running.begin(
        branch({when(is_large): gives("a", 1)}, otherwise=gives("b", 2)), {"amount": 500}
    )
    await running.ended(run)
    [choice] = await running.events(run, "choice")
    assert (choice.body["chosen"], choice.body["offered"]) == ("a", ["a", "b"])


async def test_nothing_is_done_when_no_case_holds_and_there_is_no_otherwise(running: Running) -> None:
    ended = await running.run(branch({when("amount > 10"): gives("a", 1)}), {"amount": 1})
    assert (ended.status, ended.output, ended.reason) == ("complete", None, "no condition held")


async def test_a_condition_sees_earlier_results_and_a_missing_field_is_a_failure_that_names_it(
    running: Running,
) -> None:
    found = gives("found", {"risk": {"level": 3}})
    sees = sequential(found, branch({when("found.risk.level == 3 and previous.risk"): gives("a", 1)}))
    missing = sequential(found, branch({when("found.risk.levle == 3"): gives("a", 1)}))
    assert (await running.run(sees)).output == 1
    ended = await running.run(missing)
    assert ended.status == "failed"
    assert "did you mean 'level'?" in (ended.reason or "")


# -- map -------------------------------------------------------------------------------------------------


async def test_map_gives_the_outputs_in_the_order_of_the_items(running: Running) -> None:
    ended = await running.run(map_over("items", pure(double), width=3), {"items": list(range(20))})
    assert (ended.status, ended.output) == ("complete", [2 * number for number in range(20)])


async def test_no_more_items_are_at_work_than_the_width_allows(running: Running) -> None:
    run = await running.begin(map_over("items", human("clerk", role="clerk"), width=2), {"items": [1, 2, 3]})
    for answered, open_now in enumerate((2, 2, 1), start=1):
        questions = await running.questions(run)
        assert len(questions) == open_now
        await running.reply(questions[0].row, {"proceed": True})
        while len(await running.events(run, "answered")) < answered:
            await running.rests(run)
    assert len((await running.ended(run)).output) == 3


async def test_an_item_that_fails_leaves_the_map_partial_and_names_it(running: Running) -> None:
    def odd(input: int) -> int | Outcome:  # noqa: A002
        return input if input % 2 else outcome("failed", reason="even")

    ended = await running.run(map_over("items", pure(odd)), {"items": [1, 2, 3]})
    assert (ended.status, ended.output, ended.reason) == ("partial", [1, None, 3], "item 1: even")
    assert (await running.run(map_over("items", pure(odd)), {"items": [2, 4]})).status == "failed"


async def test_nothing_to_map_over_is_complete_and_no_list_is_a_failure(running: Running) -> None:
    assert (await running.run(map_over("items", pure(double)), {"items": []})).output == []
    ended = await running.run(map_over("items", pure(double)), {"items": 3})
    assert ended.status == "failed"
    assert "expected a list to map over" in (ended.reason or "")


# -- loop ------------------------------------------------------------------------------------------------


async def test_a_loop_ends_when_its_condition_holds_each_round_seeing_the_one_before(
    running: Running,
) -> None:
    def count(count: int | None = None) -> int:
        return (count or 0) + 1

    ended = await running.run(loop(pure(count), until="count >= 4", rounds=10))
    assert (ended.status, ended.output) == ("complete", 4)


async def test_rounds_used_up_are_partial_with_the_last_result(running: Running) -> None:
    ended = await running.run(loop(gives("again", 7), until="again > 10", rounds=3))
    assert (ended.status, ended.output, ended.reason) == ("partial", 7, "not done after 3 rounds")


async def test_a_round_that_does_not_complete_ends_the_loop(running: Running) -> None:
    flow = loop(gives("again", outcome("escalated", reason="unsure")), until="again > 10", rounds=3)
    assert (await running.run(flow)).status == "escalated"


async def test_a_loop_of_many_rounds_goes_on_where_its_last_segment_stands(running: Running) -> None:
    def count(count: int | None = None) -> int:
        return (count or 0) + 1

    body = sequential(pure(count), human("clerk", role="clerk"), name="round")
    run = await running.begin(loop(body, until="False", rounds=3))
    for _ in range(3):
        [question] = await running.questions(run)
        await running.reply(question.row, {"proceed": True})
        while any(row.number == question.row.number for row in await running.host.store.questions(run=run)):
            await running.rests(run)
    assert (await running.ended(run)).status == "partial"
