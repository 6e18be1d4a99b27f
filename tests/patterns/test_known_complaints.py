"""What users of other frameworks have complained of, and what holds here; each case names where it is known.

Further behaviours of these kinds are in the tests of each pattern: swarm limits in `test_handoff.py` and
`test_handoff_storms.py`, malformed ledgers and bad speakers in `test_magentic_answers.py`, what a replan
is told in `test_magentic.py`, people who answer across restarts in `tests/kernel/test_tasks.py`.
"""

from __future__ import annotations

from typing import Any

import pytest
from directing import Script, ending, restrained, team
from ledgers import DONE, look
from running import Running, gives, outcome, pure

from ripieno import (
    Context,
    Function,
    ToolError,
    concurrent,
    group_chat,
    hand_over,
    handoff,
    human,
    map_over,
    merge,
    rounds,
    sequential,
    single_agent,
    tool,
    use_tool,
    verdict,
)
from ripieno.model.errors import InputError, RefusedError
from ripieno.model.participant import Question

YES = {"proceed": True}
AGE: dict[str, Any] = {
    "type": "object",
    "properties": {"age": {"type": "integer", "minimum": 1}},
    "required": ["age"],
}


def asks(name: str, *titles: str) -> Function:
    """Give a participant that asks one thing after another, and ends with what was answered."""

    async def act(context: Context) -> list[Any]:
        return [(await context.ask(Question("clerk", title, {}))).value for title in titles]

    return pure(act, name)


async def open_titles(running: Running, run: str) -> dict[str, Any]:
    """Give what people are asked, by title."""
    return {asked.title: asked for asked in await running.questions(run)}


# -- people who are waited for (LangGraph) -----------------------------------------------------------------


async def test_what_was_answered_in_one_branch_is_not_asked_again_while_another_waits(
    running: Running,
) -> None:
    """LangGraph: resolved interrupts of nodes that run in parallel keep firing."""
    flow = concurrent(asks("two", "first", "second"), asks("other", "elsewhere"), resolve=merge())
    run = await running.begin(flow)
    shown: list[set[str]] = []
    for title in ("first", "second", "elsewhere"):
        asked = await open_titles(running, run)
        shown.append(set(asked))
        await running.reply(asked[title].row, f"to {title}")
    assert shown == [{"first", "elsewhere"}, {"second", "elsewhere"}, {"elsewhere"}]
    output = (await running.ended(run)).output
    assert output == {"two": ["to first", "to second"], "other": ["to elsewhere"]}
    assert len(await running.events(run, "asked")) == 3


async def test_answers_to_the_same_question_side_by_side_go_to_whom_they_were_given(running: Running) -> None:
    """LangGraph: parallel interrupts of one node have the same id, and their answers are mixed up."""
    run = await running.begin(map_over("input", asks("each", "may it?")), ["a", "b", "c"])
    for asked in reversed(await running.questions(run)):
        await running.reply(asked.row, asked.row.path)
    output = (await running.ended(run)).output
    assert [path.split("/")[1] for [path] in output] == ["each@0", "each@1", "each@2"]


async def test_what_was_done_before_a_question_is_not_done_again_after_it(running: Running) -> None:
    """LangGraph: a node that is resumed runs from its beginning, and so do its side effects."""
    done: list[str] = []

    @tool(on_uncertain="retry")
    def charge(what: str) -> str:
        done.append(what)
        return what

    async def desk(context: Context) -> list[Any]:
        before = await context.use(charge, what="before")
        answer = await context.ask(Question("clerk", "go on?", {}))
        return [before, answer.value, await context.use(charge, what="after")]

    inner = sequential(pure(desk), asks("later", "and now?"), name="inner")
    run = await running.begin(sequential(inner, name="outer"))
    for value in ("yes", "done"):
        [asked] = await running.questions(run)
        await running.reply(asked.row, value)
    assert (await running.ended(run)).output == ["done"]
    assert done == ["before", "after"]


async def test_a_part_within_a_part_goes_on_where_it_stood_and_not_from_its_beginning(
    running: Running,
) -> None:
    """LangGraph: an interrupted subgraph starts over when it is resumed."""
    visits: list[str] = []

    def step(name: str) -> Function:
        return pure(lambda: visits.append(name), name)

    inner = sequential(step("a"), human("clerk", role="clerk"), step("b"), name="inner")
    run = await running.begin(
        sequential(step("first"), sequential(inner, step("c"), name="middle"), name="outer")
    )
    [asked] = await running.questions(run)
    await running.reply(asked.row, YES)
    assert (await running.ended(run)).status == "complete"
    ends = [event.path for event in await running.events(run, "step")]
    assert len(ends) == len(set(ends))
    assert sorted(set(visits)) == ["a", "b", "c", "first"]


