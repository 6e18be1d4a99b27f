"""The setting `compact` of patterns whose participants read a history, and what it remembers of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from ripieno.model.decimals import decimal
from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.participants.base import BaseParticipant
from ripieno.participants.references import reference, source_digest
from ripieno.patterns.base import Stage, as_participant, named
from ripieno.resilience.compaction import (
    Budget,
    Collapse,
    Compaction,
    Desk,
    Message,
    Strategy,
    Summary,
    Window,
    estimate,
)
from ripieno.resilience.compaction.budget import Counter
from ripieno.resilience.compaction.compaction import read_spans, spans

__all__ = ["Compact", "Recap", "collapse", "compact", "summary", "window"]


class Compact:
    """How a pattern keeps what its participants read within a number of tokens."""

    def __init__(self, tokens: int, by: Sequence[Strategy] = (), count: Counter | None = None) -> None:
        self.count = count
        self.compaction = Compaction(Budget(tokens, count or estimate), by)
        twice = [strategy.kind for strategy in self.compaction.strategies]
        if len(set(twice)) < len(twice):
            msg = f"compact: a strategy is named twice: {', '.join(twice)}"
            raise DefinitionError(msg)

    def participants(self) -> list[BaseParticipant]:
        """Give the participants who summarise."""
        return [cast("BaseParticipant", one) for one in self.compaction.participants()]

    def describe(self) -> dict[str, Json]:
        """Give it as it stands in the definition."""
        said: dict[str, Json] = {
            "tokens": self.compaction.budget.tokens,
            "by": [described(strategy) for strategy in self.compaction.strategies],
        }
        return said if self.count is None else {**said, "count": reference(self.count)}

    def identity(self) -> dict[str, Json]:
        """Give the source digest of a counter of one's own."""
        return {} if self.count is None else {reference(self.count): source_digest(self.count)}

    async def shown(
        self, turns: Mapping[int, Sequence[Message]], recap: Recap, context: Context, task: Task
    ) -> tuple[list[Message], Recap]:
        """Give the messages of the turns within the budget, and what is remembered of those before.

        Raises `BudgetError` when they cannot be made to fit.
        """
        given = {number: turn for number, turn in turns.items() if number not in recap.told}
        before = recap.messages()
        every = [*before, *(message for turn in given.values() for message in turn)]
        left = await self.compaction.compact(every, Desk(context, task))
        there = {id(message) for message in left}
        known = {id(message) for message in before}
        new = next((one for one in left if one.role == "summary" and id(one) not in known), None)
        if new is None:
            return left, recap
        told = [number for number, turn in given.items() if id(turn[0]) not in there]
        still = {number for number in recap.told if number >= min(turns)}
        content = Outcome("complete", context.value({"by": new.by, "says": new.content}))
        return left, Recap(content, frozenset({*still, *told}))


@dataclass(frozen=True, slots=True)
class Recap:
    """A summary so far, and the turns that it stands for."""

    summary: Outcome | None = None
    told: frozenset[int] = frozenset()

    def messages(self) -> list[Message]:
        """Give it as the message that stands for them."""
        if self.summary is None:
            return []
        said = self.summary.output
        return [Message("summary", said["says"], by=said["by"])]

    def state(self) -> dict[str, Json]:
        """Give the turns as a segment keeps them; empty without a summary."""
        return {} if self.summary is None else {"told": spans(sorted(self.told))}

    def outcomes(self) -> dict[str, Outcome]:
        """Give the summary as a segment keeps it."""
        return {} if self.summary is None else {"recap": self.summary}

    @classmethod
    def read(cls, state: Mapping[str, str], outcomes: Mapping[str, Outcome]) -> Recap:
        """Read what a segment kept."""
        if "recap" not in outcomes:
            return cls()
        return cls(outcomes["recap"], frozenset(read_spans(state["told"])))


def described(strategy: Strategy) -> Json:
    """Give a strategy as it stands in the definition: its name, or its name with settings."""
    settings: dict[str, Json] = dict(strategy.settings())
    if isinstance(strategy, Summary):
        whom = cast("BaseParticipant", strategy.participant)
        settings = {"step": named(whom), "share": decimal(strategy.share)}
    return {strategy.kind: settings} if settings else strategy.kind


def collapse(keep: int = 1) -> Collapse:
    """Leave out what the oldest calls gave, but for the latest `keep` batches of calls; errors stay."""
    return Collapse(keep)


def window() -> Window:
    """Leave out whole messages, oldest first, calls together with their results."""
    return Window()


def summary(participant: Stage, *, share: float = 0.25) -> Summary:
    """Let a participant tell the oldest messages in short, in a `share` of the tokens.

    Its parameter `turn` holds the `messages` and how many `tokens` it may use.
    """
    return Summary(as_participant(participant), share)


def compact(tokens: int, *, by: Sequence[Strategy] = (), count: Counter | None = None) -> Compact:
    """Keep what participants read within `tokens`.

    `by` are strategies in order, each used only when those before it were not enough; `collapse()`,
    then `window()` unless given. `count` gives the tokens of a message; estimated unless given.
    """
    return Compact(tokens, by, count)
