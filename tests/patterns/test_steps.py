"""What can be said of a participant in its place: retry, timeout, escalate; and people who are asked."""

from __future__ import annotations

import pytest
from running import OPERATOR, Running, gives, outcome, pure

from ripieno import Limits, Outcome, Workflow, human, role, sequential
from ripieno.kernel.commands import answer
from ripieno.model.errors import InputError, RefusedError

HOUR = 3600


# -- retry and timeout -----------------------------------------------------------------------------------


async def test_a_failure_is_tried_again_after_a_wait_that_doubles(running: Running) -> None:
    tried: list[int] = []

    def flaky() -> Outcome | int:
        tried.append(len(tried))
        return len(tried) if len(tried) == 3 else outcome("failed", reason="busy")

    run = await running.begin(sequential(pure(flaky).retry(5, backoff="10s")))
    await running.later(run, 10)
    assert len(tried) == 2
    await running.later(run, 20)
    ended = await running.ended(run)
    assert (ended.status, ended.output, len(tried)) == ("complete", 3, 3)


async def test_what_keeps_failing_fails_after_the_last_attempt(running: Running) -> None:
    run = await running.begin(
        sequential(gives("busy", outcome("failed", reason="busy")).retry(2, backoff="1s"))
    )
    await running.later(run, 1)
    assert (await running.ended(run)).reason == "busy"


async def test_what_is_escalated_is_not_tried_again(running: Running) -> None:
    assert (
        await running.run(gives("a", outcome("escalated", reason="unsure")).retry(3))
    ).status == "escalated"


async def test_a_step_that_takes_too_long_has_failed_and_people_are_asked_no_more(running: Running) -> None:
    run = await running.begin(sequential(human("clerk", role="clerk").timeout("1h")))
    [question] = await running.questions(run)
    await running.later(run, HOUR)
    ended = await running.ended(run)
    assert (ended.status, ended.reason) == ("failed", "clerk did not end within 3600 s")
    with pytest.raises(RefusedError):
        await running.reply(question.row, {"proceed": True})


async def test_a_step_that_ends_in_time_is_not_stopped(running: Running) -> None:
    run = await running.begin(sequential(human("clerk", role="clerk").timeout("1h")))
    [question] = await running.questions(run)
    await running.reply(question.row, {"proceed": True})
    assert (await running.ended(run)).status == "complete"


async def test_a_workflow_past_its_deadline_ends_as_escalated(running: Running) -> None:
    workflow = Workflow("late", human("clerk", role="clerk"), limits=Limits(deadline="1h"))
    created = await running.host.start(workflow, None, principal=OPERATOR)
    await running.later(created.row.id, HOUR)
    ended = await running.ended(created.row.id)
    assert (ended.status, ended.reason) == ("escalated", "not done within the deadline of 3600 s")


# -- escalate --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "unsure",
    [outcome("complete", 1, sure=0.6), outcome("complete", 1), outcome("partial", 1, sure=0.9)],
    ids=["under the threshold", "without a confidence", "not complete"],
)
async def test_an_uncertain_result_waits_for_a_person_who_sees_it(running: Running, unsure: Outcome) -> None:
    def after(a: int, clerk: dict[str, object]) -> list[object]:
        return [a, clerk["proceed"]]

    clerk = human("clerk", role="clerk")
    run = await running.begin(sequential(gives("a", unsure).escalate(below=0.8, to=clerk), pure(after)))
    [question] = await running.questions(run)
    assert question.about == 1
    await running.reply(question.row, {"proceed": True}, reason="seen")
    assert (await running.ended(run)).output == [1, True]


async def test_a_certain_result_goes_on_and_nobody_is_asked(running: Running) -> None:
    sure = gives("a", outcome("complete", 1, sure=0.8))
    ended = await running.run(sequential(sure.escalate(below=0.8, to=human("clerk", role="clerk"))))
    assert (ended.status, ended.output) == ("complete", 1)


async def test_a_person_s_no_ends_it_as_escalated_with_their_reason(running: Running) -> None:
    run = await running.begin(sequential(gives("a", 1).escalate(below=0.8, to=human("clerk", role="clerk"))))
    [question] = await running.questions(run)
    await running.reply(question.row, {"proceed": False}, reason="warfarin with naproxen")
    ended = await running.ended(run)
    assert (ended.status, ended.output, ended.reason) == ("escalated", 1, "warfarin with naproxen")


async def test_a_person_s_yes_settles_the_result_with_their_confidence(running: Running) -> None:
    run = await running.begin(sequential(gives("a", 1).escalate(below=0.8, to=human("clerk", role="clerk"))))
    [question] = await running.questions(run)
    await running.reply(question.row, {"proceed": True})
    ended = await running.ended(run)
    assert (ended.status, ended.output) == ("complete", 1)
    assert ended.confidence is not None
    assert (ended.confidence.value, ended.confidence.method) == (1.0, "decided by person:op")


# -- people ----------------------------------------------------------------------------------------------


async def test_when_nobody_answers_in_time_the_next_role_is_asked_and_then_it_is_escalated(
    running: Running,
) -> None:
    run = await running.begin(human("clerk", role="clerk", due="1h", then=role("chief", due="2h")))
    [first] = await running.questions(run)
    assert first.row.role == "clerk"
    await running.later(run, HOUR)
    [second] = await running.questions(run)
    assert second.row.role == "chief"
    await running.later(run, 2 * HOUR)
    ended = await running.ended(run)
    assert (ended.status, ended.reason) == ("escalated", "nobody answered clerk in time")


async def test_an_answer_that_does_not_fit_the_form_is_refused_and_the_question_stays_open(
    running: Running,
) -> None:
    run = await running.begin(human("clerk", role="clerk"))
    [question] = await running.questions(run)
    with pytest.raises(InputError, match="proceed"):
        await running.reply(question.row, {"proceed": "perhaps"})
    await answer(running.host.store, running.host.clock, question.row, by=OPERATOR, value={"proceed": True})
    assert (await running.ended(run)).status == "complete"
