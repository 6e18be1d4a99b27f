"""Open-ended work: who is told what, how stalls are counted, what a replan keeps, and how it ends."""

from __future__ import annotations

from typing import Any

import pytest
from directing import Script, ending, restrained, team
from ledgers import DONE, facts, item, look, plan
from running import Running, gives, outcome, pure

from ripieno import (
    Confidence,
    Evidence,
    Function,
    Outcome,
    human,
    sequential,
)

STUCK = look(progressing=False)
LOOPING = look(looping=True)


def counting(name: str = "worker") -> Function:
    """Give a worker that says how often it was told to work."""
    times = 0

    def act(turn: dict[str, Any]) -> str:
        nonlocal times
        times += 1
        return f"{turn['instruction']} {times}"

    return pure(act, name)


# -- the rounds ------------------------------------------------------------------------------------------


async def test_it_ends_complete_when_the_request_is_satisfied(running: Running) -> None:
    script = Script(facts=facts(("given", "it is slow")), synthesis={"because": "a full disk"})
    ended = await ending(running, script)
    assert ended == Outcome(
        "complete",
        {"answer": {"because": "a full disk"}, "missing": []},
        evidence=[Evidence("it is slow", "input")],
    )


async def test_a_worker_sees_its_instruction_the_facts_and_its_own_earlier_work(running: Running) -> None:
    seen: list[Any] = []

    def worker(turn: Any, worker: Any, other: Any) -> str:
        seen.append((turn, worker, other))
        return f"found {len(seen)}"

    script = Script(
        facts=facts(("given", "it is slow")),
        plan=plan(item("a"), item("b", "other")),
        progress=[look(what="try"), look("other", at="b"), look(what="try again"), DONE],
    )
    await ending(running, script, pure(worker, "worker"), gives("other", "elsewhere"))
    (first, own, _), (second, own_later, other) = seen
    assert first == {
        "round": 1,
        "instruction": "try",
        "item": {**item("a"), "state": "doing"},
        "facts": [{"kind": "given", "text": "it is slow", "source": "input"}],
        "earlier": [],
    }
    assert [entry["id"] for entry in second["earlier"]] == ["e1"]
    assert (own, own_later, other) == (None, "found 1", None)


@pytest.mark.parametrize(("sees", "shown"), [("all", "b"), (["other"], "b"), (["third"], None)], ids=str)
async def test_a_worker_sees_what_others_found_where_that_is_declared(
    running: Running, sees: Any, shown: str | None
) -> None:
    seen: list[Any] = []
    script = Script(plan=plan(item("a")), progress=[look("other"), look(), DONE])

    def worker(turn: Any, other: Any) -> None:
        del turn
        seen.append(other)

    await ending(running, script, pure(worker), gives("other", "b"), gives("third", "c"), sees=sees)
    assert seen == [shown]


async def test_managers_see_the_request_the_workers_and_the_ledger(running: Running) -> None:
    def searches(input: str) -> str:  # noqa: A002 - the name by which it receives its input
        """Search the logs."""
        return input.upper()

    clerk = human("clerk", role="clerk")
    script = Script(plan=plan(item("a", "searches")), progress=[look("searches"), DONE])
    await ending(running, script, pure(searches), clerk, sequential(gives("deep", 1), name="deeper"))
    first, last = script.told("progress")
    assert first["workers"] == {
        "searches": "Search the logs.",
        "clerk": "a person: clerk",
        "deeper": "sequential of deep",
    }
    assert first["limits"] == {"rounds": 20, "stalls": 3, "replans": 2}
    [entry] = last["ledger"]["evidence"]
    assert (entry["id"], entry["by"], entry["said"]) == ("e1", "searches", "WHY IS IT SLOW?")
    assert last["ledger"]["plan"][0]["state"] == "done"


async def test_a_worker_that_fails_is_evidence_and_not_the_end(running: Running) -> None:
    script = Script(progress=[look(), look("other"), DONE])
    ended = await ending(running, script, gives("worker", ValueError("no access")), gives("other", "got in"))
    assert ended.status == "complete"
    failed = script.told("progress")[1]["ledger"]
    assert (failed["evidence"][0]["status"], failed["plan"][0]["state"]) == ("failed", "failed")
    assert "no access" in failed["evidence"][0]["said"]


async def test_each_turn_is_a_choice_with_its_reasons_and_kept_under_the_item_s_id(running: Running) -> None:
    script = Script(progress=[look(), look(), DONE])
    run = await running.begin(restrained(team(script, counting())), None)
    await running.ended(run)
    speakers = await running.choices(run, "speaker")
    assert [(choice.chosen, choice.offered) for choice in speakers] == [("worker", ["worker"])] * 2
    assert speakers[1].because["item"] == "a"
    assert speakers[1].because["reasons"]["progressing"] == "progressing it is"
    paths = [event.path for event in await running.events(run, "step") if "worker@" in event.path]
    assert [path.rpartition("/")[2] for path in paths] == ["worker@a", "worker@a+2"]


