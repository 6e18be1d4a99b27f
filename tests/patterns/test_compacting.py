"""Chats whose messages are kept short: in a window, or told in short by a participant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from running import Running, gives, outcome, pure

from kernel.scenarios.house import asked, begin, counted, ended, opened, parked, reply, serving
from kernel.scenarios.watched_store import WatchedStore
from ripieno import Workflow, collapse, compact, group_chat, human, rounds, summary, text, window
from ripieno.model.errors import DefinitionError
from ripieno.participants.base import BaseParticipant
from ripieno.patterns.compacting import Compact
from ripieno.resilience.compaction import Message

seen: list[list[str]] = []


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    seen.clear()


def one_each(message: Message) -> int:
    """Count every message as one token."""
    del message
    return 1


def first(turn: dict[str, Any]) -> str:
    seen.append([one["says"] for one in turn["messages"]])
    return f"a{turn['round']}"


def second(turn: dict[str, Any]) -> str:
    seen.append([one["says"] for one in turn["messages"]])
    return f"b{turn['round']}"


@pytest.fixture
def told() -> list[list[str]]:
    """Give what the scribe was told, to be filled."""
    return []


def scribe(told: list[list[str]]) -> BaseParticipant:
    def writes(turn: dict[str, Any]) -> str:
        told.append([one["content"] for one in turn["messages"]])
        return "+".join(one["content"] for one in turn["messages"])

    return pure(writes, "scribe")


def chat(short: Compact, n: int = 3, **settings: Any) -> BaseParticipant:
    return group_chat(pure(first), pure(second), until=rounds(n), compact=short, **settings)


async def test_in_a_window_a_speaker_sees_the_latest_messages(running: Running) -> None:
    ended = await running.run(chat(compact(2, by=[window()], count=one_each)))
    assert (ended.status, ended.output) == ("partial", "b3")
    assert seen == [[], ["a1"], ["a1", "b1"], ["b1", "a2"], ["a2", "b2"], ["b2", "a3"]]


async def test_what_is_left_out_is_a_recorded_choice(running: Running) -> None:
    run = await running.begin(chat(compact(2, by=[window()], count=one_each), n=2))
    await running.ended(run)
    [choice] = await running.choices(run, "compact")
    assert (choice.chosen, choice.because) == ("window 1 of 3", {"tokens": 3, "allowed": 2})


async def test_a_summary_stands_for_what_came_before_and_is_told_on(
    running: Running, told: list[list[str]]
) -> None:
    short = compact(3, by=[summary(scribe(told), share=0.4)], count=one_each)
    await running.run(chat(short, n=4))
    assert seen[:4] == [[], ["a1"], ["a1", "b1"], ["a1", "b1", "a2"]]
    assert all(len(one) <= 3 for one in seen)
    for number, one in enumerate(seen):  # nothing is lost and nothing told twice
        said = "+".join(one).split("+") if one else []
        assert said == [f"{'ab'[n % 2]}{n // 2 + 1}" for n in range(number)]


@pytest.mark.parametrize(
    "useless",
    [outcome("failed", reason="lost for words"), "much too long"],
    ids=["fails", "is too long"],
)
async def test_a_summary_that_is_of_no_use_is_done_without(running: Running, useless: Any) -> None:
    def length(message: Message) -> int:
        return len(message.content)

    short = compact(6, by=[summary(gives("scribe", useless)), window()], count=length)
    ended = await running.run(chat(short))
    assert ended.output == "b3"
    assert max(len(one) for one in seen) == 3


async def test_what_cannot_be_made_to_fit_ends_the_chat_as_partial(running: Running) -> None:
    ended = await running.run(chat(compact(1)))
    assert (ended.status, ended.output) == ("partial", "a1")
    assert "the latest message" in (ended.reason or "")


async def test_who_has_the_last_word_sees_the_short_history_too(running: Running) -> None:
    def desk(turn: dict[str, Any]) -> list[str]:
        return [one["says"] for one in turn["messages"]]

    short = compact(2, by=[window()], count=one_each)
    ended = await running.run(chat(short, n=2, otherwise=pure(desk)))
    assert ended.output == ["a2", "b2"]


async def test_a_last_word_on_what_cannot_be_shown_is_not_spoken(running: Running) -> None:
    def length(message: Message) -> int:
        return 9 if message.by == "second" else 1

    desk = gives("desk", "never asked")
    ended = await running.run(chat(compact(5, count=length), n=1, otherwise=desk))
    assert (ended.status, ended.output) == ("partial", "b1")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: compact(0),
        lambda: compact(9, by=[window(), window()]),
        lambda: compact(9, by=[summary(gives("scribe", 1), share=1)]),
        lambda: compact(9, by=[collapse(0)]),
    ],
    ids=["no tokens", "twice", "all of it", "nothing kept"],
)
def test_what_cannot_work_is_refused(wrong: Any) -> None:
    with pytest.raises(DefinitionError):
        wrong()


# -- long ones -------------------------------------------------------------------------------------------

TURNS = 30
MOST_READ = 70


def counting(turn: dict[str, Any]) -> str:
    return "done" if turn["round"] == TURNS else f"draft {turn['round']}"


def shorten(turn: dict[str, Any]) -> str:
    return f"{len(turn['messages'])} messages"


async def test_a_waking_reads_the_summary_and_not_what_it_stands_for(tmp_path: Path) -> None:
    short = compact(6, by=[summary(pure(shorten), share=0.5)], count=one_each)
    flow = group_chat(
        pure(counting, "writer"), human("clerk", role="clerk"), until=text("done") | rounds(99), compact=short
    )
    workflow = Workflow("long", flow)
    async with opened(tmp_path, WatchedStore) as store, serving(tmp_path, workflow, store=store) as host:
        run = await begin(host, workflow)
        for number in range(1, TURNS):
            question = await asked(host, run, f"clerk@{number}/")
            await parked(host, run)
            await reply(host, question, {"proceed": True})
        outcome = await ended(host, run)
        found = await counted(host, run)
    assert (outcome.status, outcome.output) == ("complete", "done")
    assert found["answered"] == TURNS - 1
    assert found["segment"] > 0
    assert max(store.replayed) <= MOST_READ