async def test_a_form_that_is_filled_in_wrongly_is_one_question_until_it_is_right(running: Running) -> None:
    """LangGraph: asking again in a loop until the answer is valid takes more and more resumes."""
    run = await running.begin(human("applicant", role="applicant", form=AGE))
    [asked] = await running.questions(run)
    for wrong in ({"age": 0}, {"age": "old"}, {}):
        with pytest.raises(InputError):
            await running.reply(asked.row, wrong)
    await running.reply(asked.row, {"age": 30})
    assert (await running.ended(run)).output == {"age": 30}
    assert len(await running.events(run, "asked")) == 1


async def test_a_question_is_answered_once_whatever_is_answered_later(running: Running) -> None:
    """LangGraph: the same interrupt is resumed with one value and then with another."""
    run = await running.begin(sequential(asks("one", "allow?"), asks("two", "really?")))
    [asked] = await running.questions(run)
    await running.reply(asked.row, "no")
    with pytest.raises(RefusedError, match="already answered"):
        await running.reply(asked.row, "yes")
    [other] = await running.questions(run)
    assert other.title == "really?"
    [first] = await running.events(run, "answered")
    assert first.path.endswith("one@1/ask/1")


async def test_a_branch_goes_on_to_its_end_while_a_person_is_awaited_in_another(running: Running) -> None:
    """LangGraph: many agents at once, of which one that asks holds up the others."""
    quick = sequential(gives("a", 1), gives("b", 2), name="quick")
    run = await running.begin(concurrent(human("clerk", role="clerk"), quick, resolve=merge()))
    [asked] = await running.questions(run)
    assert [event.path for event in await running.events(run, "scope")] == ["concurrent@1/quick@1"]
    await running.reply(asked.row, YES)
    assert (await running.ended(run)).output["quick"] == 2


# -- who directs and who speaks (AutoGen, Magentic-One) ----------------------------------------------------


@pytest.mark.parametrize("missing", ["satisfied", "looping", "progressing", "next_speaker", "instruction"])
async def test_a_look_at_the_progress_that_misses_a_field_is_asked_for_again(
    running: Running, missing: str
) -> None:
    """AutoGen: a ledger without `next_speaker`, or without `is_request_satisfied`, ends all by a KeyError."""
    broken = {name: value for name, value in look().items() if name != missing}
    script = Script(progress=[broken, look(), DONE])
    assert (await ending(running, script)).status == "complete"
    assert missing in str(script.told("progress")[1]["problems"])


async def test_a_speaker_who_does_not_exist_is_asked_for_again_with_those_who_do(running: Running) -> None:
    """AutoGen: a speaker whom nobody bears, such as `TERMINATE`, ends the chat or is followed blindly."""
    script = Script(progress=[look("TERMINATE"), look(), DONE])
    assert (await ending(running, script)).status == "complete"
    [problem] = script.told("progress")[1]["problems"]
    assert "TERMINATE" in problem
    assert "worker" in problem


@pytest.mark.parametrize("named", ["TERMINATE", "a and b", None], ids=str)
async def test_a_chair_who_names_nobody_does_not_keep_the_last_speaker_speaking(
    running: Running, named: object
) -> None:
    """AutoGen: a selector that fails falls back to the previous speaker, over and over."""
    speakers = [gives(name, name) for name in "abc"]
    run = await running.begin(group_chat(*speakers, until=rounds(2), manager=gives("chair", named)))
    assert (await running.ended(run)).status == "partial"
    chosen = [choice.chosen for choice in await running.choices(run, "speaker")]
    assert chosen == list("abcabc")


async def test_a_chair_who_always_names_the_same_is_ended_by_the_rounds(running: Running) -> None:
    """AutoGen: the same speaker is chosen again and again, and no condition ever triggers."""
    speakers = [gives("a", "again"), gives("b", "never")]
    run = await running.begin(
        group_chat(*speakers, until=verdict("ok") | rounds(3), manager=gives("chair", "a"))
    )
    ended = await running.ended(run)
    assert (ended.status, ended.output) == ("partial", "again")
    assert len(await running.choices(run, "speaker")) == 6