# -- stalls and replans ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("looks", "counted"),
    [
        ([STUCK, STUCK, STUCK], [1, 2, 3]),
        ([LOOPING, look(looping=True, progressing=False)], [1, 2]),
        ([STUCK, STUCK, look(), look(), look(), STUCK], [1, 2, 1, 0, 0, 1]),
    ],
    ids=["no progress", "a loop", "down again, and not below nothing"],
)
async def test_a_stall_is_counted_up_and_down(running: Running, looks: Any, counted: list[int]) -> None:
    run = await running.begin(restrained(team(Script(progress=[*looks, DONE]))), None)
    await running.ended(run)
    assert [choice.because["stalls"] for choice in await running.choices(run, "speaker")] == counted


async def test_more_stalls_than_allowed_lead_to_another_plan_and_the_count_begins_anew(
    running: Running,
) -> None:
    script = Script(progress=[STUCK, STUCK, look(at="b"), DONE], replan=plan(item("b")))
    ended = await ending(running, script, stalls=1)
    assert ended.status == "complete"
    [told] = script.told("replan")
    assert told["stalled"] == "progressing it is"
    assert [entry["id"] for entry in told["ledger"]["evidence"]] == ["e1"]
    after = script.told("progress")[2]["ledger"]
    assert (after["stalls"], after["replans"], [one["id"] for one in after["plan"]]) == (0, 1, ["b"])


async def test_a_replan_keeps_what_is_given_and_verified_whatever_the_planner_says(running: Running) -> None:
    learnt = facts(("verified", "the disk is full", "e1"), ("guess", "a leak"), ("look_up", "who writes"))
    forgets = plan(
        facts=[{"kind": "guess", "text": "The disk  is FULL"}, {"kind": "guess", "text": "a loop"}]
    )
    script = Script(
        facts=facts(("given", "it is slow")),
        progress=[look(), look(progressing=False, **learnt), DONE],
        replan=forgets,
    )
    await ending(running, script, stalls=0)
    after = script.told("progress")[2]["ledger"]["facts"]
    assert [(fact["kind"], fact["text"], fact["source"]) for fact in after] == [
        ("given", "it is slow", "input"),
        ("verified", "the disk is full", "e1"),
        ("guess", "a loop", None),
    ]


async def test_a_replan_that_says_nothing_of_facts_leaves_them_as_they_are(running: Running) -> None:
    script = Script(facts=facts(("guess", "a leak")), progress=[STUCK, DONE])
    await ending(running, script, stalls=0)
    assert [fact["text"] for fact in script.told("progress")[1]["ledger"]["facts"]] == ["a leak"]


async def test_a_guess_that_is_shown_becomes_a_fact_and_does_not_become_a_guess_again(
    running: Running,
) -> None:
    def guess(kind: str, source: str | None = None) -> dict[str, Any]:
        return {"facts": [{"kind": kind, "text": "a leak", "source": source}]}

    script = Script(
        facts=guess("guess"),
        progress=[look(), look(**guess("verified", "e1")), look(**guess("look_up")), DONE],
    )
    ended = await ending(running, script)
    assert ended.evidence == (Evidence("a leak", "e1"),)


async def test_an_item_that_stays_the_same_keeps_its_state_in_a_new_plan(running: Running) -> None:
    script = Script(
        plan=plan(item("a"), item("b", what="ask"), item("c")),
        progress=[look(), look(at="b"), STUCK, DONE],
        replan=plan(item("a"), item("b", what="ask again"), item("d")),
    )
    run = await running.begin(restrained(team(script, stalls=0)), None)
    await running.ended(run)
    states = {one["id"]: one["state"] for one in script.told("progress")[3]["ledger"]["plan"]}
    assert states == {"a": "done", "b": "open", "d": "open"}
    _, second = await running.choices(run, "plan")
    changed = second.because["changes"]
    assert [one["id"] for one in changed["added"]] == ["d"]
    assert [one["id"] for one in changed["removed"]] == ["c"]
    [asked] = changed["changed"]
    assert (asked["id"], asked["from"]["what"], asked["to"]["what"]) == ("b", "ask", "ask again")


async def test_progress_may_say_that_an_item_is_not_done_after_all(running: Running) -> None:
    script = Script(progress=[look(), look(satisfied=True, states={"a": "open"})])
    ended = await ending(running, script)
    assert (ended.status, ended.output["missing"]) == ("complete", ["a: find out (open)"])


# -- endings ---------------------------------------------------------------------------------------------


async def test_rounds_used_up_give_a_partial_answer_that_says_what_is_missing(running: Running) -> None:
    script = Script(
        facts=facts(("look_up", "who writes")), plan=plan(item("a"), item("b")), progress=look(what="look")
    )
    ended = await ending(running, script, counting(), rounds=3)
    assert (ended.status, ended.output["answer"]) == ("partial", "answer: rounds")
    assert ended.output["missing"] == ["b: find out (open)", "not known: who writes"]
    assert ended.reason == "not done after 3 rounds; missing: b: find out (open); not known: who writes"
    assert script.told("synthesis")[0]["why"] == "not done after 3 rounds"


