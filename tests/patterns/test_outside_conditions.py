"""Chats that end by what they have spent, or by a word from outside; also when they were taken up again."""

from __future__ import annotations

from typing import Any

import pytest
from running import OPERATOR, Running, pure

from ripieno import (
    Call,
    Context,
    Cost,
    Principal,
    cost,
    external,
    human,
    rounds,
    sequential,
    tokens,
    tool,
    verdict,
)
from ripieno.kernel.forks import fork
from ripieno.kernel.operators import signal, skip
from ripieno.model.errors import (
    DefinitionError,
    InputError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
    RipienoError,
)
from ripieno.participants.base import BaseParticipant
from ripieno.patterns.conditions import Condition
from ripieno.patterns.group_chat import group_chat


@tool(effect="read", cost=Cost(tokens=100, cost_usd="0.10"))
def ask_model(call: Call) -> str:
    call.spent(tokens=60, cost_usd="0.03")
    return "thoughts"


async def thinks(context: Context) -> Any:
    return await context.use(ask_model)


def chat(until: Condition, *more: BaseParticipant) -> BaseParticipant:
    return group_chat(pure(thinks), *more, until=until)


@pytest.mark.parametrize(
    ("until", "limit", "turns"),
    [
        (tokens(150) | rounds(9), "tokens 150", 3),
        (cost("0.06") | rounds(9), "cost 0.06", 2),
        ((tokens(60) & cost("0.09")) | rounds(9), "cost 0.09", 3),
        (tokens(10_000) | rounds(2), "rounds 2", 2),
    ],
    ids=["tokens", "money", "both", "rounds before"],
)
async def test_a_chat_ends_once_it_has_spent_so_much(
    running: Running, until: Condition, limit: str, turns: int
) -> None:
    run = await running.begin(chat(until))
    ended = await running.ended(run)
    assert (ended.status, ended.output) == ("partial", "thoughts")
    assert ended.reason == f"the chat ended by its limit: {limit}"
    assert len(await running.events(run, "result")) == turns


async def test_what_a_chat_has_spent_is_not_counted_twice_when_it_was_waiting(
    running: Running,
) -> None:
    run = await running.begin(chat(tokens(120) | rounds(9), human("clerk", role="clerk")))
    [question] = await running.questions(run)
    await running.reply(question.row, {"proceed": True})
    assert (await running.ended(run)).reason == "the chat ended by its limit: tokens 120"
    assert len(await running.events(run, "result")) == 2


async def test_a_word_from_outside_ends_a_chat_after_the_turn_it_is_at(running: Running) -> None:
    clerk = human("clerk", role="clerk")
    run = await running.begin(chat(external("recall") | verdict("ok") | rounds(9), clerk))
    [question] = await running.questions(run)
    store, clock = running.host.store, running.host.clock
    row = await store.run(run)
    with pytest.raises(InputError, match="did you mean 'recall'"):
        await signal(store, clock, row, "recal", by=OPERATOR, names=["recall"])
    with pytest.raises(NotAllowedError, match="'operator'"):
        await signal(store, clock, row, "recall", by=Principal("person", "ada"))
    await signal(store, clock, row, "holiday", by=OPERATOR)  # which nothing waits for
    await signal(store, clock, row, "recall", by=OPERATOR, reason="it was recalled", names=["recall"])
    await running.reply(question.row, {"proceed": True})
    ended = await running.ended(run)
    limit = "the chat ended by its limit: external recall"
    assert ended.reason == f"{limit} (recall by {OPERATOR.id}: it was recalled)"
    assert len(await running.events(run, "result")) == 1


async def test_a_signal_that_is_durable_before_a_turn_ends_is_heeded_right_after_it(running: Running) -> None:
    """Given within the turn itself, and again: no look between turns misses it, and the first stands."""

    async def rings(context: Context) -> str:
        store, clock = running.host.store, running.host.clock
        row = await store.run(context.run)
        for who in ("first", "second"):
            await signal(store, clock, row, "recall", by=OPERATOR, reason=who, content={"by": who})
        return "rang"

    def desk(turn: dict[str, Any]) -> Any:
        return [len(turn["messages"]), turn["signals"]["recall"]]

    talk = group_chat(pure(rings), until=external("recall") | rounds(9), otherwise=pure(desk))
    given = {"by": OPERATOR.id, "reason": "first", "content": {"by": "first"}}
    run = await running.begin(talk)
    assert (await running.ended(run)).output == [1, given]
    store, clock = running.host.store, running.host.clock
    row = await fork(store, clock, await store.run(run), by=OPERATOR)
    assert (await running.ended(row.id)).output == [1, given], "the look was taken over with what it found"


async def test_a_signal_given_before_a_chat_ends_it_after_its_first_turn_and_a_skip_ends_that_turn(
    running: Running,
) -> None:
    """Whoever does not want to wait for the person whose turn it is skips it."""
    first, clerk = human("first", role="clerk"), human("clerk", role="clerk")
    talk = group_chat(clerk, pure(thinks), until=external("recall") | rounds(9))
    run = await running.begin(sequential(first, talk))
    [question] = await running.questions(run)
    store, clock = running.host.store, running.host.clock
    await signal(store, clock, await store.run(run), "recall", by=Principal("person", OPERATOR.name))
    await running.reply(question.row, {"proceed": True})
    while (question := (await running.questions(run))[0]).row.path.startswith("sequential@1/first"):
        pass
    await skip(store, clock, await store.run(run), "clerk", by=OPERATOR, reason="it is over", output="-")
    running.host.ring()
    ended = await running.ended(run)
    assert (ended.status, ended.output) == ("partial", "-")
    assert ended.reason == f"the chat ended by its limit: external recall (recall by {OPERATOR.id})"
    with pytest.raises(RefusedError, match="has ended"):
        await signal(store, clock, await store.run(run), "recall", by=OPERATOR)
    with pytest.raises(NotFoundError, match="no run"):
        await signal(store, clock, await store.run(run), "recall", by=Principal("person", "op", "other"))


async def test_a_signal_to_a_run_is_none_to_its_fork(running: Running) -> None:
    clerk = human("clerk", role="clerk")
    run = await running.begin(chat(external("recall") | rounds(2), clerk))
    [question] = await running.questions(run)
    store, clock = running.host.store, running.host.clock
    await signal(store, clock, await store.run(run), "recall", by=OPERATOR)
    again = (await fork(store, clock, await store.run(run), by=OPERATOR)).id
    running.host.ring()
    await running.reply(question.row, {"proceed": True})
    assert (await running.ended(run)).status == "partial"
    for _ in range(2):
        [asked] = await running.questions(again)
        await running.reply(asked.row, {"proceed": True})
    assert (await running.ended(again)).reason == "the chat ended by its limit: rounds 2"


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: tokens(0), "tokens must be at least 1"),
        (lambda: cost(0), "more than nothing"),
        (lambda: cost("much"), "expected US dollars"),
        (lambda: external("two words"), "a signal is a word"),
        (lambda: chat(tokens(9)), "nothing ends this chat for certain"),
        (lambda: chat(external("recall") | cost(1)), "nothing ends this chat for certain"),
    ],
    ids=["no tokens", "no money", "not money", "not a word", "no rounds", "no rounds either"],
)
def test_a_condition_that_says_nothing_is_refused(make: Any, why: str) -> None:
    with pytest.raises(RipienoError, match=why) as refused:
        make()
    assert isinstance(refused.value, DefinitionError | InputError)
