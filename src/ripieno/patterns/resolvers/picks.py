"""Rules that pick: by priority, by confidence, the median, the first to arrive."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from ripieno.model.durations import Duration, in_seconds, seconds
from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.patterns.resolvers.base import Resolver, Settled, field_of, missing, settle, unsettled

__all__ = [
    "First",
    "HighestConfidence",
    "Median",
    "Priority",
    "first",
    "highest_confidence",
    "median",
    "priority",
]


class Priority(Resolver):
    """The first in a declared order that completed."""

    kind = "priority"

    def __init__(self, order: Sequence[str]) -> None:
        self.order = list(order)

    def settings(self) -> dict[str, Json]:
        """Give the order."""
        return {"order": list(self.order)}

    def enough(self, found: Mapping[str, Outcome]) -> bool:
        """Tell whether nobody before the best one so far can still come."""
        for name in self.order:
            if name not in found:
                return False
            if found[name].ok:
                return True
        return False

    async def resolve(self, found: Mapping[str, Outcome], task: Task, context: Context) -> Settled:
        """Pick by the order."""
        del task
        for name in self.order:
            if name in found and found[name].ok:
                return await settle(context, found, [name], rule=self.kind)
        return await unsettled(context, found, rule=self.kind, why=missing(found) or "none is in the order")


class HighestConfidence(Resolver):
    """The branch that is surest; those without a confidence never win over one that has it."""

    kind = "highest_confidence"

    async def resolve(self, found: Mapping[str, Outcome], task: Task, context: Context) -> Settled:
        """Pick the surest, the one declared first among equals."""
        del task
        sure = [name for name, outcome in found.items() if outcome.ok and outcome.confidence is not None]
        if not sure:
            return await unsettled(context, found, rule=self.kind, why="no branch gave a confidence")
        best = max(sure, key=lambda name: getattr(found[name].confidence, "value", 0.0))
        return await settle(context, found, [best], rule=self.kind)


class Median(Resolver):
    """The median of a number that each branch gives, the lower of the middle two when they are even."""

    kind = "median"

    def __init__(self, on: str | None = None) -> None:
        self.on = on

    def settings(self) -> dict[str, Json]:
        """Give the field."""
        return {} if self.on is None else {"on": self.on}

    async def resolve(self, found: Mapping[str, Outcome], task: Task, context: Context) -> Settled:
        """Give the branch that stands in the middle."""
        del task
        numbers: dict[str, float] = {}
        for name, outcome in found.items():
            value = field_of(outcome, self.on)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if outcome.ok and is_number and value == value:  # noqa: PLR0124 - NaN stands nowhere
                numbers[name] = value
        if not numbers:
            return await unsettled(
                context, found, rule=self.kind, why="no branch gave a number", field=self.on
            )
        middle = statistics.median_low(numbers.values())
        winner = next(name for name, number in numbers.items() if number == middle)
        return await settle(context, found, [winner], rule=self.kind, field=self.on)


class First(Resolver):
    """The first `n` to complete; the others are stopped, at the latest when the time is over."""

    kind = "first"

    def __init__(self, n: int = 1, within: Duration | None = None) -> None:
        self.n = n
        self._within = within if within is None else seconds(within)
        if n < 1:
            msg = f"first must be at least 1, got {n!r}"
            raise DefinitionError(msg)

    def settings(self) -> dict[str, Json]:
        """Give the number and the time."""
        return {"n": self.n} if self._within is None else {"n": self.n, "within": in_seconds(self._within)}

    @property
    def within(self) -> float | None:
        """Seconds for which branches are waited for."""
        return self._within

    def enough(self, found: Mapping[str, Outcome]) -> bool:
        """Tell whether so many have completed."""
        return sum(outcome.ok for outcome in found.values()) >= self.n

    async def resolve(self, found: Mapping[str, Outcome], task: Task, context: Context) -> Settled:
        """Give the output of the one, or all outputs by name when more than one is wanted."""
        del task
        good = [name for name, outcome in found.items() if outcome.ok]
        if not good:
            return await unsettled(context, found, rule=self.kind, why=missing(found) or "none completed")
        settled = await settle(context, found, good, rule=self.kind)
        outcome = settled.outcome
        if self.n > 1:
            outputs = {name: found[name].output for name in good}
            short = None if len(good) >= self.n else f"{len(good)} of {self.n} completed"
            status = "complete" if short is None else "partial"
            together = Outcome(
                status, outputs, confidence=outcome.confidence, evidence=outcome.evidence, reason=short
            )
            return Settled(together, settled.winners)
        return settled


def priority(*order: str) -> Priority:
    """Take the first in this order that completed."""
    return Priority(order)


def highest_confidence() -> HighestConfidence:
    """Take the surest."""
    return HighestConfidence()


def median(on: str | None = None) -> Median:
    """Take the branch whose number stands in the middle."""
    return Median(on)


def first(n: int = 1, *, within: Duration | None = None) -> First:
    """Take the first `n` to complete and stop the others.

    When the time `within` is over, fewer will do and the outcome is `partial`; none is `escalated`.
    """
    return First(n, within)