async def test_the_last_round_may_satisfy(running: Running) -> None:
    assert (await ending(running, Script(), rounds=1)).status == "complete"


async def test_stalls_without_a_replan_left_give_a_partial_answer(running: Running) -> None:
    script = Script(progress=LOOPING)
    ended = await ending(running, script, stalls=0, replans=2)
    assert (ended.status, ended.output["answer"]) == ("partial", "answer: stalled")
    assert "stalled, with no replan left of 2: looping it is" in (ended.reason or "")
    assert len(script.told("replan")) == 2


async def test_time_that_is_over_stops_the_worker_and_gives_a_partial_answer(running: Running) -> None:
    script = Script()
    run = await running.begin(
        restrained(team(script, human("worker", role="clerk"), within="1h")), "why is it slow?"
    )
    await running.questions(run)
    await running.later(run, 3600)
    ended = await running.ended(run)
    assert (ended.status, ended.output["answer"]) == ("partial", "answer: time")
    assert (ended.reason or "").startswith("not done within 3600 s")


async def test_time_that_is_over_between_turns_ends_it_too(running: Running) -> None:
    def sleeps(turn: Any) -> str:
        del turn
        running.clock.turn(60)
        return "slept"

    script = Script(progress=look())
    ended = await ending(running, script, pure(sleeps, "worker"), within="50s")
    assert (ended.status, ended.output["answer"]) == ("partial", "answer: time")


async def test_within_its_time_it_ends_as_without_one(running: Running) -> None:
    assert (await ending(running, Script(), within="1h")).status == "complete"


async def test_who_puts_the_answer_together_adds_confidence_and_evidence(running: Running) -> None:
    found = Evidence("the disk is full", "df")
    answer = Outcome("complete", "disk", confidence=Confidence(0.7, "by rule"), evidence=[found])
    ended = await ending(running, Script(synthesis=answer, facts=facts(("given", "slow"))))
    assert (ended.confidence, ended.evidence) == (
        Confidence(0.7, "by rule"),
        (Evidence("slow", "input"), found),
    )


@pytest.mark.parametrize(
    "answer",
    [
        ValueError("no words"),
        outcome("escalated", "?", reason="no words"),
        outcome("partial", reason="no words"),
    ],
    ids=["raises", "escalates", "gives nothing"],
)
async def test_an_answer_that_nobody_puts_together_is_the_ledger_itself_and_partial(
    running: Running, answer: object
) -> None:
    script = Script(
        facts=facts(("given", "slow"), ("guess", "a leak")),
        plan=plan(item("a"), item("b")),
        progress=[look(), look("other", at="b"), DONE],
        synthesis=answer,
    )
    ended = await ending(running, script, counting(), gives("other", ValueError("no access")))
    assert ended.status == "partial"
    assert ended.output["answer"]["facts"] == ["slow"]
    assert ended.output["answer"]["found"] == {"a": "go on 1"}
    assert "no access" in ended.output["answer"]["failed"]["b"]
    assert "lead put no answer together" in (ended.reason or "")
    assert "no words" in (ended.reason or "")


async def test_a_partial_answer_to_a_satisfied_request_is_partial(running: Running) -> None:
    ended = await ending(running, Script(synthesis=outcome("partial", "half", reason="half of it")))
    assert (ended.status, ended.output["answer"]) == ("partial", "half")
    assert ended.reason == "half of it"


async def test_each_manager_is_asked_for_its_own_part(running: Running) -> None:
    planner, progress, speaker = Script(), Script(), Script()
    ended = await ending(
        running,
        planner,
        progress=progress.participant("watch"),
        synthesise=speaker.participant("speaker"),
    )
    assert ended.status == "complete"
    asked = [{turn["phase"] for turn in script.turns} for script in (planner, progress, speaker)]
    assert asked == [{"facts", "plan"}, {"progress"}, {"synthesis"}]


# -- what stays bounded ----------------------------------------------------------------------------------


async def test_what_a_turn_carries_does_not_grow_without_end(running: Running) -> None:
    def more(turn: dict[str, Any]) -> dict[str, Any]:
        made = turn["ledger"]["round"]
        new = [{"kind": "guess", "text": f"{made}-{n}"} for n in range(20)]
        return look(what="look " * 400, at=f"i{made % 50}", facts=new)

    script = Script(
        facts=facts(("given", "it is slow")),
        plan=plan(*(item(f"i{n}") for n in range(50))),
        progress=more,
    )
    ended = await ending(running, script, gives("worker", "w" * 5000), rounds=90)
    assert (ended.status, [one.claim for one in ended.evidence]) == ("partial", ["it is slow"])
    last = script.told("progress")[-1]["ledger"]
    assert len(last["facts"]) == 200
    assert len(last["evidence"]) <= 60
    assert {entry["item"] for entry in last["evidence"]} == {f"i{n}" for n in range(50)}
    assert max(len(entry["said"]) for entry in last["evidence"]) <= 600