async def test_nothing_found_is_an_answer_and_no_reason_to_plan_again(running: Running) -> None:
    """Agent Framework: an empty result is taken for a failure, and replanned until the rounds are used up."""
    script = Script(progress=[look(), DONE])
    ended = await ending(running, script, gives("worker", []))
    assert ended.status == "complete"
    assert script.told("replan") == []
    assert script.turns[-1]["ledger"]["round"] == 1


async def test_rounds_that_are_used_up_still_give_an_answer(running: Running) -> None:
    """Agent Framework: open-ended work runs into its maximum of rounds, and gives no compiled result."""
    script = Script(progress=[look()])
    ended = await ending(running, script, gives("worker", "the light is on"), rounds=3)
    assert ended.status == "partial"
    assert ended.output["answer"] == "answer: rounds"
    assert len(script.told("progress")) <= 4
    assert "the light is on" in str(script.told("synthesis")[0])


async def test_a_plan_made_anew_is_told_what_was_found_and_what_failed(running: Running) -> None:
    """AutoGen: a replan starts from an empty context, and repeats what was tried."""
    script = Script(progress=[look(), look(progressing=False), look(), DONE])
    flow = team(script, gives("worker", ToolError("the index is gone")), stalls=0, replans=1)
    await running.run(restrained(flow), "why?")
    [again] = script.told("replan")
    assert "the index is gone" in str(again)


# -- cases that are handed round (Strands, Agent Framework) ------------------------------------------------


async def test_two_who_hand_a_case_back_and_forth_are_stopped_though_nothing_was_set(
    running: Running,
) -> None:
    """Strands: detection of repeated handoffs is off unless somebody sets it."""
    a, b = pure(lambda: hand_over("b", because="-"), "a"), pure(lambda: hand_over("a", because="-"), "b")
    run = await running.begin(handoff(a, b, edges={"a": ["b"], "b": ["a"]}))
    ended = await running.ended(run)
    assert ended.status != "complete"
    assert len(await running.choices(run, "hand over")) <= 4
    assert ended.reason


@pytest.mark.parametrize("target", ["a", "nobody", "B"], ids=["itself", "nobody", "another case"])
async def test_whoever_hands_a_case_to_nobody_is_not_followed(running: Running, target: str) -> None:
    """Strands: a handoff to an agent that is not known ends the swarm without a word."""
    flow = handoff(
        pure(lambda: hand_over(target, because="-", output="known"), "a"), gives("b", 1), edges={"a": ["b"]}
    )
    ended = await running.run(flow)
    assert ended.status != "complete"
    assert target in str(ended.reason)
    assert ended.output == {"a": "known"}, "what is known is not lost"


async def test_whoever_gets_a_case_back_speaks_again(running: Running) -> None:
    """Agent Framework: a handoff that bounces back gives a silent turn."""
    turns: list[str | None] = []

    def triage(turn: dict[str, Any]) -> Any:
        turns.append(turn["from"])
        return (
            hand_over("desk", because="look") if turn["from"] is None else f"closed after {turn['because']}"
        )

    desk = pure(lambda: hand_over("triage", because="it is settled", output=1), "desk")
    ended = await running.run(handoff(pure(triage), desk, edges={"triage": ["desk"], "desk": ["triage"]}))
    assert (ended.status, ended.output) == ("complete", "closed after it is settled")
    assert turns == [None, "desk"]


async def test_an_agent_that_takes_part_in_a_handoff_keeps_its_own_tools(running: Running) -> None:
    """Agent Framework: tools for handing over replace those that the agent has."""

    @tool(effect="read")
    def price(of: str) -> int:
        return len(of)

    def agent(turn: dict[str, Any]) -> Any:
        return use_tool("price", {"of": "rope"}) if turn["round"] == 1 else turn["results"][0]["result"]

    sales = single_agent(pure(agent), tools=[price], name="sales")
    flow = handoff(
        pure(lambda: hand_over("sales", because="a price"), "triage"), sales, edges={"triage": ["sales"]}
    )
    assert (await running.run(flow)).output == 4


async def test_a_branch_that_fails_takes_nothing_from_the_others(running: Running) -> None:
    """Swarms, Agent Framework: one agent that fails aborts the whole, and what others found is lost."""
    found = [
        gives("good", 1),
        gives("bad", ValueError("503")),
        gives("better", outcome("complete", 2, sure=0.9)),
    ]
    ended = await running.run(concurrent(*found, resolve=merge(), on_failure="collect"))
    assert ended.status == "partial"
    assert ended.output == {"good": 1, "better": 2}
    assert "503" in str(ended.reason)
