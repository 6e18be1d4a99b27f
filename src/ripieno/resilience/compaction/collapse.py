"""Results of calls collapsed: the call and that it was answered stay, what it gave is left out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

from ripieno.model.errors import DefinitionError
from ripieno.resilience.compaction.budget import Budget
from ripieno.resilience.compaction.history import History, Unit
from ripieno.resilience.compaction.messages import Message
from ripieno.resilience.compaction.strategy import Desk, Strategy

__all__ = ["Collapse"]


class Collapse(Strategy):
    """Collapses the results of the oldest calls, but for the latest `keep` batches.

    Errors and pinned results stay in full, and so does what would not get shorter.
    """

    kind: ClassVar[str] = "collapse"

    def __init__(self, keep: int = 1) -> None:
        self.keep = keep
        if keep < 1:
            msg = f"collapse keeps at least the latest batch, got {keep!r}"
            raise DefinitionError(msg)

    def settings(self) -> dict[str, int]:
        """Give how many batches stay as they are."""
        return {} if self.keep == 1 else {"keep": self.keep}

    def choose(self, history: History, budget: Budget) -> list[int]:
        """Give the oldest batches with something to gain."""
        excess = budget.of(history.messages) - budget.tokens
        batches = [index for index, unit in enumerate(history.units) if unit.messages[0].calls]
        chosen: list[int] = []
        for index in batches[: len(batches) - self.keep]:
            unit = history.units[index]
            gain = budget.of(unit.messages) - budget.of(collapsed(unit, budget).messages)
            if excess > 0 and gain > 0:
                chosen.append(index)
                excess -= gain
        return chosen

    async def apply(
        self, history: History, chosen: Sequence[int], budget: Budget, desk: Desk | None
    ) -> History:
        """Leave out what their calls gave."""
        del desk
        gone = set(chosen)
        units = [
            collapsed(unit, budget) if index in gone else unit for index, unit in enumerate(history.units)
        ]
        return History(tuple(units))


def collapsed(unit: Unit, budget: Budget) -> Unit:
    """Give a batch with its results left out wherever that is shorter."""
    messages = [shorter(message, budget) for message in unit.messages]
    return dataclasses.replace(unit, messages=tuple(messages))


def shorter(message: Message, budget: Budget) -> Message:
    """Give a result without its content; anything else, and what is short already, as it is."""
    if message.role != "result" or message.error or message.pinned or message.collapsed:
        return message
    size = budget.count(message)
    without = dataclasses.replace(message, content=f"[{size:,} tokens left out]", collapsed=True)
    return without if budget.count(without) < size else message
