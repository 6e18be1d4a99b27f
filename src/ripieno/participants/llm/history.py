"""What a model was told and said, as messages that can be made to fit, and back as its client takes them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    SystemPromptPart,
    TextContent,
    ThinkingPart,
    ToolReturnPart,
    UserPromptPart,
)

from ripieno.model.event import Json
from ripieno.participants.base import BaseParticipant
from ripieno.resilience.compaction import Compaction, Desk, Message, ToolCall

__all__ = ["AIM", "Compacting", "read", "shortened", "tokens_of", "written"]

AIM: Final = 0.6
"""To this part of its tokens a history is made shorter that has more than all: not again at each request."""

MARK: Final = "ripieno"
"""By which what was written in place of messages is known again; providers are not sent it."""


class Compacting(Protocol):
    """How a history is kept short: `compact(tokens)` gives one."""

    @property
    def compaction(self) -> Compaction:
        """Gives messages within the tokens."""
        ...

    def participants(self) -> Sequence[BaseParticipant]:
        """Give the participants who summarise."""
        ...

    def describe(self) -> dict[str, Json]:
        """Give it as it stands in the definition."""
        ...

    def identity(self) -> dict[str, Json]:
        """Give the source digest of a counter of one's own."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class Said:
    """A message, and what it stands for: a response, or a part of a request."""

    message: Message
    part: ModelResponse | ModelRequestPart
    within: ModelMessage


def read(messages: Sequence[ModelMessage]) -> list[Said]:
    """Give messages one by one. What was asked first is pinned: it is what all else is about."""
    found: list[Said] = []
    latest: Mapping[str, str] = {}
    first = True
    for number, message in enumerate(messages):
        if isinstance(message, ModelResponse):
            latest = {call.tool_call_id: f"{number}:{call.tool_call_id}" for call in message.tool_calls}
            found.append(Said(answer(message, latest), message, message))
            continue
        for part in message.parts:
            one = of_request(part, latest, pinned=first)
            first = first and one.role != "request"
            found.append(Said(one, part, message))
    return found


def answer(response: ModelResponse, ids: Mapping[str, str]) -> Message:
    """Give what a model said; its calls under ids that no other response has."""
    said = "\n".join(part.content for part in response.parts if isinstance(part, ThinkingPart))
    calls = [
        ToolCall(ids[call.tool_call_id], call.tool_name, {"": call.args_as_json_str()})
        for call in response.tool_calls
    ]
    return Message("answer", f"{said}{response.text or ''}", calls=tuple(calls))


def of_request(part: ModelRequestPart, ids: Mapping[str, str], *, pinned: bool) -> Message:
    """Give a part of what a model was told."""
    if isinstance(part, SystemPromptPart):
        return Message("system", part.content)
    if isinstance(part, ToolReturnPart):
        return Message(
            "result",
            part.model_response_str(),
            by=part.tool_name,
            call=ids[part.tool_call_id],
            error=part.outcome != "success",
            collapsed=part.metadata == MARK,
        )
    content = part.content if isinstance(part, UserPromptPart) else repr(part)
    if isinstance(content, str):
        return Message("request", content, pinned=pinned)
    first = content[0] if content else None
    if isinstance(first, TextContent) and first.metadata == MARK:
        return Message("summary", first.content)
    return Message("request", repr(content), pinned=pinned)


def written(messages: Sequence[Message], known: Sequence[Said]) -> list[ModelMessage]:
    """Give messages as a client takes them: those that are as they were in their own words."""
    originals = {id(one.message): one for one in known}
    results = {one.message.call: one for one in known if one.message.role == "result"}
    found: list[ModelMessage] = []
    parts: list[ModelRequestPart] = []
    within: ModelMessage | None = None
    for message in messages:
        original = originals.get(id(message)) or results.get(message.call or "")
        if original is not None and isinstance(original.part, ModelResponse):
            found.extend(request(parts, within))
            found.append(original.part)
            parts = []
            continue
        within = within if original is None else original.within
        parts.append(part_of(message, original))
    return [*found, *request(parts, within)]


def request(parts: Sequence[ModelRequestPart], within: ModelMessage | None) -> Iterator[ModelRequest]:
    """Give parts as one request, with what else there is of the one that the last of them stood in."""
    if parts:
        known = within if isinstance(within, ModelRequest) else ModelRequest([])
        yield dataclasses.replace(known, parts=list(parts))


def part_of(message: Message, original: Said | None) -> ModelRequestPart:
    """Give a part of a request, shortened or as it was."""
    if original is None:
        return UserPromptPart([TextContent(f"What came before, in short:\n{message.content}", metadata=MARK)])
    assert not isinstance(original.part, ModelResponse), "an answer stays, or goes with its results"
    if message is original.message:
        return original.part
    assert isinstance(original.part, ToolReturnPart), "results alone are left out"
    return dataclasses.replace(original.part, content=message.content, metadata=MARK)


def tokens_of(messages: Sequence[ModelMessage], compacting: Compacting | None) -> int:
    """Give how many tokens messages have, as they are counted; nothing where nobody minds."""
    if compacting is None:
        return 0
    # of the results of an earlier response alone, as only how much they say is asked
    anyone = AnyCall()
    count = compacting.compaction.budget.count
    total = 0
    for message in messages:
        if isinstance(message, ModelResponse):
            total += count(answer(message, anyone))
        else:
            total += sum(count(of_request(part, anyone, pinned=False)) for part in message.parts)
    return total


class AnyCall(dict[str, str]):
    """Ids of calls of which nobody asks whose they are."""

    def __missing__(self, key: str) -> str:
        return key


async def shortened(
    messages: Sequence[ModelMessage], compacting: Compacting, desk: Desk
) -> list[ModelMessage]:
    """Give messages that fit; what is left out is a recorded choice. Raises `BudgetError`."""
    known = read(messages)
    compaction = compacting.compaction
    aim = max(1, int(compaction.budget.tokens * AIM))
    left = await compaction.compact([one.message for one in known], desk, aim=aim)
    return written(left, known)
