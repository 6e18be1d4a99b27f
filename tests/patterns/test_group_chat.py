"""One conversation, one speaker at a time: who speaks, what each sees, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from running import Running, gives, outcome, pure

from ripieno import Confidence, Function, human
from ripieno.model.errors import DefinitionError
from ripieno.patterns.conditions import Condition, Thread, consensus, elapsed, rounds, stalled, text, verdict
from ripieno.patterns.group_chat import group_chat
from ripieno.patterns.managers import maker_checker, round_robin

HOUR = 3600


def says(name: str, *lines: object) -> Function:
    """Give a speaker that says one thing after another, and the last for ever."""
    spoken = 0

    def act() -> object:
        nonlocal spoken
        spoken += 1
        return lines[min(spoken, len(lines)) - 1]

    return pure(act, name)


async def speakers(running: Running, run: str) -> list[str]:
    steps = [event.path.rpartition("/")[2] for event in await running.events(run, "step")]
    return [step.partition("@")[0] for step in steps if "@" in step]


# -- who speaks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("manager", [None, round_robin()], ids=["by default", "as declared"])
async def test_everybody_speaks_in_turn(running: Running, manager: Any) -> None:
    run = await running.begin(
        group_chat(says("a", 1), says("b", 2), says("c", 3), until=rounds(2), manager=manager)
    )
    await running.ended(run)
    assert await speakers(running, run) == ["a", "b", "c", "a", "b", "c"]
    assert await running.choices(run, "speaker") == []


def last_is_next(thread: Thread) -> str:
    return thread.messages[-1].says if thread.messages else "b"


async def test_a_function_of_the_thread_names_the_speaker_and_the_choice_is_recorded(
    running: Running,
) -> None:
    run = await running.begin(
        group_chat(says("a", "b"), says("b", "b", "a"), until=rounds(2), manager=last_is_next)
    )
    await running.ended(run)
    assert await speakers(running, run) == ["b", "b", "a", "b"]
    choices = await running.choices(run, "speaker")
    assert [choice.chosen for choice in choices] == ["b", "b", "a", "b"]
    assert (choices[1].offered, choices[1].because) == (["a", "b"], {"turn": 2, "refused": []})


@pytest.mark.parametrize("as_field", [False, True], ids=["a name", "a field"])
async def test_a_participant_names_the_speaker(running: Running, *, as_field: bool) -> None:
    def chair(turn: Any) -> Any:
        name = "b" if len(turn["messages"]) % 2 == 0 else "a"
        return {"next": name} if as_field else name

    run = await running.begin(group_chat(says("a", 1), says("b", 2), until=rounds(1), manager=pure(chair)))
    await running.ended(run)
    assert [choice.chosen for choice in await running.choices(run, "speaker")] == ["b", "a"]


async def test_a_manager_who_names_nobody_is_told_so_and_asked_again(running: Running) -> None:
    def chair(turn: Any) -> str:
        return "b" if "refused" in turn else "carol"

    run = await running.begin(group_chat(says("a", 1), says("b", 2), until=rounds(1), manager=pure(chair)))
    await running.ended(run)
    first, _ = await running.choices(run, "speaker")
    assert (first.chosen, first.because["refused"]) == ("b", ["carol"])


@pytest.mark.parametrize("nonsense", ["carol", None, 7, {"next": ["a"]}, {}, ["a"]], ids=str)
async def test_with_a_manager_who_never_names_anybody_it_goes_in_turn(
    running: Running, nonsense: object
) -> None:
    run = await running.begin(
        group_chat(says("a", 1), says("b", 2), until=rounds(1), manager=gives("chair", nonsense))
    )
    assert (await running.ended(run)).status == "partial"
    assert [choice.chosen for choice in await running.choices(run, "speaker")] == ["a", "b"]


async def test_a_manager_who_does_not_complete_ends_the_chat(running: Running) -> None:
    chair = gives("chair", outcome("failed", reason="no idea"))
    ended = await running.run(group_chat(says("a", 1), until=rounds(1), manager=chair))
    assert (ended.status, ended.reason) == ("failed", "no idea")


async def test_a_person_may_chair(running: Running) -> None:
    form = {"type": "object", "properties": {"next": {"enum": ["a", "b"]}}}
    chair = human("chair", role="chair", form=form)
    run = await running.begin(
        group_chat(says("a", "x"), says("b", "done"), until=text("done") | rounds(5), manager=chair)
    )
    [question] = await running.questions(run)
    await running.reply(question.row, {"next": "b"})
    assert (await running.ended(run)).output == "done"


# -- what each sees --------------------------------------------------------------------------------------


async def test_a_speaker_sees_the_latest_messages_and_the_last_word_of_each(running: Running) -> None:
    seen: list[Any] = []

    def writer(turn: Any, critic: Any, previous: Any) -> str:
        seen.append([turn["round"], [message["says"] for message in turn["messages"]], critic, previous])
        return f"draft {len(seen)}"

    critic = says("critic", "shorter", "longer")
    await running.run(group_chat(pure(writer), critic, says("other", "hm"), until=rounds(3), sees=2))
    assert seen == [
        [1, [], None, None],
        [2, ["shorter", "hm"], "shorter", "hm"],
        [3, ["longer", "hm"], "longer", "hm"],
    ]


async def test_what_a_speaker_sees_does_not_grow_with_the_chat(running: Running) -> None:
    most: list[int] = []

    def talker(turn: Any) -> int:
        most.append(len(turn["messages"]))
        return len(most)

    await running.run(group_chat(pure(talker), says("b", 1), until=rounds(30), sees=5))
    assert max(most) == 5


# -- how it ends -----------------------------------------------------------------------------------------

ENDS: dict[str, tuple[list[Function], Condition, str, Any]] = {
    "rounds": ([says("a", 1), says("b", 2)], rounds(2), "partial", 2),
    "words": ([says("a", 1, "all DONE"), says("b", 2)], text("DONE") | rounds(9), "complete", "all DONE"),
    "words in a field": (
        [says("a", {"x": ["é DONE"]})],
        text("é DONE") | rounds(9),
        "complete",
        {"x": ["é DONE"]},
    ),
    "words by another do not count": (
        [says("a", "DONE"), says("b", 2)],
        text("DONE", by="b") | rounds(2),
        "partial",
        2,
    ),
    "words of both": (
        [says("a", "yes"), says("b", "no", "yes")],
        text("yes", by="a") & text("yes", by="b") | rounds(5),
        "complete",
        "yes",
    ),
    "a verdict of all": (
        [says("a", {"verdict": "ok"}), says("b", {"verdict": "no"}, {"verdict": "ok"})],
        verdict("ok") | rounds(5),
        "complete",
        {"verdict": "ok"},
    ),
    "a verdict in a field of one's own": (
        [says("a", {"passed": "yes"})],
        verdict("yes", field="passed") | rounds(5),
        "complete",
        {"passed": "yes"},
    ),
    "a verdict never given": ([says("a", None), says("b", 3)], verdict("ok") | rounds(1), "partial", 3),
    "consensus": ([says("a", 1, 2), says("b", 2)], consensus() | rounds(5), "complete", 2),
    "no consensus": ([says("a", 1), says("b", 2)], consensus() | rounds(3), "partial", 2),
    "stalled": ([says("a", 1, 2, 3), says("b", 9, 8)], stalled(3) | rounds(50), "partial", 8),
    "both at once": (
        [says("a", "DONE"), says("b", 2)],
        (text("DONE", by="a") & rounds(2)) | rounds(9),
        "complete",
        2,
    ),
    "the later of two limits": ([says("a", *range(9))], rounds(2) & rounds(4), "partial", 3),
    "the earlier of two limits": ([says("a", *range(9))], rounds(2) | rounds(4), "partial", 1),
    "what is good comes before a limit": ([says("a", "DONE")], rounds(1) | text("DONE"), "complete", "DONE"),
}


@pytest.mark.parametrize("case", ENDS.values(), ids=ENDS)
async def test_a_chat_ends_when_its_condition_holds(
    running: Running, case: tuple[list[Function], Condition, str, Any]
) -> None:
    members, until, status, output = case
    ended = await running.run(group_chat(*members, until=until))
    assert (ended.status, ended.output) == (status, output)
    assert (ended.reason is None) == (status == "complete")


async def test_a_stall_is_noticed_however_little_each_sees(running: Running) -> None:
    run = await running.begin(group_chat(says("a", 1), until=stalled(20) | rounds(99), sees=1))
    assert (await running.ended(run)).reason == "the chat ended by its limit: stalled 20"
    assert len(await speakers(running, run)) == 21


async def test_a_chat_ends_when_its_time_is_over(running: Running) -> None:
    clerk = human("clerk", role="clerk")
    run = await running.begin(group_chat(clerk, says("b", 2), until=elapsed("1h") | rounds(9)))
    [question] = await running.questions(run)
    running.clock.turn(HOUR)
    await running.reply(question.row, {"proceed": True})
    ended = await running.ended(run)
    assert (ended.status, ended.output["proceed"]) == ("partial", True)


async def test_whoever_has_the_last_word_on_a_version_sees_what_its_checkers_said(running: Running) -> None:
    checker = says("checker", {"verdict": "no", "why": "too bold"})
    until = verdict("ok") | rounds(2)
    run = await running.begin(
        group_chat(
            says("writer", "draft"),
            checker,
            until=until,
            manager=maker_checker("writer"),
            otherwise=human("chief", role="chief"),
        )
    )
    [question] = await running.questions(run)
    assert question.about == "draft"
    assert [item.claim for item in question.evidence] == [
        'checker says: {"verdict": "no", "why": "too bold"}'
    ]


async def test_when_only_a_limit_ends_it_somebody_else_has_the_last_word(running: Running) -> None:
    chief = human("chief", role="chief")
    run = await running.begin(
        group_chat(says("a", 1), says("b", 2), until=consensus() | rounds(2), otherwise=chief)
    )
    [question] = await running.questions(run)
    assert (question.title, question.about) == ("b, the chat ended by its limit: rounds 2", 2)
    await running.reply(question.row, {"proceed": True})
    assert (await running.ended(run)).status == "complete"
    [choice] = await running.choices(run, "limit")
    assert (choice.chosen, choice.because) == ("chief", {"limit": {"rounds": 2}, "turns": 4})


async def test_nobody_else_is_asked_when_the_chat_ends_well(running: Running) -> None:
    flow = group_chat(says("a", "ok"), until=text("ok") | rounds(2), otherwise=human("chief", role="chief"))
    assert (await running.run(flow)).output == "ok"


@pytest.mark.parametrize("status", ["failed", "partial", "escalated"])
async def test_a_speaker_who_does_not_complete_ends_it_as_it_ended(running: Running, status: Any) -> None:
    flow = group_chat(says("a", 1), gives("b", outcome(status, reason="hoarse")), until=rounds(3))
    ended = await running.run(flow)
    assert (ended.status, ended.reason) == (status, "hoarse")


# -- a maker and checkers --------------------------------------------------------------------------------


async def test_a_maker_revises_until_all_checkers_agree_and_its_version_is_the_result(
    running: Running,
) -> None:
    writer = says("writer", "one", "two", outcome("complete", "three", sure=0.8))
    tone = says("tone", {"verdict": "no"}, {"verdict": "ok"})
    law = says("law", {"verdict": "ok"}, {"verdict": "no"}, {"verdict": "ok"})
    flow = group_chat(tone, writer, law, until=verdict("ok") | rounds(6), manager=maker_checker(writer))
    run = await running.begin(flow)
    ended = await running.ended(run)
    assert (ended.status, ended.output, ended.confidence) == ("complete", "three", Confidence(0.8, "by test"))
    assert await speakers(running, run) == ["writer", "tone", "law"] * 3


async def test_a_maker_whose_revisions_are_used_up_leaves_the_last_version_as_partial(
    running: Running,
) -> None:
    writer = says("writer", 1, 2)
    flow = group_chat(
        writer, says("law", "no"), until=verdict("ok") | rounds(2), manager=maker_checker("writer")
    )
    ended = await running.run(flow)
    assert (ended.status, ended.output) == ("partial", 2)


async def test_a_verdict_on_an_older_version_does_not_count(running: Running) -> None:
    writer = says("writer", 1, 2)
    checkers = says("law", "ok", "no"), says("tone", "no", "ok")
    flow = group_chat(writer, *checkers, until=verdict("ok") | rounds(2), manager=maker_checker(writer))
    assert (await running.run(flow)).status == "partial"


async def test_a_person_takes_part_and_may_be_the_one_who_checks(running: Running) -> None:
    form = {"type": "object", "properties": {"verdict": {"enum": ["ok", "no"]}, "note": {"type": "string"}}}
    editor = human("editor", role="editor", form=form)

    def writer(editor: Any) -> str:
        return "draft" if editor is None else f"draft, {editor['note']}"

    flow = group_chat(pure(writer), editor, until=verdict("ok") | rounds(4), manager=maker_checker("writer"))
    run = await running.begin(flow)
    [question] = await running.questions(run)
    assert question.about == "draft"
    await running.reply(question.row, {"verdict": "no", "note": "shorter"})
    while (question := (await running.questions(run))[0]).about == "draft":
        pass
    assert question.about == "draft, shorter"
    await running.reply(question.row, {"verdict": "ok"})
    assert (await running.ended(run)).output == "draft, shorter"


# -- what is refused -------------------------------------------------------------------------------------

A, B = gives("a", 1), gives("b", 2)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: group_chat(A, until=text("x")), "nothing ends this chat for certain"),
        (lambda: group_chat(A, until=rounds(2) & text("x")), "nothing ends this chat for certain"),
        (lambda: group_chat(A, until=stalled(2) | consensus()), "nothing ends this chat for certain"),
        (lambda: group_chat(A, until=elapsed("1h")), "nothing ends this chat for certain"),
        (lambda: group_chat(A, A, until=rounds(1)), "takes part twice: a"),
        (lambda: group_chat(A, until=rounds(1), sees=0), "sees must be at least 1"),
        (lambda: group_chat(A, until=rounds(1) | text("x", by="b")), "'b' takes no part"),
        (lambda: group_chat(A, until=rounds(1), manager=maker_checker(B)), "'b' takes no part"),
        (lambda: group_chat(A, until=rounds(1), manager=maker_checker(A)), "nobody checks"),
        (lambda: group_chat(until=rounds(1)), "needs at least one participant"),
        (lambda: rounds(0), "rounds must be at least 1"),
        (lambda: stalled(0), "stalled must be at least 1"),
        (lambda: text(""), "text needs words"),
    ],
)
def test_a_chat_that_cannot_work_is_refused(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        make()
