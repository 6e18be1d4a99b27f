"""The first rung asks one participant once, and ends as that one does."""

from __future__ import annotations

import pytest
from running import Running, gives, outcome, pure

from ripieno import Outcome, Workflow, direct, human


@pytest.mark.parametrize(
    "given",
    [
        outcome("complete", 3, sure=0.7),
        outcome("partial", 2, reason="half"),
        outcome("failed", reason="broken"),
        outcome("escalated", 1, reason="too hard"),
    ],
    ids=lambda given: given.status,
)
async def test_it_ends_as_its_participant_ends(running: Running, given: Outcome) -> None:
    ended = await running.run(direct(gives("only", given)))
    assert ended == given


async def test_it_is_asked_once_and_recorded(running: Running) -> None:
    run = await running.begin(direct(gives("only", "done")))
    assert (await running.ended(run)).output == "done"
    assert [event.path for event in await running.events(run, "step")] == ["direct@1/only@1"]


async def test_what_is_said_of_the_participant_in_its_place_holds(running: Running) -> None:
    unsure = gives("unsure", outcome("complete", "draft", sure=0.2))
    run = await running.begin(direct(unsure.escalate(below=0.5, to=human("clerk", role="clerk"))))
    [question] = await running.questions(run)
    await running.reply(question.row, {"proceed": True}, reason="seen")
    ended = await running.ended(run)
    assert (ended.status, ended.output, ended.reason) == ("complete", "draft", "seen")


def test_a_name_of_its_own_stands_in_the_definition() -> None:
    document = Workflow("one", direct(pure(lambda: 1, "only"), name="first")).document()
    assert document["flow"] == {"direct": {"name": "first", "step": {"step": "only"}}}
