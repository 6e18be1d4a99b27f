"""What a provider of models on loopback is to say, whatever its wire format."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "Asked",
    "Broken",
    "Calls",
    "Cut",
    "Dawdles",
    "Held",
    "Refuses",
    "Reply",
    "Says",
    "Script",
    "Thinks",
    "turns",
]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as far as scripts look at it."""

    provider: str
    model: str
    turn: int
    """How many responses of the model stand in it already."""
    text: str
    """All that was written by whoever asks, and given by tools, in one piece."""
    tools: Sequence[str]
    body: Mapping[str, Any]
    streamed: bool = False
    key: str = ""
    """By what it was authenticated."""


@dataclass(frozen=True, slots=True)
class Says:
    """Says something, and ends."""

    text: str
    tokens: tuple[int, int] = (100, 20)
    """Of the request and the response."""


@dataclass(frozen=True, slots=True)
class Calls:
    """Asks for calls of tools, side by side."""

    calls: Sequence[tuple[str, Mapping[str, Any] | str]]
    """Name and arguments; a text is sent as it stands, whether it is JSON or not."""
    text: str = ""
    tokens: tuple[int, int] = (100, 20)


@dataclass(frozen=True, slots=True)
class Thinks:
    """Thinks before it says something, or asks for something."""

    thought: str
    then: Says | Calls


@dataclass(frozen=True, slots=True)
class Refuses:
    """Does not answer, as its rules forbid it."""

    why: str = "I cannot help with that."


@dataclass(frozen=True, slots=True)
class Broken:
    """Ends with a status of HTTP in place of an answer."""

    status: int
    message: str = "something is wrong"
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: str | None = None
    """Sent as it stands, in place of the provider's own form of errors."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Begins to answer, and then the connection is gone."""


@dataclass(frozen=True, slots=True)
class Held:
    """Answers once it is let: the first byte comes as late as a test wants."""

    until: asyncio.Event
    then: Says | Calls
    begun: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Dawdles:
    """Stops in the middle of what it says until it is let go on; of streams of OpenAI's chats alone."""

    until: asyncio.Event
    then: Says


Reply = Says | Calls | Thinks | Refuses | Broken | Cut | Held | Dawdles
Script = Callable[[Asked], Reply]


def turns(*replies: Reply) -> Script:
    """Say one thing after another, by how far the conversation has come; the last of them for ever."""

    def script(asked: Asked) -> Reply:
        return replies[min(asked.turn, len(replies) - 1)]

    return script
