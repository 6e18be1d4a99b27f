"""What a participant is given and gives has to pass its checks before it is used, whoever makes it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import asked, begin, ended, events, parked, reply, serving, turned
from ripieno import (
    Confidence,
    Evidence,
    Function,
    Outcome,
    Workflow,
    escalate,
    human,
    on_input,
    on_result,
    repair,
    sequential,
)
from ripieno.cli.dispatch import dispatch
from ripieno.kernel.commands import asked_for
from ripieno.kernel.host import Host
from ripieno.mediation.validation import Check
from ripieno.model.errors import DefinitionError
from ripieno.participants.base import BaseParticipant

clerk = human("clerk", role="clerk")


def pure(act: Any, name: str = "drafts") -> Function:
    return Function(act, name=name, pure=True)


def drafting(outputs: list[Any], told: list[Any] | None = None) -> Function:
    """Give a participant that gives one output after another, and keeps what it was told was wrong."""

    def drafts(input: Any, complaint: Any = None) -> Any:  # noqa: A002
        del input
        if told is not None:
            told.append(complaint)
        return outputs.pop(0)

    return pure(drafts)


async def outcome_of(tmp_path: Path, flow: BaseParticipant, value: Any = None) -> Outcome:
    workflow = Workflow("drafts", flow)
    async with serving(tmp_path, workflow) as host:
        return await ended(host, await begin(host, workflow, value))


async def waiting(host: Host, workflow: Workflow, value: Any = None) -> tuple[str, Any]:
    run = await begin(host, workflow, value)
    await parked(host, run)
    return run, await asked(host, run)


async def test_what_does_not_pass_has_failed_and_is_used_by_nobody(tmp_path: Path) -> None:
    seen: list[Any] = []
    flow = sequential(drafting([{"n": 5}]).check(on_result("n < 3")), pure(seen.append, "next"))
    outcome = await outcome_of(tmp_path, flow)
    assert (outcome.status, outcome.reason) == ("failed", "drafts: n < 3 does not hold")
    assert seen == []


async def test_what_passes_is_given_on_as_it_was(tmp_path: Path) -> None:
    sure = Outcome("complete", {"n": 1}, confidence=Confidence(0.5, "guessed"), evidence=[Evidence("a", "b")])
    checks = [on_result("n < 3"), on_result(cites=1), on_result({"required": ["n"]}), on_input("value == 7")]
    outcome = await outcome_of(tmp_path, drafting([sure]).check(*checks), 7)
    assert (outcome.status, outcome.output, outcome.confidence) == ("complete", {"n": 1}, sure.confidence)
    assert list(outcome.evidence) == list(sure.evidence)


async def test_an_answer_that_cites_nothing_does_not_pass_where_it_has_to(tmp_path: Path) -> None:
    outcome = await outcome_of(tmp_path, drafting(["so it is"]).check(on_result(cites=2)))
    assert outcome.reason == "drafts: cites 0 of at least 2 pieces of evidence"


async def test_an_input_that_does_not_pass_is_not_worked_on(tmp_path: Path) -> None:
    outputs = ["never"]
    outcome = await outcome_of(tmp_path, drafting(outputs).check(on_input(ranges={"n": (0, 3)})), {"n": 4})
    assert (outcome.status, outcome.reason) == ("failed", "drafts: n has to be between 0 and 3, found 4")
    assert outputs == ["never"]


async def test_it_is_made_again_with_the_complaint_until_it_passes(tmp_path: Path) -> None:
    told: list[Any] = []
    flow = drafting([{"n": 5}, {"n": 4}, {"n": 1}], told).check(on_result("n < 3", otherwise=repair(2)))
    outcome = await outcome_of(tmp_path, flow)
    assert outcome.output == {"n": 1}
    assert told == [
        None,
        {"complaint": "n < 3 does not hold", "output": {"n": 5}, "repairs": 1},
        {"complaint": "n < 3 does not hold", "output": {"n": 4}, "repairs": 0},
    ]


async def test_it_is_made_again_no_oftener_than_was_said(tmp_path: Path) -> None:
    outputs = [{"n": 5}, {"n": 4}, {"n": 1}]
    outcome = await outcome_of(tmp_path, drafting(outputs).check(on_result("n < 3", otherwise=repair(1))))
    assert (outcome.status, outcome.reason) == ("failed", "drafts: n < 3 does not hold, repaired 1 times")
    assert outputs == [{"n": 1}]


@pytest.mark.parametrize("status", ["failed", "escalated"])
async def test_what_was_not_completed_is_not_checked(tmp_path: Path, status: Any) -> None:
    given = Outcome(status, {"n": 5}, reason="of its own")
    outcome = await outcome_of(tmp_path, drafting([given]).check(on_result("n < 3")))
    assert (outcome.status, outcome.reason) == (status, "of its own")


@pytest.mark.parametrize(
    ("answer", "status", "output"),
    [
        ({"proceed": True}, "complete", {"n": 5}),
        ({"proceed": True, "output": {"n": 2}}, "complete", {"n": 2}),
        ({"proceed": False, "note": "nonsense"}, "escalated", {"n": 5}),
    ],
)
async def test_a_person_decides_about_a_result(tmp_path: Path, answer: Any, status: str, output: Any) -> None:
    workflow = Workflow("drafts", drafting([{"n": 5}]).check(on_result("n < 3", otherwise=escalate("chief"))))
    async with serving(tmp_path, workflow) as host:
        run, question = await waiting(host, workflow, "x")
        assert question.role == "chief"
        about = asked_for(host.store, question).about
        assert about == {
            "participant": "drafts",
            "because": "n < 3 does not hold",
            "input": "x",
            "output": {"n": 5},
        }
        await reply(host, question, answer)
        outcome = await ended(host, run)
    assert (outcome.status, outcome.output) == (status, output)
    if status == "escalated":
        assert outcome.reason == "drafts: rejected by person:op: nonsense"


async def test_what_a_person_puts_in_its_place_is_checked_again(tmp_path: Path) -> None:
    workflow = Workflow("drafts", drafting([{"n": 5}]).check(on_result("n < 3", otherwise=escalate("chief"))))
    async with serving(tmp_path, workflow) as host:
        run, question = await waiting(host, workflow)
        await reply(host, question, {"proceed": True, "output": {"n": 9}})
        await parked(host, run)
        await reply(host, await asked(host, run), {"proceed": True, "output": {"n": 0}})
        outcome = await ended(host, run)
    assert outcome.output == {"n": 0}
    assert outcome.confidence is not None
    assert outcome.confidence.method == "edited by person:op"


@pytest.mark.parametrize(("proceed", "status"), [(True, "complete"), (False, "escalated")])
async def test_a_person_decides_about_an_input(tmp_path: Path, *, proceed: bool, status: str) -> None:
    flow = drafting(["done"]).check(on_input("n < 3", otherwise=escalate("chief")))
    workflow = Workflow("drafts", flow)
    async with serving(tmp_path, workflow) as host:
        run, question = await waiting(host, workflow, {"n": 5})
        await reply(host, question, {"proceed": proceed})
        outcome = await ended(host, run)
    assert outcome.status == status
    assert outcome.output == ("done" if proceed else None)


async def test_nobody_deciding_in_time_escalates(tmp_path: Path) -> None:
    clock = HandClock()
    check = on_result("n < 3", otherwise=escalate("chief", due="1h"))
    workflow = Workflow("drafts", drafting([{"n": 5}]).check(check))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run, _ = await waiting(host, workflow)
        await turned(host, clock, run, 3601)
        outcome = await ended(host, run)
    assert outcome.status == "escalated"
    assert outcome.reason == "drafts: n < 3 does not hold; chief did not answer in time"


# -- reviewers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("says", "complaint"),
    [
        (True, None),
        ({"approved": True}, None),
        ({"proceed": True}, None),
        (False, "drafts: qa does not approve it"),
        ({"approved": False, "complaint": "too long"}, "drafts: too long"),
        ({"approved": "yes"}, "drafts: qa does not approve it"),
        ("fine", "drafts: qa does not approve it"),
        (Outcome("failed", reason="asleep"), "drafts: qa could not review it: asleep"),
    ],
)
async def test_a_participant_reviews(tmp_path: Path, says: Any, complaint: str | None) -> None:
    seen: list[Any] = []

    def qa(input: Any) -> Any:  # noqa: A002
        seen.append(input)
        return says

    flow = drafting([{"n": 5}]).check(on_result(reviewer=pure(qa, "qa")))
    workflow = Workflow("drafts", flow)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, "x")
        outcome = await ended(host, run)
        [choice] = await events(host, run, "choice")
    assert outcome.reason == complaint
    assert seen == [{"input": "x", "output": {"n": 5}}]
    assert choice.body["chosen"] == ("passed" if complaint is None else "not passed")


async def test_a_person_reviews_an_input_and_the_complaint_may_be_in_ones_own_words(tmp_path: Path) -> None:
    flow = drafting(["done"]).check(on_input(reviewer=clerk, says="the clerk said no"))
    workflow = Workflow("drafts", flow)
    async with serving(tmp_path, workflow) as host:
        run, question = await waiting(host, workflow, "x")
        assert question.role == "clerk"
        await reply(host, question, {"proceed": False, "note": "hm"})
        outcome = await ended(host, run)
    assert outcome.reason == "drafts: the clerk said no"


async def test_what_a_reviewer_complains_of_is_repaired(tmp_path: Path) -> None:
    def qa(input: Any) -> Any:  # noqa: A002
        return {"approved": input["output"]["n"] < 3, "complaint": "too much"}

    told: list[Any] = []
    drafts = drafting([{"n": 5}, {"n": 1}], told)
    outcome = await outcome_of(tmp_path, drafts.check(on_result(reviewer=pure(qa, "qa"), otherwise=repair())))
    assert outcome.output == {"n": 1}
    assert told[1]["complaint"] == "too much"


# -- with modes -----------------------------------------------------------------------------------------


async def test_what_a_person_does_in_its_place_has_to_pass_as_well(tmp_path: Path) -> None:
    flow = drafting([]).check(on_result("n < 3")).mode("manual", clerk)
    workflow = Workflow("drafts", flow)
    async with serving(tmp_path, workflow) as host:
        run, question = await waiting(host, workflow)
        await reply(host, question, {"output": {"n": 5}})
        assert (await ended(host, run)).reason == "drafts: n < 3 does not hold"


async def test_a_suggestion_passes_before_it_is_shown_and_again_when_it_was_edited(tmp_path: Path) -> None:
    flow = (
        drafting([{"n": 5}, {"n": 1}]).check(on_result("n < 3", otherwise=repair(1))).mode("suggest", clerk)
    )
    workflow = Workflow("drafts", flow)
    async with serving(tmp_path, workflow) as host:
        run, question = await waiting(host, workflow)
        assert "{'n': 1}" in str(asked_for(host.store, question).about)
        await reply(host, question, {"proceed": True, "output": {"n": 7}})
        await ended(host, run)
        verdicts = [event.body["verdict"] for event in await events(host, run, "checked")]
    assert verdicts[:3] == ["repair", "passed", "repair"]


async def test_a_shadow_asks_nobody_about_what_does_not_pass(tmp_path: Path) -> None:
    flow = (
        drafting([{"n": 5}]).check(on_result("value != 0", otherwise=escalate("chief"))).mode("shadow", clerk)
    )
    flow = drafting([{"n": 5}]).check(on_result("n == 0", otherwise=escalate("chief"))).mode("shadow", clerk)
    workflow = Workflow("drafts", flow)
    async with serving(tmp_path, workflow) as host:
        run, question = await waiting(host, workflow)
        assert question.role == "clerk"
        await reply(host, question, {"output": {"n": 0}})
        assert (await ended(host, run)).output == {"n": 0}


# -- replay, and mistakes -------------------------------------------------------------------------------


async def test_verdicts_are_read_on_replay(tmp_path: Path) -> None:
    seen: list[Any] = []

    def look(value: Any) -> bool:
        seen.append(value)
        return bool(value["n"] < 3)

    checks = [on_input(lambda value: seen.append(value) or True), on_result(look, otherwise=repair(1))]
    last = on_result("n == 0", otherwise=escalate("chief"))
    workflow = Workflow("drafts", drafting([{"n": 5}, {"n": 1}]).check(*checks, last))
    async with serving(tmp_path, workflow) as host:
        run, _ = await waiting(host, workflow, {"n": 9})
    async with serving(tmp_path, workflow) as host:
        await reply(host, await asked(host, run), {"proceed": True})
        assert (await ended(host, run)).output == {"n": 1}
    assert seen == [{"n": 9}, {"n": 5}, {"n": 1}]


async def test_runs_show_tells_what_did_not_pass(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    workflow = Workflow(
        "drafts", drafting([{"n": 5}, {"n": 1}]).check(on_result("n < 3", otherwise=repair(1)))
    )
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await ended(host, run)
    await asyncio.to_thread(dispatch, ["runs", "show", run, "--home", str(tmp_path)])
    shown = " ".join(capfd.readouterr().out.split())
    assert "check of the result of drafts: repair since n < 3 does not hold" in shown


def test_a_function_that_checks_is_part_of_the_version_and_a_reviewer_of_the_workflow() -> None:
    def one(value: Any) -> bool:
        return bool(value)

    first = Workflow("drafts", drafting([]).check(on_result(one)))
    assert "drafts/check" in first.pins["code"]
    reviewed = drafting([]).check(on_result(reviewer=pure(one, "qa")))
    assert [leaf.name for leaf in Workflow("drafts", reviewed).leaves()] == ["drafts", "qa"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (on_result, "has one rule, this one has none"),
        (lambda: on_result("n", cites=1), "this one has rule, cites"),
        (lambda: on_result("n >"), "cannot read the expression"),
        (lambda: on_result({"type": 7}), "a check's schema is not a JSON Schema"),
        (lambda: on_result(ranges={}), "ranges name no field"),
        (lambda: on_result(ranges={"n": (None, None)}), "one of which may be left open"),
        (lambda: on_result(ranges={"n": (3, 1)}), "nothing is at least 3 and at most 1"),
        (lambda: on_result(forbids=["("]), "not a regular expression"),
        (lambda: on_result(forbids=[""]), "forbids nothing, or everything"),
        (lambda: on_result(max_bytes=0), "max_bytes must be at least 1"),
        (lambda: on_result(cites=0), "cites must be at least 1"),
        (lambda: on_result(7), "expected an expression, a JSON Schema or a function"),  # pyright: ignore[reportArgumentType]
        (lambda: on_result("n", otherwise="stop"), "otherwise must be 'reject'"),  # pyright: ignore[reportArgumentType]
        (lambda: on_input("n", otherwise=repair()), "an input cannot be repaired"),
        (lambda: repair(0), "repair must be at least 1"),
        (lambda: escalate(" "), "escalate needs a role"),
        (lambda: drafting([]).check("n < 3"), r"expected on_input\(...\) or on_result\(...\), got 'n < 3'"),  # pyright: ignore[reportArgumentType]
        (lambda: drafting([]).check(Check("arguments", None)), "arguments are those of a call"),
        (
            lambda: drafting([]).check(on_result(reviewer="qa")),
            "a reviewer has to be a participant, got 'qa'",
        ),
    ],
)
def test_a_check_that_cannot_work_is_refused(make: Any, said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        make()
