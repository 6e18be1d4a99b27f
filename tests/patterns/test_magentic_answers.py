"""Answers of managers that are not what was asked for: refused with what is wrong, and asked for again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from directing import Script, ending, restrained, team
from ledgers import DONE, facts, item, look, plan
from running import Running, gives, outcome

from ripieno import human


def without(document: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in names}


def judged(name: str, answer: object) -> dict[str, Any]:
    """Give a look at the progress of which one judgement is something else."""
    return {**look(), name: {"answer": answer, "reason": "so it is"}}


WRONG_LOOKS: dict[str, tuple[Any, str]] = {
    "satisfied is missing": (without(look(), "satisfied"), "satisfied: is missing"),
    "satisfied is the text false": (
        judged("satisfied", "false"),
        "satisfied.answer: expected true or false, found the text 'false'",
    ),
    "satisfied is the text true": (
        judged("satisfied", "true"),
        "satisfied.answer: expected true or false, found the text 'true'",
    ),
    "satisfied is a number": (
        judged("satisfied", 1),
        "satisfied.answer: expected true or false, found a number",
    ),
    "satisfied is nothing": (
        judged("satisfied", None),
        "satisfied.answer: expected true or false, found nothing",
    ),
    "a judgement is bare": ({**look(), "looping": False}, "looping: expected a mapping, found true or false"),
    "a judgement without a reason": (
        {**look(), "progressing": {"answer": True}},
        "progressing.reason: is missing",
    ),
    "nobody of that name": (
        look("Worker_1"),
        "next_speaker.answer: nobody is called 'Worker_1'; workers: worker, other",
    ),
    "no next speaker": (without(look(), "next_speaker"), "next_speaker: is missing"),
    "no instruction": (without(look(), "instruction"), "instruction: is missing"),
    "an empty instruction": (look(what=""), "instruction.answer: is empty"),
    "no item": (look(at=None), "item: is missing; it names the item of the plan that the instruction serves"),
    "no such item": (look(at="z"), "item: no item is called 'z'; items: a"),
    "a state of no item": (look(states={"z": "done"}), "states.z: no item has this id; items: a"),
    "no such state": (
        look(states={"a": "finished"}),
        "states.a: is not one of the known words, found the text 'finished'",
    ),
    "verified by nothing": (
        look(**facts(("verified", "it is so"))),
        "facts.0.source: is missing; a verified fact names what shows it",
    ),
    "verified by what is not there": (
        look(**facts(("verified", "it is so", "e1"))),
        "facts.0.source: 'e1' is no source; known: input, no evidence yet",
    ),
    "an unknown kind of fact": (
        look(**facts(("rumour", "it is so"))),
        "facts.0.kind: is not one of the known words, found the text 'rumour'",
    ),
    "a field nobody knows": ({**look(), "next": "worker"}, "next: is not a known field"),
    "text that is no document": ("I think we are done.", "expected a JSON document, found text that is none"),
    "a list": ([look()], "the answer: expected a mapping, found a list"),
    "nothing": (None, "the answer: expected a mapping, found nothing"),
    "it failed": (ValueError("overloaded"), "no answer: "),
}
WRONG_PLANS: dict[str, tuple[Any, str]] = {
    "no items": ({"items": [], "reason": "none needed"}, "items: is empty"),
    "too many items": (plan(*(item(f"i{n}") for n in range(51))), "items: has too many entries"),
    "an owner nobody is": (
        plan(item("a", "Bob")),
        "items.0.owner: nobody is called 'Bob'; workers: worker, other",
    ),
    "an id twice": (plan(item("a"), item("b"), item("a")), "items.2.id: 'a' stands twice"),
    "an id that cannot be a key": (
        plan(item("a/b")),
        "items.0.id: expected lower-case letters, digits, '-' and '_', found the text 'a/b'",
    ),
    "no reason": (without(plan(), "reason"), "reason: is missing"),
    "a long text in place of a list": (
        {**plan(), "items": "x" * 99},
        "items: expected a list, found a long text",
    ),
}


@pytest.mark.parametrize(("wrong", "says"), WRONG_LOOKS.values(), ids=WRONG_LOOKS)
async def test_a_malformed_look_at_the_progress_is_asked_for_again_with_what_is_wrong(
    running: Running, wrong: object, says: str
) -> None:
    script = Script(progress=[wrong, look(), DONE])
    run = await running.begin(restrained(team(script, gives("worker", 1), gives("other", 2))), None)
    assert (await running.ended(run)).status == "complete"
    first, again, _ = script.told("progress")
    assert "problems" not in first
    assert any(problem.startswith(says) for problem in again["problems"]), again["problems"]
    [refused] = await running.choices(run, "malformed")
    assert (refused.chosen, refused.because["by"], refused.because["phase"]) == (
        "ask again",
        "lead",
        "progress",
    )
    assert refused.because["problems"] == again["problems"]


@pytest.mark.parametrize(("wrong", "says"), WRONG_PLANS.values(), ids=WRONG_PLANS)
async def test_a_malformed_plan_is_asked_for_again_with_what_is_wrong(
    running: Running, wrong: object, says: str
) -> None:
    script = Script(plan=[wrong, plan()])
    ended = await ending(running, script, gives("worker", 1), gives("other", 2))
    assert ended.status == "complete"
    assert script.told("plan")[1]["problems"] == [says]


async def test_every_problem_of_an_answer_is_said_at_once(running: Running) -> None:
    script = Script(progress=[{"item": 3, "progressing": "yes"}, look(), DONE])
    await ending(running, script)
    assert script.told("progress")[1]["problems"] == [
        "satisfied: is missing",
        "looping: is missing",
        "progressing: expected a mapping, found the text 'yes'",
        "item: expected text, found a number",
    ]


@pytest.mark.parametrize(
    "written",
    [json.dumps(DONE), f"```json\n{json.dumps(DONE, indent=2)}\n```", f"  ```\n{json.dumps(DONE)}\n```\n"],
    ids=["as text", "in a fence", "in a fence without a language"],
)
async def test_a_document_may_be_given_as_its_text(running: Running, written: str) -> None:
    script = Script(progress=[look(), written])
    assert (await ending(running, script)).status == "complete"
    assert len(script.told("progress")) == 2


@pytest.mark.parametrize("phase", ["facts", "plan", "replan", "progress"])
async def test_an_answer_that_stays_malformed_ends_it_with_what_there_is(
    running: Running, phase: str
) -> None:
    stuck = {} if phase == "progress" else {"progress": look(progressing=False)}
    script = Script(**{phase: {"what": "?"}, **stuck})
    run = await running.begin(restrained(team(script, stalls=1, asks=2)), None)
    ended = await running.ended(run)
    assert (ended.status, ended.output["answer"]) == ("partial", "answer: manager")
    assert f"lead gave no usable answer ({phase}), asked 2 times: " in (ended.reason or "")
    assert len(script.told(phase)) == 2
    refused = [choice.chosen for choice in await running.choices(run, "malformed")]
    assert refused == ["ask again", "give up"]


async def test_without_a_plan_the_plan_is_what_is_missing(running: Running) -> None:
    ended = await ending(running, Script(plan="no"))
    assert ended.output["missing"] == ["a plan"]


async def test_a_manager_who_hands_the_case_up_ends_it_as_escalated(running: Running) -> None:
    script = Script(progress=[look(), outcome("escalated", reason="over my head")])
    ended = await ending(running, script)
    assert (ended.status, ended.output["answer"]) == ("escalated", "answer: manager")
    assert ended.reason == "lead gave no answer (progress): over my head"


async def test_a_partial_answer_of_a_manager_is_read_like_any_other(running: Running) -> None:
    script = Script(progress=[look(), outcome("partial", DONE, reason="out of tokens")])
    assert (await ending(running, script)).status == "complete"


async def test_a_person_may_direct(running: Running) -> None:
    script = Script()
    director = human("director", role="director", form={"type": "object"})
    run = await running.begin(
        restrained(team(script, progress=director, synthesise=script.participant("speaker"))), None
    )
    unclear = {**DONE, "satisfied": {"answer": "no", "reason": "?"}}
    for number, answer in enumerate((unclear, look(), DONE), start=1):
        [question] = await running.questions(run)
        await running.reply(question.row, answer)
        while len(await running.events(run, "answered")) < number:
            await running.rests(run)
    assert (await running.ended(run)).status == "complete"
    assert len(await running.choices(run, "malformed")) == 1
