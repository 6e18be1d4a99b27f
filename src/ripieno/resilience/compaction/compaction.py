"""Strategies in order, each only when those before it did not bring a history into its budget."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from ripieno.model.participant import Participant
from ripieno.resilience.compaction.budget import Budget, BudgetError, Kept
from ripieno.resilience.compaction.collapse import Collapse
from ripieno.resilience.compaction.history import History
from ripieno.resilience.compaction.messages import Message
from ripieno.resilience.compaction.strategy import Desk, Strategy
from ripieno.resilience.compaction.window import Window

__all__ = ["Compaction"]


class Compaction:
    """Makes histories fit: messages in, messages out.

    What stands: calls beside all their results, system and pinned messages, the latest request,
    errors, and the latest message. A history within its budget comes back as it is, so that
    compacting twice is compacting once.
    """

    def __init__(self, budget: Budget, strategies: Sequence[Strategy] = ()) -> None:
        self.budget = budget
        self.strategies = list(strategies) or [Collapse(), Window()]

    def participants(self) -> Sequence[Participant]:
        """Give the participants whom a strategy asks."""
        return [one for strategy in self.strategies for one in strategy.participants()]

    async def compact(
        self, messages: Sequence[Message], desk: Desk | None = None, *, aim: int | None = None
    ) -> list[Message]:
        """Give the messages within the budget; within fewer tokens, `aim`, as far as that can be.

        At a `desk`, what is shortened is a recorded choice, read on replay and not made again; without
        one, nobody can be asked for a summary. Raises `BudgetError` when what has to stay is too long,
        `InputError` when calls and results do not match.
        """
        history = History.read(messages)
        budget = self.budget if aim is None else dataclasses.replace(self.budget, tokens=aim)
        for strategy in self.strategies:
            chosen = strategy.choose(history, budget)
            if not chosen:
                continue
            if desk is not None:
                chosen = await self._recorded(strategy, chosen, history, budget, desk)
            history = await strategy.apply(history, chosen, budget, desk)
        needed = self.budget.of(history.messages)
        if needed > self.budget.tokens:
            raise BudgetError(self.budget.tokens, needed, list(self._kept(history)))
        return history.messages

    async def _recorded(
        self, strategy: Strategy, chosen: list[int], history: History, budget: Budget, desk: Desk
    ) -> list[int]:
        because = {"tokens": budget.of(history.messages), "allowed": budget.tokens}
        said = f"{strategy.kind} {spans(chosen)} of {len(history.units)}"
        recorded = await desk.context.choose("compact", said, offered=[said], because=because)
        return read_spans(recorded.split(" ")[1])

    def _kept(self, history: History) -> Iterator[Kept]:
        """Say what has to stay, and how long it is."""
        tokens: Mapping[str, int] = {}
        for unit in history.units:
            reason = unit.kept or "messages that no strategy leaves out"
            tokens = {**tokens, reason: tokens.get(reason, 0) + self.budget.of(unit.messages)}
        return (Kept(reason, count) for reason, count in tokens.items())


def spans(numbers: Sequence[int]) -> str:
    """Write ascending indexes in short, counted from 1: `1-3,5`."""
    written: list[str] = []
    start = 0
    for position, number in enumerate(numbers):
        if position + 1 == len(numbers) or numbers[position + 1] != number + 1:
            first = numbers[start] + 1
            written.append(f"{first}" if first == number + 1 else f"{first}-{number + 1}")
            start = position + 1
    return ",".join(written)


def read_spans(text: str) -> list[int]:
    """Read what `spans` wrote."""
    found: list[int] = []
    for span in text.split(",") if text else ():
        first, _, last = span.partition("-")
        found.extend(range(int(first) - 1, int(last or first)))
    return found
