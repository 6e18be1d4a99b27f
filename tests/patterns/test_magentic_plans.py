"""A person looks at each plan before anybody works after it, and says yes, no, or what it should be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from directing import Script, restrained, team
from ledgers import DONE, item, look, plan
from running import Running, gives

from ripieno import Outcome, PlanReview, human

APPROVE = {"decision": "approve"}


def edit(*items: dict[str, str]) -> dict[str, Any]:
    return {"decision": "edit", "items": list(items), "reason": "better so"}


def reject(reason: str = "too costly") -> dict[str, Any]:
    return {"decision": "reject", "reason": reason}


STUCK = look(progressing=False)
CHIEF = human("chief", role="chief", form=PlanReview)


async def begun(running: Running, script: Script, **settings: Any) -> str:
    settings = {"review": CHIEF, **settings}
    workers = [gives("worker", "found"), gives("other", "found too")]
    return await running.begin(restrained(team(script, *workers, **settings)), "why is it slow?")


async def answered(running: Running, run: str, answers: Sequence[object]) -> list[Any]:
    """Answer one review after another; give what the person was shown each time."""
    shown: list[Any] = []
    for number, answer in enumerate(answers, start=1):
        [question] = await running.questions(run)
        shown.append(question.about)
        await running.reply(question.row, answer)
        while len(await running.events(run, "answered")) < number:
            await running.rests(run)
    return shown


async def test_nobody_works_before_the_plan_is_approved(running: Running) -> None:
    script = Script()
    run = await begun(running, script)
    [question] = await running.questions(run)
    assert question.row.role == "chief"
    assert script.told("progress") == []
    [shown] = await answered(running, run, [APPROVE])
    assert shown["plan"] == [{**item("a"), "state": "open"}]
    assert shown["changes"]["added"] == shown["plan"]
    assert shown["reason"] == "it seems best"
    assert (await running.ended(run)).status == "complete"
    [choice] = await running.choices(run, "plan review")
    assert (choice.chosen, choice.because["by"]) == ("approve", "decided by person:op")


async def test_an_edited_plan_is_the_one_that_counts(running: Running) -> None:
    script = Script(progress=[look("other", at="b"), DONE])
    run = await begun(running, script)
    await answered(running, run, [edit(item("b", "other"))])
    assert (await running.ended(run)).status == "complete"
    assert [one["id"] for one in script.told("progress")[0]["ledger"]["plan"]] == ["b"]
    [choice] = await running.choices(run, "plan review")
    assert [one["id"] for one in choice.because["changes"]["added"]] == ["b"]
    assert [one["id"] for one in choice.because["changes"]["removed"]] == ["a"]


async def test_a_rejected_plan_is_made_anew_after_the_reason(running: Running) -> None:
    script = Script(replan=plan(item("b")), progress=[look(at="b"), DONE])
    run = await begun(running, script)
    first, second = await answered(running, run, [reject(), APPROVE])
    [told] = script.told("replan")
    assert told["rejected"] == "too costly"
    assert (first["plan"][0]["id"], second["plan"][0]["id"]) == ("a", "b")
    assert second["rejected"] == "too costly"
    assert (await running.ended(run)).status == "complete"
    assert [choice.chosen for choice in await running.choices(run, "plan")] == ["plan 1", "plan 2"]


async def test_each_replan_is_reviewed_with_what_it_changes(running: Running) -> None:
    script = Script(progress=[look(), STUCK, look(at="b"), DONE], replan=plan(item("a"), item("b")))
    run = await begun(running, script, stalls=0)
    _, second = await answered(running, run, [APPROVE, APPROVE])
    assert second["changes"] == {"added": [{**item("b"), "state": "open"}], "removed": [], "changed": []}
    assert second["stalled"] == "progressing it is"
    assert (await running.ended(run)).status == "complete"


async def test_rejections_use_up_the_replans_and_then_it_is_escalated_with_what_there_is(
    running: Running,
) -> None:
    script = Script()
    run = await begun(running, script, replans=1)
    await answered(running, run, [reject(), reject("still too costly")])
    ended = await running.ended(run)
    assert (ended.status, ended.output["answer"]) == ("escalated", "answer: rejected")
    assert (ended.reason or "").startswith("the plan was rejected: still too costly")
    assert script.told("progress") == []


WRONG = {
    "an owner nobody is": (
        edit(item("a", "Bob")),
        "items.0.owner: nobody is called 'Bob'; workers: worker, other",
    ),
    "edited into nothing": (edit(), "items: is missing; an edited plan is given whole"),
    "no reason to reject": (reject(" "), "reason: is missing; the next plan is made after it"),
}


@pytest.mark.parametrize(("wrong", "says"), WRONG.values(), ids=WRONG)
async def test_a_review_that_cannot_be_followed_is_asked_for_again(
    running: Running, wrong: object, says: str
) -> None:
    run = await begun(running, Script())
    _, second = await answered(running, run, [wrong, APPROVE])
    assert second["problems"] == [says]
    assert (await running.ended(run)).status == "complete"


async def test_reviews_that_can_never_be_followed_escalate(running: Running) -> None:
    ended = await running.run(
        restrained(team(Script(), gives("worker", 1), review=gives("clerk", {"decision": "maybe"}), asks=2))
    )
    assert (ended.status, ended.output["answer"]) == ("escalated", "answer: unreviewed")
    assert "clerk gave no review that can be followed: decision: is not one of" in (ended.reason or "")


@pytest.mark.parametrize(("proceed", "status"), [(True, "complete"), (False, "escalated")], ids=["yes", "no"])
async def test_a_plain_yes_or_no_is_a_review_too(running: Running, *, proceed: bool, status: str) -> None:
    run = await begun(running, Script(), review=human("chief", role="chief"), replans=0)
    await answered(running, run, [{"proceed": proceed, "note": "as you like"}])
    assert (await running.ended(run)).status == status


async def test_a_plan_that_nobody_reviews_in_time_is_escalated(running: Running) -> None:
    run = await begun(running, Script(), review=human("chief", role="chief", form=PlanReview, due="1h"))
    await running.questions(run)
    await running.later(run, 3600)
    ended = await running.ended(run)
    assert (ended.status, ended.output["missing"]) == ("escalated", ["a plan"])
    assert "chief did not review the plan: nobody answered chief in time" in (ended.reason or "")


async def test_a_review_by_a_function_is_named_by_it(running: Running) -> None:
    run = await running.begin(
        restrained(team(Script(), gives("worker", 1), review=gives("rules", Outcome("complete", APPROVE)))),
        None,
    )
    await running.ended(run)
    [choice] = await running.choices(run, "plan review")
    assert choice.because["by"] == "rules"
