"""A history made to fit keeps what belongs together and what has to be seen, and is made to fit once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno.model.errors import DefinitionError, InputError
from ripieno.resilience.compaction import (
    Budget,
    BudgetError,
    Collapse,
    Compaction,
    History,
    Message,
    Strategy,
    ToolCall,
    Window,
    estimate,
)
from ripieno.resilience.compaction.compaction import read_spans, spans

# -- histories of every shape ----------------------------------------------------------------------------

words = st.text("abc de", min_size=0, max_size=80)


@st.composite
def histories(draw: st.DrawFn) -> list[Message]:
    """Give a history: system, requests, answers with parallel calls, errors, pins, the last calls open."""
    made: list[Message] = [Message("system", draw(words))] if draw(st.booleans()) else []
    for turn in range(draw(st.integers(1, 9))):
        kind = draw(st.sampled_from(["request", "answer", "calls", "calls", "calls"]))
        pinned = draw(st.integers(0, 9)) == 0
        if kind != "calls":
            made.append(Message("request" if kind == "request" else "answer", draw(words), pinned=pinned))
            continue
        ids = [f"{turn}-{number}" for number in range(draw(st.integers(1, 3)))]
        made.append(
            Message("answer", draw(words), calls=tuple(ToolCall(id_, "look", {"at": id_}) for id_ in ids))
        )
        for id_ in draw(st.permutations(ids)):
            error = draw(st.integers(0, 9)) == 0
            text = draw(words) + "." * draw(st.integers(0, 200))
            made.append(Message("result", text, call=id_, error=error, pinned=pinned))
    return made


strategies: st.SearchStrategy[list[Strategy]] = st.sampled_from(
    [[], [Collapse(), Window()], [Window()], [Collapse(2)], [Collapse()], [Window(), Collapse()]]
)
budgets = st.integers(1, 300)


def fitted(messages: Sequence[Message], tokens: int, by: Sequence[Strategy]) -> list[Message] | BudgetError:
    """Give the messages made to fit, or why they cannot be."""
    at_once = Compaction(Budget(tokens), by).compact(messages)
    try:
        at_once.send(None)  # it waits for nobody, so that no loop is needed
    except StopIteration as ended:
        return ended.value
    except BudgetError as error:
        return error
    raise AssertionError


def compacted(messages: Sequence[Message], tokens: int, by: Sequence[Strategy]) -> list[Message] | None:
    """Give the messages made to fit, None when they cannot be."""
    found = fitted(messages, tokens, by)
    return None if isinstance(found, BudgetError) else found


def total(messages: Sequence[Message]) -> int:
    return sum(map(estimate, messages))


@given(histories(), budgets, strategies)
@settings(deadline=None)
def test_it_is_within_the_budget_or_says_what_stands_in_the_way(
    messages: list[Message], tokens: int, by: list[Strategy]
) -> None:
    found = fitted(messages, tokens, by)
    if isinstance(found, BudgetError):
        assert found.tokens == tokens < found.needed <= total(messages)
        assert sum(kept.tokens for kept in found.kept) == found.needed
        assert all(kept.reason in str(found) for kept in found.kept)
    else:
        assert total(found) <= tokens


@given(histories(), budgets, strategies)
@settings(deadline=None)
def test_what_fits_comes_back_as_it_is_and_twice_is_once(
    messages: list[Message], tokens: int, by: list[Strategy]
) -> None:
    found = compacted(messages, tokens, by)
    if total(messages) <= tokens:
        assert found == messages
    if found is not None:
        assert compacted(found, tokens, by) == found


@given(histories(), budgets, strategies)
@settings(deadline=None)
def test_calls_stand_beside_all_their_results_and_batches_are_whole(
    messages: list[Message], tokens: int, by: list[Strategy]
) -> None:
    found = compacted(messages, tokens, by) or []
    left = {message.call for message in found if message.call}
    for message in found:
        assert {call.id for call in message.calls} <= left
    assert left == {call.id for message in found for call in message.calls}
    assert History.read(found).messages == found


@given(histories(), budgets, strategies)
@settings(deadline=None)
def test_what_has_to_be_seen_is_left_as_it_was(
    messages: list[Message], tokens: int, by: list[Strategy]
) -> None:
    found = compacted(messages, tokens, by)
    if found is None:
        return
    requests = [message for message in messages if message.role == "request"]
    kept = [message for message in messages if message.role == "system" or message.pinned or message.error]
    for message in [*requests[-1:], *kept, messages[-1]]:
        assert any(message is one for one in found)


@given(histories(), budgets, strategies)
@settings(deadline=None)
def test_the_order_stays_and_nothing_is_added_or_changed_but_results_collapsed(
    messages: list[Message], tokens: int, by: list[Strategy]
) -> None:
    rest = iter(messages)
    for message in compacted(messages, tokens, by) or []:
        same = next(one for one in rest if one is message or one.call == message.call is not None)
        if same is not message:
            assert message.collapsed
            assert not same.error
            assert estimate(message) < estimate(same)


@given(st.sets(st.integers(0, 30)).map(sorted))
@settings(deadline=None)
def test_which_messages_were_shortened_is_read_as_it_was_written(numbers: list[int]) -> None:
    assert read_spans(spans(numbers)) == numbers


# -- one by one ------------------------------------------------------------------------------------------


def batch(number: int, *results: str, error: bool = False) -> list[Message]:
    calls = tuple(ToolCall(f"{number}-{n}", "look") for n in range(len(results)))
    said = [Message("result", text, call=f"{number}-{n}", error=error) for n, text in enumerate(results)]
    return [Message("answer", calls=calls), *said]


LONG = "x" * 400


async def test_collapsing_leaves_out_the_oldest_results_first_and_spares_the_latest_batch() -> None:
    history = [Message("request", "go"), *batch(1, LONG, "short"), *batch(2, LONG), *batch(3, LONG)]
    compaction = Compaction(Budget(250), [Collapse()])
    found = await compaction.compact(history)
    assert [message.collapsed for message in found if message.call] == [True, False, True, False]
    assert found[2].content == "[104 tokens left out]"
    assert found[3].content == "short"


async def test_an_error_is_known_by_its_mark_not_by_its_words() -> None:
    history = [*batch(1, LONG, error=True), *batch(2, f"error {LONG}"), *batch(3, "ok")]
    [_, first, *_] = found = await Compaction(Budget(140)).compact(history)
    assert first.error
    assert first.content == LONG
    assert found[3].collapsed


async def test_what_cannot_be_left_out_is_named() -> None:
    history = [Message("system", LONG), Message("answer", "old"), Message("request", LONG)]
    with pytest.raises(BudgetError, match=r"208 tokens, 100 .* system messages \(104 tokens\), the latest"):
        await Compaction(Budget(100)).compact(history)


async def test_tokens_are_counted_by_a_function_of_ones_own() -> None:
    history = [Message("answer", "old"), Message("answer", "new"), Message("request", "go")]
    found = await Compaction(Budget(2, lambda _: 1), [Window()]).compact(history)
    assert [message.content for message in found] == ["new", "go"]


@pytest.mark.parametrize(
    ("history", "said"),
    [
        ([Message("result", "x", call="1")], "a result for '1'"),
        ([Message("result", "x")], "a result for None"),
        ([*batch(1, "a"), Message("result", "again", call="1-0")], "a result for '1-0'"),
        ([batch(1, "a")[0], Message("request", "go")], "no result for the call '1-0'"),
        ([*batch(1, "a"), *batch(1, "a")], "same id"),
        ([Message("answer", calls=(ToolCall("a", "x"), ToolCall("a", "x")))], "same id"),
    ],
    ids=["no call", "no id", "twice", "no result", "id twice", "id twice in a batch"],
)
async def test_a_history_that_is_torn_is_refused(history: list[Message], said: str) -> None:
    with pytest.raises(InputError, match=said):
        await Compaction(Budget(99)).compact(history)


async def test_calls_that_are_still_open_may_stand_at_the_end() -> None:
    history = [*batch(1, LONG), batch(2, "open")[0]]
    found = await Compaction(Budget(50)).compact(history)
    assert found[-1] is history[-1]


async def test_nobody_is_asked_without_a_place_to_ask() -> None:
    assert await Compaction(Budget(9), [Window()]).compact([]) == []


@pytest.mark.parametrize("wrong", [lambda: Budget(0), lambda: Collapse(0)], ids=["budget", "collapse"])
def test_what_cannot_work_is_refused(wrong: object) -> None:
    with pytest.raises(DefinitionError):
        wrong()  # pyright: ignore[reportCallIssue] - one of the functions above


@pytest.mark.parametrize(
    ("message", "tokens"),
    [
        (Message("answer", "12345678"), 6),
        (Message("answer", {"a": 1}), 6),
        (Message("answer", "äöü€"), 7),
        (Message("answer", "\ud800"), 5),
        (Message("answer", "", calls=(ToolCall("1", "look", {"a": 1}),)), 7),
    ],
    ids=["text", "JSON", "other scripts", "a lone surrogate", "calls"],
)
def test_the_estimate_is_a_token_for_four_bytes_and_four_for_each_message(
    message: Message, tokens: int
) -> None:
    assert estimate(message) == tokens
