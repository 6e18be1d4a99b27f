"""How much of a history can be read, and the error for one that cannot be made to fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ripieno.model.errors import DefinitionError, RipienoError
from ripieno.model.value import encode
from ripieno.resilience.compaction.messages import Message

__all__ = ["Budget", "BudgetError", "Counter", "Kept", "estimate"]

Counter = Callable[[Message], int]
"""Gives the tokens of one message; pure, as replay may count again."""

BYTES_PER_TOKEN: Final = 4
OVERHEAD_TOKENS: Final = 4
"""What a provider adds for the role and the separators of one message."""


def estimate(message: Message) -> int:
    """Estimate a message's tokens without a tokenizer: a token for every four bytes of UTF-8, and four more.

    English prose has about four characters to a token; JSON and other scripts have more tokens than
    their characters suggest, which counting bytes makes up for. Give a counter of your own where the
    budget is tight.
    """
    text = message.content if isinstance(message.content, str) else encode(message.content)
    size = len(text.encode("utf-8", "surrogatepass")) if isinstance(text, str) else len(text)
    size += sum(len(call.tool) + len(encode(dict(call.arguments))) for call in message.calls)
    return -(-size // BYTES_PER_TOKEN) + OVERHEAD_TOKENS


@dataclass(frozen=True, slots=True)
class Budget:
    """How many tokens a history may have, and how they are counted."""

    tokens: int
    count: Counter = estimate

    def __post_init__(self) -> None:
        if self.tokens < 1:
            msg = f"a budget has at least 1 token, got {self.tokens!r}"
            raise DefinitionError(msg)

    def of(self, messages: Iterable[Message]) -> int:
        """Give the tokens of messages."""
        return sum(self.count(message) for message in messages)


@dataclass(frozen=True, slots=True)
class Kept:
    """What stands in the way of a budget: messages that are kept for one reason."""

    reason: str
    tokens: int

    def __str__(self) -> str:
        return f"{self.reason} ({self.tokens:,} tokens)"


class BudgetError(RipienoError):
    """A history cannot be made to fit its budget, as what has to be kept is too long already."""

    code = "context_budget"

    def __init__(self, tokens: int, needed: int, kept: Sequence[Kept]) -> None:
        what = ", ".join(map(str, kept))
        super().__init__(
            f"the messages have {needed:,} tokens, {tokens:,} are allowed, and nothing more can be left out:"
            f" {what}",
            remedy="allow more tokens, add a strategy, or pin and say less",
        )
        self.tokens = tokens
        """The budget."""
        self.needed = needed
        """What the shortest form takes."""
        self.kept = tuple(kept)

    @property
    def said(self) -> str:
        """Give it in a line, as the reason of an outcome."""
        return f"{self.message}; {self.remedy}"
