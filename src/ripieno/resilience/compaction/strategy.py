"""What a strategy is: it says which units it would shorten, and shortens them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ripieno.model.participant import Context, Participant, Task
from ripieno.resilience.compaction.budget import Budget
from ripieno.resilience.compaction.history import History

__all__ = ["Desk", "Strategy"]


@dataclass(frozen=True, slots=True)
class Desk:
    """Where participants are asked and choices recorded: the visit for which a history is compacted."""

    context: Context
    task: Task


class Strategy(ABC):
    """One way to make a history shorter. It does nothing within the budget, and nothing twice."""

    kind: ClassVar[str]

    @abstractmethod
    def choose(self, history: History, budget: Budget) -> list[int]:
        """Give the indexes of the units to shorten, oldest first; as few as bring it into the budget."""

    @abstractmethod
    async def apply(
        self, history: History, chosen: Sequence[int], budget: Budget, desk: Desk | None
    ) -> History:
        """Give the history with those units shortened."""

    def participants(self) -> Sequence[Participant]:
        """Give the participants whom it asks."""
        return ()

    def settings(self) -> dict[str, Any]:
        """Give what is declared of it beside its kind."""
        return {}
