"""Whatever was said in a turn, it is made to fit without tearing anything apart, and comes back as it was."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    RetryFeedbackPart,
    RetryInfo,
    SystemPromptPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from ripieno import collapse, compact, window
from ripieno.participants.llm.history import AIM, read, tokens_of, written
from ripieno.resilience.compaction import BudgetError

words = st.text("ab ☕", min_size=1, max_size=120)


@st.composite
def conversations(draw: Any) -> list[ModelMessage]:
    """Give what was told and said; providers may use the ids of calls over and over."""
    opening: list[ModelRequestPart] = [SystemPromptPart("be brief")] if draw(st.booleans()) else []
    messages: list[ModelMessage] = [
        ModelRequest([*opening, UserPromptPart(draw(words))], instructions="Read.")
    ]
    same = draw(st.booleans())
    numbers = count()
    for _ in range(draw(st.integers(0, 8))):
        said: list[Any] = [ThinkingPart(draw(words))] if draw(st.booleans()) else []
        calls = [
            ToolCallPart("look_up", {"page": draw(words)}, f"c-{number if same else next(numbers)}")
            for number in range(draw(st.integers(0, 3)))
        ]
        messages.append(ModelResponse([*said, TextPart(draw(words)), *calls]))
        told: list[ModelRequestPart] = [
            ToolReturnPart(
                "look_up",
                draw(words),
                call.tool_call_id,
                outcome=draw(st.sampled_from(["success", "success", "failed", "retried"])),
            )
            for call in calls
        ]
        if not told:
            told = [
                RetryFeedbackPart("answer in the form", retry=RetryInfo(cause="model_retry"))
                if draw(st.booleans())
                else UserPromptPart(["a", "b"])
            ]
        messages.append(ModelRequest(told, instructions="Read."))
    return messages


@given(conversations())
def test_what_is_left_as_it_is_comes_back_as_it_was(messages: list[ModelMessage]) -> None:
    known = read(messages)
    assert written([one.message for one in known], known) == messages
    counted = compact(1).compaction.budget.of([one.message for one in known])
    assert tokens_of(messages, compact(1)) == counted
    assert tokens_of(messages, None) == 0


@given(
    conversations(),
    st.integers(30, 400),
    st.sampled_from([(), (collapse(),), (window(),), (collapse(2), window())]),
)
async def test_it_is_made_to_fit_and_nothing_is_torn_apart(
    messages: list[ModelMessage], tokens: int, by: tuple[Any, ...]
) -> None:
    short = compact(tokens, by=by)
    known = read(messages)
    try:
        left = await short.compaction.compact([one.message for one in known], aim=max(1, int(tokens * AIM)))
    except BudgetError:  # which says how much has to stay: tests/resilience/test_compaction.py
        return
    found = written(left, known)
    assert tokens_of(found, short) <= tokens
    assert found[0].parts[: len(messages[0].parts)] == messages[0].parts, "what was asked first"
    assert isinstance(found[-1], ModelRequest)
    assert found[-1].parts[-1] == messages[-1].parts[-1], "what comes last"
    assert all(one.instructions == "Read." for one in found if isinstance(one, ModelRequest))
    for one, following in zip(found, [*found[1:], None], strict=True):
        if isinstance(one, ModelResponse) and one.tool_calls:
            assert isinstance(following, ModelRequest)
            asked = [call.tool_call_id for call in one.tool_calls]
            assert [
                part.tool_call_id for part in following.parts if isinstance(part, ToolReturnPart)
            ] == asked
    errors = [
        part for one in messages for part in one.parts if getattr(part, "outcome", "success") != "success"
    ]
    assert all(any(part is error for one in found for part in one.parts) for error in errors), "errors stay"
    again = read(found)
    assert await short.compaction.compact([one.message for one in again]) == [one.message for one in again]


def test_a_result_that_was_left_out_is_known_as_such_and_by_no_words() -> None:
    part = ToolReturnPart("look_up", "[900 tokens left out]", "c-1")
    said = [ModelRequest([UserPromptPart("?")]), ModelResponse([ToolCallPart("look_up", {}, "c-1")])]
    [*_, plain] = read([*said, ModelRequest([part])])
    assert not plain.message.collapsed


@pytest.mark.parametrize("content", ["", [], ["x"]], ids=str)
def test_any_prompt_can_be_read(content: Any) -> None:
    [one] = read([ModelRequest([UserPromptPart(content)])])
    assert (one.message.role, one.message.pinned) == ("request", True)
