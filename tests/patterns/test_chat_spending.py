"""A chat that ends by what it has spent: counted within it alone, and found the same on replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from running import OPERATOR, Running, gives

from kernel.spending_parts import buy, spends
from ripieno import Context, Function, concurrent, cost, human, merge, rounds, sequential, text, tokens
from ripieno.kernel.forks import fork
from ripieno.model.errors import DefinitionError
from ripieno.participants.base import BaseParticipant
from ripieno.patterns.conditions import Condition
from ripieno.patterns.group_chat import GroupChat, group_chat

YES = {"proceed": True}


def talk(until: Condition, *speakers: BaseParticipant, otherwise: Function | None = None) -> GroupChat:
    return group_chat(*speakers, until=until, otherwise=otherwise)


async def counts(running: Running, run: str) -> list[int]:
    """Give the tokens that each look between turns found."""
    moments = await running.events(run, "moment")
    return [event.body["spent"].get("tokens", 0) for event in moments if "spent" in event.body]


@pytest.mark.parametrize(
    ("until", "looks", "status"),
    [
        (tokens(50) | rounds(9), [20, 40, 60], "partial"),
        (tokens(40) | rounds(9), [20, 40], "partial"),
        (cost("0.02") | rounds(9), [20, 40], "partial"),
        (cost(0.011) | rounds(9), [20, 40], "partial"),
        (tokens(20) & rounds(2) | rounds(9), [20, 40], "partial"),
        (tokens(20) & text("done") | rounds(9), [20], "complete"),
        (tokens(9999) | rounds(2), [20, 40], "partial"),
        (rounds(2), [], "partial"),
    ],
    ids=["past it", "exactly", "money", "a float is its text", "both", "with words", "never", "not asked"],
)
async def test_it_ends_at_the_first_look_that_finds_enough_spent(
    running: Running, until: Condition, looks: list[int], status: str
) -> None:
    run = await running.begin(talk(until, spends("a", 20)))
    ended = await running.ended(run)
    assert (await counts(running, run), ended.status) == (looks, status)


async def test_what_was_spent_before_the_chat_does_not_count_and_what_is_nested_in_it_does(
    running: Running,
) -> None:
    pair = concurrent(
        spends("a", 10), sequential(spends("b", 7), spends("c", 5), name="two"), resolve=merge(), name="pair"
    )
    chat = group_chat(gives("d", 1), pair, until=tokens(40) | rounds(9), manager=spends_and_names())
    run = await running.begin(sequential(spends("first", 500), chat))
    await running.ended(run)
    assert await counts(running, run) == [3, 28, 31, 56]


def spends_and_names() -> Function:
    """Give a manager who spends three tokens on each choice, and lets them speak in turn."""

    async def chair(turn: dict[str, Any], context: Context) -> str:
        await context.use(buy, tokens=3)
        return ["d", "pair"][len(turn["messages"]) % 2]

    return Function(chair, pure=True)


async def test_the_last_word_is_with_otherwise_who_knows_the_limit(running: Running) -> None:
    def desk(turn: dict[str, Any]) -> Any:
        return turn["limit"]

    last = Function(desk, pure=True)
    ended = await running.run(talk(cost("0.010") | rounds(9), spends("a", 20), otherwise=last))
    assert (ended.status, ended.output) == ("complete", {"cost": "0.01"})


async def test_it_counts_the_same_when_the_run_is_woken_in_every_turn_and_after_segments(
    running: Running,
) -> None:
    pair = concurrent(spends("a", 10), spends("b", 7), resolve=merge(), name="pair")
    run = await running.begin(talk(tokens(100) | rounds(50), pair, human("clerk", role="clerk")))
    for _ in range(5):
        [question] = await running.questions(run)
        await running.reply(question.row, YES)
    await running.ended(run)
    found = await counts(running, run)
    assert found == [17, 17, 34, 34, 51, 51, 68, 68, 85, 85, 102]
    assert await running.events(run, "segment")


async def test_a_fork_ends_where_its_original_ended_and_counts_its_own_spending_from_there(
    running: Running,
) -> None:
    run = await running.begin(talk(tokens(50) | rounds(9), spends("a", 20)))
    original = await running.ended(run)
    looks = [event.seq for event in await running.events(run, "moment")]

    async def forked(at: int) -> tuple[Any, list[int]]:
        row = await fork(
            running.host.store, running.host.clock, await running.host.store.run(run), by=OPERATOR, at=at
        )
        ended = await running.ended(row.id)
        return ended, await counts(running, row.id)

    whole, looked = await forked(looks[-1])
    assert (whole.status, whole.reason, looked) == (original.status, original.reason, [])
    _, looked = await forked(looks[0])
    assert looked == [20, 40, 60]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: tokens(0), "tokens must be at least 1"),
        (lambda: tokens(True), "tokens must be at least 1"),  # noqa: FBT003 - a mistake
        (lambda: cost("0"), "more than nothing"),
        (lambda: cost("much"), "expected US dollars"),
        (lambda: cost(-1), "expected US dollars"),
        (lambda: talk(tokens(5), gives("a", 1)), "nothing ends this chat for certain"),
        (lambda: talk(cost(5), gives("a", 1)), "nothing ends this chat for certain"),
    ],
)
def test_what_can_end_no_chat_is_refused(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        make()
