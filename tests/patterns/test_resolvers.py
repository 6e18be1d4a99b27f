"""Rules that join branches: what they settle, what they leave open, and that every side is recorded."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from running import Running, gives, outcome, pure

from ripieno import Outcome, concurrent, human, sequential
from ripieno.model.errors import DefinitionError
from ripieno.model.outcome import Evidence
from ripieno.patterns import resolvers
from ripieno.patterns.resolvers import Resolver

FAILED = outcome("failed", reason="no")
VERDICT = "ok.verdict"


class Case(NamedTuple):
    """What branches say, the rule, and what becomes of it."""

    rule: Resolver
    says: dict[str, Any]
    status: str
    output: Any
    reason: str | None = None


def nested(verdict: object) -> dict[str, Any]:
    return {"ok": {"verdict": verdict}}


CASES = {
    "unanimous: all the same": Case(resolvers.unanimous(), {"a": 1, "b": 1}, "complete", 1),
    "unanimous: one differs": Case(
        resolvers.unanimous(),
        {"a": 1, "b": 1, "c": 2},
        "escalated",
        {"a": 1, "b": 1, "c": 2},
        "unanimous: 2 different answers from 3 of 3 branches",
    ),
    "unanimous: one failed": Case(
        resolvers.unanimous(),
        {"a": 1, "b": FAILED},
        "escalated",
        {"a": 1, "b": None},
        "unanimous: 1 answer from 1 of 2 branches",
    ),
    "unanimous: fields in another order": Case(
        resolvers.unanimous(), {"a": {"x": 1, "y": 2}, "b": {"y": 2.0, "x": 1}}, "complete", {"x": 1, "y": 2}
    ),
    "unanimous: true is not 1": Case(
        resolvers.unanimous(), {"a": True, "b": 1}, "escalated", {"a": True, "b": 1}
    ),
    "unanimous on a field": Case(
        resolvers.unanimous(VERDICT),
        {"a": {**nested("yes"), "n": 1}, "b": {**nested("yes"), "n": 2}},
        "complete",
        {**nested("yes"), "n": 1},
    ),
    "unanimous on a field that nobody gives": Case(
        resolvers.unanimous("verdict"),
        {"a": 1, "b": {}},
        "escalated",
        {"a": 1, "b": {}},
        "unanimous: 0 different answers from 0 of 2 branches",
    ),
    "majority: two of three": Case(resolvers.majority(), {"a": 2, "b": 1, "c": 1}, "complete", 1),
    "majority: a tie": Case(
        resolvers.majority(),
        {"a": 1, "b": 2},
        "escalated",
        {"a": 1, "b": 2},
        "majority: no answer has more than half: 1 of 2 at most",
    ),
    "majority: failures count against it": Case(
        resolvers.majority(),
        {"a": 1, "b": 1, "c": FAILED, "d": FAILED},
        "escalated",
        {"a": 1, "b": 1, "c": None, "d": None},
    ),
    "majority: all failed": Case(
        resolvers.majority(),
        {"a": FAILED, "b": FAILED},
        "escalated",
        {"a": None, "b": None},
        "majority: no answer has more than half: 0 of 2 at most",
    ),
    "quorum: reached": Case(resolvers.quorum(2), {"a": 1, "b": FAILED, "c": 1}, "complete", 1),
    "quorum: not reached": Case(
        resolvers.quorum(2),
        {"a": 1, "b": 2, "c": FAILED},
        "escalated",
        {"a": 1, "b": 2, "c": None},
        "quorum: none has 2",
    ),
    "weighted: the heavier": Case(
        resolvers.weighted({"a": 3, "b": 1, "c": 1}), {"a": 1, "b": 2, "c": 2}, "complete", 1
    ),
    "weighted: exactly half is a tie": Case(
        resolvers.weighted({"a": 0.3, "b": 0.1, "c": 0.2}), {"a": 1, "b": 2, "c": 2}, "escalated", None
    ),
    "weighted: a tie above the threshold": Case(
        resolvers.weighted({"a": 1, "b": 1, "c": 1}, above=0.3),
        {"a": 1, "b": 2, "c": FAILED},
        "escalated",
        {"a": 1, "b": 2, "c": None},
        "weighted: the heaviest answer has 0.33 of the weight, and so has another",
    ),
    "weighted: without weight nobody counts": Case(
        resolvers.weighted({"a": 1}), {"a": 1, "b": 2, "c": 2}, "complete", 1
    ),
    "priority: the first": Case(resolvers.priority("b", "a"), {"a": 1, "b": 2}, "complete", 2),
    "priority: the next when it failed": Case(
        resolvers.priority("b", "a"), {"a": 1, "b": FAILED}, "complete", 1
    ),
    "priority: all failed": Case(
        resolvers.priority("b", "a"),
        {"a": FAILED, "b": FAILED},
        "escalated",
        {"a": None, "b": None},
        "priority: a failed (no); b failed (no)",
    ),
    "highest confidence": Case(
        resolvers.highest_confidence(),
        {"a": outcome("complete", 1, sure=0.6), "b": outcome("complete", 2, sure=0.9), "c": 3},
        "complete",
        2,
    ),
    "highest confidence: among equals the one declared first": Case(
        resolvers.highest_confidence(),
        {"a": outcome("complete", 1, sure=0.9), "b": outcome("complete", 2, sure=0.9)},
        "complete",
        1,
    ),
    "highest confidence: one that did not complete": Case(
        resolvers.highest_confidence(),
        {"a": outcome("complete", 1, sure=0.1), "b": outcome("escalated", 2, sure=0.9)},
        "complete",
        1,
    ),
    "highest confidence: nobody is sure": Case(
        resolvers.highest_confidence(),
        {"a": 1, "b": 2},
        "escalated",
        {"a": 1, "b": 2},
        "highest_confidence: no branch gave a confidence",
    ),
    "median: odd": Case(resolvers.median(), {"a": 9, "b": 1, "c": 4}, "complete", 4),
    "median: even gives the lower": Case(resolvers.median(), {"a": 9, "b": 1, "c": 4, "d": 5}, "complete", 4),
    "median: only numbers count": Case(
        resolvers.median("n"),
        {"a": {"n": True}, "b": {"n": "7"}, "c": {"n": 3.5}, "d": FAILED},
        "complete",
        {"n": 3.5},
    ),
    "median: larger than a float": Case(resolvers.median(), {"a": 10**400}, "complete", 10**400),
    "median: not a number": Case(
        resolvers.median(), {"a": float("nan"), "b": 2, "c": 1, "d": 3}, "complete", 2
    ),
    "median: no number": Case(
        resolvers.median(), {"a": "x"}, "escalated", {"a": "x"}, "median: no branch gave a number"
    ),
    "first: fewer than wanted": Case(
        resolvers.first(2), {"a": 1, "b": FAILED}, "partial", {"a": 1}, "1 of 2 completed"
    ),
    "first: none": Case(resolvers.first(), {"a": FAILED}, "escalated", {"a": None}, "first: a failed (no)"),
    "merge: all failed": Case(
        resolvers.merge(), {"a": FAILED, "b": FAILED}, "failed", None, "a failed (no); b failed (no)"
    ),
    "judge: the branches agree": Case(
        resolvers.judge(gives("judge", "judged")), {"a": 1, "b": 1}, "complete", 1
    ),
    "judge: they do not": Case(
        resolvers.judge(gives("judge", "judged")), {"a": 1, "b": 2}, "complete", "judged"
    ),
    "judge: one failed": Case(
        resolvers.judge(gives("judge", "judged")), {"a": 1, "b": FAILED}, "complete", "judged"
    ),
    "judge: always": Case(
        resolvers.judge(gives("judge", "judged"), always=True), {"a": 1, "b": 1}, "complete", "judged"
    ),
    "judge: fails": Case(resolvers.judge(gives("judge", FAILED)), {"a": 1, "b": 2}, "failed", None, "no"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_rule_settles_what_it_can_and_leaves_the_rest_to_a_person(
    running: Running, case: Case
) -> None:
    branches = [gives(name, value) for name, value in case.says.items()]
    run = await running.begin(concurrent(*branches, resolve=case.rule))
    ended = await running.ended(run)
    assert ended.status == case.status
    assert case.output is None or ended.output == case.output
    assert case.reason is None or ended.reason == case.reason
    if case.rule.kind != "merge":
        [choice] = await running.choices(run, "resolve")
        assert choice.because["rule"] == case.rule.kind
        assert set(choice.because["sides"]) == set(case.says)


@pytest.mark.parametrize(
    "make",
    [
        lambda: resolvers.quorum(0),
        lambda: resolvers.first(0),
        lambda: resolvers.first(1, within=0),
        lambda: resolvers.weighted({}),
        lambda: resolvers.weighted({"a": 0}),
        lambda: resolvers.weighted({"a": -1, "b": 2}),
        lambda: resolvers.weighted({"a": float("nan")}),
        lambda: resolvers.weighted({"a": float("inf")}),
        lambda: resolvers.weighted({"a": 1}, above=1.5),
    ],
)
def test_a_rule_that_could_never_settle_anything_is_refused(make: Any) -> None:
    with pytest.raises(DefinitionError):
        make()


# -- what is recorded ------------------------------------------------------------------------------------


async def test_a_conflict_is_recorded_with_every_side_the_rule_and_who_won(running: Running) -> None:
    says = {"a": "buy", "b": "sell", "c": "buy", "d": FAILED}
    weights = resolvers.weighted({"a": 2, "b": 1, "c": 2, "d": 1})
    run = await running.begin(
        concurrent(*(gives(name, value) for name, value in says.items()), resolve=weights)
    )
    ended = await running.ended(run)
    [choice] = await running.choices(run, "resolve")
    assert (choice.chosen, choice.offered) == ("a", ["a", "b", "c", "d"])
    assert choice.because == {
        "rule": "weighted",
        "winners": ["a", "c"],
        "sides": {
            "a": {"status": "complete", "says": "buy"},
            "b": {"status": "complete", "says": "sell"},
            "c": {"status": "complete", "says": "buy"},
            "d": {"status": "failed", "says": None},
        },
    }
    assert ended.confidence is not None
    assert (f"{ended.confidence.value:.3f}", ended.confidence.method) == (
        "0.667",
        "share that agreed, by weighted",
    )


async def test_the_winner_keeps_its_confidence_and_the_evidence_of_all_who_agree_is_kept(
    running: Running,
) -> None:
    def witness(name: str, says: int) -> Any:
        return gives(name, Outcome("complete", says, evidence=[Evidence(f"seen by {name}", name)]))

    agreed = await running.run(
        concurrent(witness("a", 1), witness("b", 2), witness("c", 1), resolve=resolvers.majority())
    )
    surest = await running.run(
        concurrent(gives("a", outcome("complete", 1, sure=0.7)), resolve=resolvers.highest_confidence())
    )
    assert [item.reference for item in agreed.evidence] == ["a", "c"]
    assert surest.confidence is not None
    assert (surest.confidence.value, surest.confidence.method) == (0.7, "by test")


# -- judges ----------------------------------------------------------------------------------------------


async def test_a_judge_sees_every_branch_by_name_and_all_of_them_as_previous(running: Running) -> None:
    def judge(previous: Any, a: Any, b: Any, input: Any) -> list[Any]:  # noqa: A002 - bound by this name
        return [previous, a, b, input]

    flow = concurrent(gives("a", 1), gives("b", FAILED), resolve=resolvers.judge(pure(judge)))
    sides = {"a": {"status": "complete", "says": 1}, "b": {"status": "failed", "says": None}}
    assert (await running.run(flow, "given")).output == [sides, 1, None, "given"]


async def test_a_person_who_judges_is_shown_every_side(running: Running) -> None:
    form = {"type": "object", "properties": {"stands": {"enum": ["a", "b"]}}, "required": ["stands"]}
    chief = human("chief", role="chief", form=form)
    run = await running.begin(
        concurrent(gives("a", "buy"), gives("b", "sell"), resolve=resolvers.judge(chief))
    )
    [question] = await running.questions(run)
    assert question.title == "the branches, who do not agree"
    assert {name: side["says"] for name, side in question.about.items()} == {"a": "buy", "b": "sell"}
    await running.reply(question.row, {"stands": "b"})
    assert (await running.ended(run)).output == {"stands": "b"}


async def test_a_judge_may_be_a_pattern_or_a_step_with_settings(running: Running) -> None:
    tried: list[int] = []

    def flaky(previous: Any) -> Any:
        tried.append(1)
        return sorted(previous) if len(tried) == 2 else FAILED

    judge = sequential(pure(flaky).retry(2, backoff="1s"), gives("sign", "signed"), name="court")
    run = await running.begin(concurrent(gives("a", 1), gives("b", 2), resolve=resolvers.judge(judge)))
    await running.later(run, 1)
    assert (await running.ended(run)).output == "signed"
