"""The sliding window: what is oldest is left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ripieno.resilience.compaction.budget import Budget
from ripieno.resilience.compaction.history import History
from ripieno.resilience.compaction.strategy import Desk, Strategy

__all__ = ["Window"]


class Window(Strategy):
    """Leaves out whole units, oldest first, until the rest is within the budget."""

    kind: ClassVar[str] = "window"

    def choose(self, history: History, budget: Budget) -> list[int]:
        """Give the oldest units that may go."""
        excess = budget.of(history.messages) - budget.tokens
        chosen: list[int] = []
        for index in history.droppable():
            if excess <= 0:
                break
            chosen.append(index)
            excess -= budget.of(history.units[index].messages)
        return chosen

    async def apply(
        self, history: History, chosen: Sequence[int], budget: Budget, desk: Desk | None
    ) -> History:
        """Leave them out."""
        del budget, desk
        gone = set(chosen)
        return History(tuple(unit for index, unit in enumerate(history.units) if index not in gone))
