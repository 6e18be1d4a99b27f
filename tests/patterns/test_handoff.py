"""A case passes from hand to hand along declared edges; whatever is asked for, it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from running import Running, gives, outcome, pure

from ripieno import Confidence, Function, Outcome, human, sequential
from ripieno.model.errors import DefinitionError
from ripieno.patterns.handoff import HandOver, hand_over, handoff

HOUR = 3600


def hands(name: str, to: str, output: object = None, *, because: str = "not mine") -> Function:
    """Give a participant that always hands over."""
    return pure(lambda: hand_over(to, because=because, output=output), name)


def counting(name: str, to: Callable[[int], str | None]) -> Function:
    """Give a participant that finds something new each time, and asks a function to whom it goes then."""
    times = 0

    def act() -> Outcome | int:
        nonlocal times
        times += 1
        target = to(times)
        return times if target is None else hand_over(target, because=f"time {times}", output=times)

    return pure(act, name)


async def path_of(running: Running, run: str) -> list[str]:
    return [choice.chosen for choice in await running.choices(run, "hand over")]


# -- the way of a case -----------------------------------------------------------------------------------


async def test_whoever_gives_a_result_ends_it(running: Running) -> None:
    flow = handoff(gives("triage", 1), gives("billing", 2), edges={"triage": ["billing"]})
    assert (await running.run(flow)).output == 1


async def test_a_case_goes_where_it_is_handed_and_each_hand_over_is_recorded(running: Running) -> None:
    triage = hands("triage", "billing", {"kind": "invoice"}, because="it is about money")
    flow = handoff(
        triage,
        gives("billing", outcome("complete", "paid", sure=0.9)),
        gives("account", 3),
        edges={"triage": ["billing", "account"]},
    )
    run = await running.begin(flow)
    ended = await running.ended(run)
    assert (ended.status, ended.output, ended.confidence) == ("complete", "paid", Confidence(0.9, "by test"))
    [choice] = await running.choices(run, "hand over")
    assert (choice.chosen, choice.offered) == ("billing", ["billing", "account"])
    assert choice.because == {"from": "triage", "why": "it is about money"}


async def test_whoever_has_the_case_is_told_where_it_comes_from_and_where_it_may_go(running: Running) -> None:
    def billing(turn: Any, triage: Any, previous: Any, input: Any) -> list[Any]:  # noqa: A002 - bound by name
        return [turn, triage, previous, input]

    flow = handoff(
        hands("triage", "billing", {"kind": "invoice"}),
        pure(billing),
        gives("account", 3),
        edges={"triage": ["billing"], "billing": ["account"]},
    )
    turn = {"from": "triage", "because": "not mine", "may_hand_over_to": ["account"]}
    assert (await running.run(flow, "given")).output == [
        turn,
        {"kind": "invoice"},
        {"kind": "invoice"},
        "given",
    ]


async def test_edges_name_participants_functions_or_names(running: Running) -> None:
    def first() -> Outcome:
        return hand_over("second", because="-")

    def second() -> Outcome:
        return hand_over("third", because="-")

    third = gives("third", 3)
    steps = pure(first), pure(second).retry(2)
    flow = handoff(*steps, edges={first: [steps[1]], "second": [third]})
    assert [stage.name for stage in flow.stages] == ["first", "second", "third"]
    assert (await running.run(flow)).output == 3


@pytest.mark.parametrize(
    ("carry", "sees"),
    [("all", [1, 2, 3]), ("last", [None, None, 3]), (["a"], [1, None, 3]), (["b", "a"], [1, 2, 3])],
    ids=str,
)
async def test_what_travels_is_declared(running: Running, carry: Any, sees: list[int | None]) -> None:
    def last(previous: Any, a: Any, b: Any, c: Any) -> list[Any]:
        assert previous == c
        return [a, b, c]

    flow = handoff(
        hands("a", "b", 1),
        hands("b", "c", 2),
        hands("c", "last", 3),
        pure(last),
        edges={"a": ["b"], "b": ["c"], "c": ["last"]},
        carry=carry,
    )
    assert (await running.run(flow)).output == sees


async def test_whoever_has_the_case_next_sees_the_summary_alone_also_after_a_person_handed_back(
    running: Running,
) -> None:
    made: list[list[Any]] = []

    def digest(a: Any, clerk: Any) -> str:
        made.append([a, clerk])
        return f"summary {len(made)}"

    def last(previous: Any, digest: Any, a: Any, clerk: Any) -> list[Any]:
        return [previous, digest, a, clerk]

    flow = handoff(
        hands("a", "clerk", 1),
        human("clerk", role="clerk", form=HandOver),
        pure(last),
        edges={"a": ["clerk"], "clerk": ["last"]},
        carry="summary",
        summarise=pure(digest),
    )
    run = await running.begin(flow)
    [question] = await running.questions(run)
    assert question.about == "summary 1"
    await running.reply(question.row, {"hand_over": "last", "because": "seen", "output": 2})
    assert (await running.ended(run)).output == ["summary 2", "summary 2", None, None]
    assert made == [[1, None], [1, 2]]  # once for each hand-over, though the run was woken in between


async def test_a_summary_that_fails_ends_it(running: Running) -> None:
    flow = handoff(
        hands("a", "b", 1),
        gives("b", 2),
        edges={"a": ["b"]},
        carry="summary",
        summarise=gives("digest", outcome("failed", reason="too long")),
    )
    ended = await running.run(flow)
    assert (ended.status, ended.reason) == ("failed", "too long")


@pytest.mark.parametrize("status", ["failed", "partial", "escalated"])
async def test_whoever_does_not_complete_ends_it_as_it_ended(running: Running, status: Any) -> None:
    broken = gives("billing", outcome(status, {"hand_over": "account"}, reason="the ledger is closed"))
    flow = handoff(
        hands("triage", "billing"),
        broken,
        gives("account", 1),
        edges={"triage": ["billing"], "billing": ["account"]},
        otherwise="account",
    )
    ended = await running.run(flow)
    assert (ended.status, ended.reason) == (status, "the ledger is closed")


async def test_what_raises_has_failed(running: Running) -> None:
    flow = handoff(hands("a", "b"), gives("b", ValueError("broken")), edges={"a": ["b"]})
    ended = await running.run(flow)
    assert ended.status == "failed"
    assert "broken" in (ended.reason or "")


async def test_a_pattern_takes_part_like_anybody(running: Running) -> None:
    desk = sequential(gives("look", 1), hands("decide", "expert", 2), name="desk")
    inner = handoff(hands("x", "y"), gives("y", "done within"), edges={"x": ["y"]}, name="expert")
    assert (await running.run(handoff(desk, inner, edges={desk: [inner]}))).output == "done within"


# -- the guards ------------------------------------------------------------------------------------------


async def test_so_many_hand_overs_in_all_are_enough(running: Running) -> None:
    ring = [counting(str(name), lambda _, to=to: to) for name, to in (("a", "b"), ("b", "c"), ("c", "a"))]
    flow = handoff(*ring, edges={"a": ["b"], "b": ["c"], "c": ["a"]}, limit=5, per_edge=9)
    run = await running.begin(flow)
    ended = await running.ended(run)
    assert (ended.status, ended.reason) == ("escalated", "the case was handed over 5 times")
    assert ended.output == {"a": 2, "b": 2, "c": 2}
    assert await path_of(running, run) == ["b", "c", "a", "b", "c"]


async def test_so_many_hand_overs_on_one_edge_are_enough(running: Running) -> None:
    ring = [counting(str(name), lambda _, to=to: to) for name, to in (("a", "b"), ("b", "c"), ("c", "a"))]
    run = await running.begin(handoff(*ring, edges={"a": ["b"], "b": ["c"], "c": ["a"]}))
    assert (await running.ended(run)).reason == "a handed over to b 2 times already"
    assert len(await path_of(running, run)) == 6


async def test_a_case_that_goes_back_and_forth_is_stopped(running: Running) -> None:
    pair = [counting("a", lambda _: "b"), counting("b", lambda _: "a")]
    run = await running.begin(handoff(*pair, edges={"a": ["b"], "b": ["a"]}))
    ended = await running.ended(run)
    assert (ended.status, ended.reason) == ("escalated", "the case goes back and forth between a and b")
    assert await path_of(running, run) == ["b", "a"]
    [guard] = await running.choices(run, "guard")
    assert (guard.chosen, guard.offered) == ("nobody", ["b", "nobody"])


async def test_a_case_that_comes_back_may_go_elsewhere(running: Running) -> None:
    triage = counting("triage", lambda time: "billing" if time == 1 else "account")
    flow = handoff(
        triage,
        hands("billing", "triage", "no invoice"),
        gives("account", "opened"),
        edges={"triage": ["billing", "account"], "billing": ["triage"]},
    )
    assert (await running.run(flow)).output == "opened"


async def test_a_case_that_comes_round_with_nothing_new_is_stopped_whatever_reason_is_given(
    running: Running,
) -> None:
    reasons = iter(range(99))

    def ring(name: str, to: str) -> Function:
        return pure(lambda: hand_over(to, because=f"reason {next(reasons)}", output=name), name)

    flow = handoff(
        ring("a", "b"), ring("b", "c"), ring("c", "a"), edges={"a": ["b"], "b": ["c"], "c": ["a"]}, per_edge=9
    )
    run = await running.begin(flow)
    assert (await running.ended(run)).reason == "nothing new was found since c last had the case"
    assert await path_of(running, run) == ["b", "c", "a", "b", "c"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("bill", "triage may not hand over to bill (did you mean 'billing'?)"),
        ("account", "triage may not hand over to account"),
        ("triage", "triage may not hand over to triage"),
        (7, "triage may not hand over to 7"),
    ],
)
async def test_a_target_without_an_edge_is_no_target(running: Running, wanted: Any, said: str) -> None:
    flow = handoff(
        hands("triage", wanted, "known"),
        gives("billing", 1),
        gives("account", 2),
        edges={"triage": ["billing"], "billing": ["account"]},
    )
    ended = await running.run(flow)
    assert (ended.status, ended.output) == ("escalated", {"triage": "known"})
    assert (ended.reason or "").startswith(said)


async def test_after_a_time_nothing_is_handed_over_any_more(running: Running) -> None:
    clerk = human("clerk", role="clerk", form=HandOver)
    flow = handoff(
        hands("triage", "clerk"),
        clerk,
        gives("account", 1),
        edges={"triage": ["clerk"], "clerk": ["account"]},
        within="1h",
    )
    run = await running.begin(flow)
    [question] = await running.questions(run)
    running.clock.turn(HOUR)
    await running.reply(question.row, {"hand_over": "account"})
    ended = await running.ended(run)
    assert (ended.status, ended.reason) == ("escalated", "not done within 3600 s")


async def test_when_a_guard_trips_the_case_goes_to_otherwise_with_what_is_known(running: Running) -> None:
    def desk(turn: Any, a: Any, b: Any, previous: Any) -> list[Any]:
        return [turn, a, b, previous]

    flow = handoff(
        counting("a", lambda _: "b"),
        counting("b", lambda _: "a"),
        edges={"a": ["b"], "b": ["a"]},
        otherwise=pure(desk),
        carry="last",
    )
    run = await running.begin(flow)
    guard = "the case goes back and forth between a and b"
    turn: dict[str, Any] = {"from": "a", "because": guard, "may_hand_over_to": []}
    ended = await running.ended(run)
    assert (ended.status, ended.output) == ("complete", [turn, 2, 1, 2])
    [choice] = await running.choices(run, "guard")
    assert (choice.chosen, choice.because) == ("desk", {"from": "a", "wanted": "b", "guard": guard})


async def test_whoever_gets_it_otherwise_cannot_hand_it_on(running: Running) -> None:
    flow = handoff(hands("a", "nobody"), edges={}, otherwise=hands("desk", "a", "found"))
    ended = await running.run(flow)
    assert (ended.status, ended.output) == ("escalated", {"a": None, "desk": "found"})


# -- people ----------------------------------------------------------------------------------------------


async def test_a_person_hands_back_and_later_closes_the_case(running: Running) -> None:
    clerk = human("clerk", role="clerk", form=HandOver)
    triage = counting("triage", lambda time: "clerk" if time == 1 else "expert")
    expert = human("expert", role="expert", form=HandOver)
    flow = handoff(
        triage, clerk, expert, edges={"triage": ["clerk", "expert"], "clerk": ["triage"], "expert": ["clerk"]}
    )
    run = await running.begin(flow, {"case": 1})
    [question] = await running.questions(run)
    assert (question.title, question.about) == ("triage, time 1", 1)
    await running.reply(question.row, {"hand_over": "triage", "because": "wrong desk", "output": "seen"})
    while (question := (await running.questions(run))[0]).row.role == "clerk":
        pass
    assert (question.title, question.about) == ("triage, time 2", 2)
    await running.reply(question.row, {"hand_over": None, "output": {"refund": 12}})
    ended = await running.ended(run)
    assert (ended.status, ended.output) == ("complete", {"refund": 12})
    assert await path_of(running, run) == ["clerk", "triage", "expert"]


async def test_a_form_of_one_s_own_will_do_and_its_fields_are_what_was_found(running: Running) -> None:
    form = {"type": "object", "properties": {"hand_over": {"enum": ["a", ""]}, "note": {"type": "string"}}}
    flow = handoff(human("clerk", role="clerk", form=form), gives("a", 1), edges={"clerk": ["a"]})
    run = await running.begin(flow)
    [question] = await running.questions(run)
    await running.reply(question.row, {"hand_over": "", "note": "closed"})
    assert (await running.ended(run)).output == {"note": "closed"}


async def test_a_person_gets_the_case_when_a_guard_trips(running: Running) -> None:
    flow = handoff(hands("a", "x", "found"), edges={}, otherwise=human("chief", role="chief"))
    run = await running.begin(flow)
    [question] = await running.questions(run)
    assert (question.title, question.about) == ("a, a may not hand over to x", "found")
    await running.reply(question.row, {"proceed": True})
    assert (await running.ended(run)).status == "complete"


# -- what is refused -------------------------------------------------------------------------------------

A, B = gives("a", 1), gives("b", 2)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: handoff(A, B, edges={"a": ["c"]}), "'c' takes no part"),
        (lambda: handoff(A, B, edges={"c": ["a"]}), "'c' takes no part"),
        (lambda: handoff(A, edges={A: [gives("a", 3)]}), "two participants are called 'a'"),
        (lambda: handoff(A, A, edges={}), "takes part twice: a"),
        (lambda: handoff(A, B, edges={A: [A]}), "'a' cannot hand over to itself"),
        (lambda: handoff(A, edges={}, otherwise="x"), "'x' takes no part"),
        (lambda: handoff(A, edges={}, limit=0), "limit must be at least 1"),
        (lambda: handoff(A, edges={}, per_edge=0), "per_edge must be at least 1"),
        (lambda: handoff(A, edges={}, within="soon"), "expected a duration"),
        (
            lambda: handoff(A, edges={}, carry="some"),
            "carry must be 'all', 'last', 'summary' or",
        ),
        (lambda: handoff(A, edges={}, carry="summary"), "need each other"),
        (lambda: handoff(A, edges={}, summarise=B), "need each other"),
        (
            lambda: handoff(A, B, edges={}, carry="summary", summarise=B),
            "'b' takes part, and cannot summarise",
        ),
        (lambda: handoff(A, edges={}, carry=["c"]), "'c' takes no part"),
        (lambda: handoff(edges={}), "needs at least one participant"),
    ],
)
def test_a_handoff_that_cannot_work_is_refused(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        make()
