"""The oldest messages told in short by a participant, whose visit is recorded as any other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ripieno.model.errors import DefinitionError
from ripieno.model.participant import Participant, Task
from ripieno.resilience.compaction.budget import Budget
from ripieno.resilience.compaction.history import History, Unit
from ripieno.resilience.compaction.messages import Message
from ripieno.resilience.compaction.strategy import Desk, Strategy

__all__ = ["Summary"]


class Summary(Strategy):
    """Puts one summary in the place of the oldest units, and later summarises that with what came after.

    The participant's parameter `turn` receives `messages`, which it is to tell in short, and
    `tokens`, how long that may be: a `share` of the budget. Its output is the summary. One that does
    not complete, or says more than it was told to, is done without.
    """

    kind: ClassVar[str] = "summary"

    def __init__(self, participant: Participant, share: float = 0.25) -> None:
        self.participant = participant
        self.share = share
        if not 0 < share < 1:
            msg = f"the share of a summary is above 0 and below 1, got {share!r}"
            raise DefinitionError(msg)

    def participants(self) -> Sequence[Participant]:
        """Give the participant."""
        return (self.participant,)

    def room(self, budget: Budget) -> int:
        """Give how many tokens the summary may have."""
        return max(1, int(budget.tokens * self.share))

    def choose(self, history: History, budget: Budget) -> list[int]:
        """Give the oldest units; one summary alone is not told again."""
        excess = budget.of(history.messages) + self.room(budget) - budget.tokens
        chosen: list[int] = []
        if excess <= self.room(budget):
            return chosen
        for index in history.droppable():
            if excess <= 0:
                break
            chosen.append(index)
            excess -= budget.of(history.units[index].messages)
        return [] if all(history.units[index].summary for index in chosen) else chosen

    async def apply(
        self, history: History, chosen: Sequence[int], budget: Budget, desk: Desk | None
    ) -> History:
        """Ask the participant; what it says stands where the oldest of them stood."""
        if desk is None:
            return history
        told = [message.document() for index in chosen for message in history.units[index].messages]
        context, task = desk.context, desk.task
        turn = context.value({"messages": told, "tokens": self.room(budget)})
        outcome = await context.call(self.participant, Task(task.input, task.state, task.previous, turn))
        message = Message("summary", outcome.output, by=self.participant.name)
        if not outcome.ok or budget.count(message) > self.room(budget):
            return history
        gone = set(chosen)
        units = [unit for index, unit in enumerate(history.units) if index not in gone]
        return History((*units[: chosen[0]], Unit((message,)), *units[chosen[0] :]))
