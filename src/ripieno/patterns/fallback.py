"""One participant after another, until one does not fail in a way that another may do better."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import get_args

from ripieno.model.action import UndoRule
from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.participants.base import BaseParticipant
from ripieno.patterns.base import Pattern, Stage, unique
from ripieno.resilience.fallback import falls
from ripieno.resilience.policy import PASSING, classes

__all__ = ["Fallback", "fallback"]


class Fallback(Pattern):
    """Ends as the first does that has not failed in one of the classes `on`, or as the last one.

    What one that failed has done to other systems would be done again by the next: it is taken back as its
    tools declare, or only named in the log with `losers="list"`. Who took over, and why, is a recorded
    choice.
    """

    kind = "fallback"

    def __init__(
        self,
        name: str | None,
        stages: Sequence[Stage],
        *,
        on: Iterable[str] = PASSING,
        losers: UndoRule = "undo",
    ) -> None:
        super().__init__(name, stages)
        unique(self)
        self.on = classes(f"{self.name} on", on)
        if losers not in get_args(UndoRule):
            msg = f"{self.name}: losers must be 'list' or 'undo', got {losers!r}"
            raise DefinitionError(msg)
        self.losers: UndoRule = losers

    def settings(self) -> dict[str, Json]:
        """Give the stages in order, and after which failures the next one has its turn."""
        settings: dict[str, Json] = {"steps": self.flow()}
        if self.on != tuple(sorted(PASSING)):
            settings["on"] = list(self.on)
        if self.losers != "undo":
            settings["losers"] = self.losers
        return settings

    async def act(self, task: Task, context: Context) -> Outcome:
        """Ask one after another."""
        names = [stage.name for stage in self.stages]
        at = 0
        while True:
            path, outcome = await self._asked(self.stages[at], task, context)
            failed = outcome.status == "failed" and falls(outcome.failure, self.on)
            if not failed or at + 1 == len(names):
                return outcome
            why = f"{self.name}: {names[at]} failed ({outcome.failure or 'unknown'})"
            await context.undo([path], why=why, rule=self.losers)
            because = {"failed": names[at], "failure": outcome.failure or "unknown"}
            at += 1
            chosen = await context.choose(self.name, names[at], offered=names, because=because)
            at = names.index(chosen) if chosen in names else at

    @staticmethod
    async def _asked(stage: BaseParticipant, task: Task, context: Context) -> tuple[str, Outcome]:
        async with context.branches() as branches:
            branches.start(stage, task)
            ended = await branches.next()
        assert ended is not None, "the one that was started ends"
        return ended


def fallback(
    *stages: Stage,
    on: Iterable[str] = PASSING,
    name: str | None = None,
    losers: UndoRule = "undo",
) -> Fallback:
    """Ask participants in order, until one does not fail in one of the classes `on`.

    `on` names failures such as `timeout`, `connection`, `rate_limited`, `overloaded` and `server`, which
    are what it is unless given. One that may not be let in (`auth`) or has nothing to pay with
    (`budget_exhausted`) is no reason to ask another, unless it is named.
    """
    return Fallback(name, stages, on=on, losers=losers)
