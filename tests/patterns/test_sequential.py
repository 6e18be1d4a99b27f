"""One after another: what each sees, what a failure does, what the whole ends in."""

from __future__ import annotations

from typing import Any

import pytest
from running import Running, gives, outcome, pure

from ripieno import Context, Function, Outcome, sequential, tool
from ripieno.participants.step import FailureRule


async def test_each_stage_sees_the_input_and_what_those_before_it_found(running: Running) -> None:
    def first(input: int) -> int:  # noqa: A002 - the name by which it receives its input
        return input + 1

    def second(first: int, input: int) -> int:  # noqa: A002
        return first * input

    def third(previous: int, first: int) -> list[int]:
        return [first, previous]

    ended = await running.run(sequential(pure(first), pure(second), pure(third)), 3)
    assert (ended.status, ended.output) == ("complete", [4, 12])


async def test_it_stops_at_the_first_stage_that_does_not_complete(running: Running) -> None:
    flow = sequential(gives("a", 1), gives("b", outcome("escalated", 2, reason="unsure")), gives("c", 3))
    run = await running.begin(flow)
    ended = await running.ended(run)
    assert (ended.status, ended.output, ended.reason) == ("escalated", 2, "unsure")
    assert not [event for event in await running.events(run, "step") if "/c@" in event.path]


async def test_an_error_of_a_function_is_a_failure_that_says_what_and_where(running: Running) -> None:
    ended = await running.run(sequential(gives("a", ValueError("no such order")), gives("b", 1)))
    assert ended.status == "failed"
    assert ended.reason is not None
    assert "ValueError: no such order" in ended.reason
    assert "running.py" in ended.reason


async def test_it_goes_on_without_a_stage_that_may_fail_and_is_then_partial(running: Running) -> None:
    def last(previous: int) -> int:
        return previous + 1

    flow = sequential(gives("a", 1), gives("b", outcome("failed")).on_failure("continue"), pure(last))
    ended = await running.run(flow)
    assert (ended.status, ended.output, ended.reason) == ("partial", 2, "went on without b failed")


@pytest.mark.parametrize("rule", ["stop", "undo"])
async def test_a_stage_that_fails_takes_back_what_was_done_where_it_says_so(
    running: Running, rule: FailureRule
) -> None:
    done: list[str] = []

    @tool(on_uncertain="retry")
    def release(seat: str) -> None:
        done.append(f"release {seat}")

    @tool(on_uncertain="retry", undo=release)
    def reserve(seat: str) -> None:
        done.append(f"reserve {seat}")

    def reserving(name: str, *seats: str, then: Outcome) -> Function:
        async def work(context: Context) -> Outcome:
            for seat in seats:
                await context.use(reserve, seat=seat)
            return then

        return Function(work, name=name, pure=True)

    before = reserving("before", "a", then=Outcome("complete", 0))
    first = reserving("first", "b", then=Outcome("complete", 1))
    last = reserving("last", "c", then=Outcome("failed", reason="full"))
    flow = sequential(before, sequential(first, last.on_failure(rule), name="inner"))
    ended = await running.run(flow)
    assert (ended.status, ended.reason) == ("failed", "full")
    taken_back = ["release c", "release b"] if rule == "undo" else []
    assert done == ["reserve a", "reserve b", "reserve c", *taken_back]


async def test_it_ends_with_the_confidence_and_evidence_of_the_last_stage(running: Running) -> None:
    ended = await running.run(sequential(gives("a", 1), gives("b", outcome("complete", 2, sure=0.7))))
    assert ended.confidence is not None
    assert ended.confidence.value == 0.7


async def test_a_participant_can_take_part_twice(running: Running) -> None:
    def count(input: int, count: int | None = None) -> int:  # noqa: A002
        return input if count is None else count + 1

    again = pure(count)
    assert (await running.run(sequential(again, again, again), 5)).output == 7


async def test_patterns_nest_and_later_stages_see_the_inner_one_by_its_name(running: Running) -> None:
    def outer(inner: Any) -> Any:
        return {"inner": inner}

    flow = sequential(sequential(gives("a", 1), gives("b", 2), name="inner"), pure(outer))
    assert (await running.run(flow)).output == {"inner": 2}


async def test_an_outcome_given_by_a_function_is_the_stage_s_own(running: Running) -> None:
    given = Outcome("partial", {"done": 3}, reason="two are missing")
    assert await running.run(gives("a", given)) == given
