"""Rules that count heads: unanimous, majority, quorum, weighted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import inf

from ripieno.model.decimals import decimal
from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json
from ripieno.model.outcome import Confidence, Outcome
from ripieno.model.participant import Context, Task
from ripieno.patterns.resolvers.base import Resolver, Settled, disagreement, settle, unsettled

__all__ = ["Majority", "Quorum", "Unanimous", "WeightedVote", "majority", "quorum", "unanimous", "weighted"]


class Vote(Resolver):
    """Compares the outputs, or the field `on` of each."""

    def __init__(self, on: str | None = None) -> None:
        self.on = on

    def settings(self) -> dict[str, Json]:
        """Give the field that is compared."""
        return {} if self.on is None else {"on": self.on}

    async def _agreed(
        self, context: Context, found: Mapping[str, Outcome], winners: list[str], share: float
    ) -> Settled:
        confidence = Confidence(min(share, 1.0), f"share that agreed, by {self.kind}")
        return await settle(context, found, winners, rule=self.kind, field=self.on, confidence=confidence)

    async def _open(self, context: Context, found: Mapping[str, Outcome], why: str) -> Settled:
        return await unsettled(context, found, rule=self.kind, why=why, field=self.on)


class Unanimous(Vote):
    """All branches complete and say the same."""

    kind = "unanimous"

    async def resolve(self, found: Mapping[str, Outcome], task: Task, context: Context) -> Settled:
        """Settle it when there is one camp with everybody in it."""
        del task
        camps = disagreement(found, self.on)
        if len(camps) == 1 and len(camps[0]) == len(found):
            return await self._agreed(context, found, camps[0], 1.0)
        answers = "1 answer" if len(camps) == 1 else f"{len(camps)} different answers"
        return await self._open(
            context, found, f"{answers} from {sum(map(len, camps))} of {len(found)} branches"
        )


class Majority(Vote):
    """More than half of all branches say the same, those that did not complete counted in."""

    kind = "majority"

    async def resolve(self, found: Mapping[str, Outcome], task: Task, context: Context) -> Settled:
        """Settle it when one camp has more than half."""
        del task
        camps = disagreement(found, self.on)
        if camps and len(camps[0]) * 2 > len(found):
            return await self._agreed(context, found, camps[0], len(camps[0]) / len(found))
        most = len(camps[0]) if camps else 0
        return await self._open(
            context, found, f"no answer has more than half: {most} of {len(found)} at most"
        )


class Quorum(Vote):
    """At least `k` branches say the same; the others are stopped as soon as they do."""

    kind = "quorum"

    def __init__(self, k: int, on: str | None = None) -> None:
        super().__init__(on)
        self.k = k
        if k < 1:
            msg = f"quorum must be at least 1, got {k!r}"
            raise DefinitionError(msg)

    def settings(self) -> dict[str, Json]:
        """Give the number and the field."""
        return {"k": self.k, **super().settings()}

    def enough(self, found: Mapping[str, Outcome]) -> bool:
        """Tell whether a camp is large enough already."""
        camps = disagreement(found, self.on)
        return bool(camps) and len(camps[0]) >= self.k

    async def resolve(self, found: Mapping[str, Outcome], task: Task, context: Context) -> Settled:
        """Settle it when exactly one camp is large enough."""
        del task
        large = [camp for camp in disagreement(found, self.on) if len(camp) >= self.k]
        if len(large) == 1:
            return await self._agreed(context, found, large[0], len(large[0]) / len(found))
        why = f"{len(large)} answers have {self.k} branches behind them" if large else f"none has {self.k}"
        return await self._open(context, found, why)


class WeightedVote(Vote):
    """The answer with the largest weight behind it, if that is more than `above` of all weight."""

    kind = "weighted"

    def __init__(self, weights: Mapping[str, float], on: str | None = None, above: float = 0.5) -> None:
        super().__init__(on)
        self.weights = dict(weights)
        self.above = above
        sound = all(0 <= weight < inf for weight in weights.values())
        if not sound or not any(weights.values()):
            msg = f"weights must not be negative, and not all zero, got {dict(weights)!r}"
            raise DefinitionError(msg)
        if not 0 <= above <= 1:
            msg = f"above must be in [0, 1], got {above!r}"
            raise DefinitionError(msg)

    def settings(self) -> dict[str, Json]:
        """Give weights, threshold and field."""
        weights = {name: decimal(weight) for name, weight in self.weights.items()}
        return {"weights": weights, "above": decimal(self.above), **super().settings()}

    def _share(self, camp: Sequence[str]) -> Fraction:
        """Give a camp's share of all weight, exactly: a tie must not be decided by rounding."""
        exact = {name: Fraction(decimal(weight)) for name, weight in self.weights.items()}
        return sum((exact.get(name, Fraction(0)) for name in camp), Fraction(0)) / sum(exact.values())

    async def resolve(self, found: Mapping[str, Outcome], task: Task, context: Context) -> Settled:
        """Settle it by weight; branches without one count nothing."""
        del task
        shares = [(self._share(camp), camp) for camp in disagreement(found, self.on)]
        most = max((share for share, _ in shares), default=Fraction(0))
        heaviest = [camp for share, camp in shares if share == most]
        if most > Fraction(decimal(self.above)) and len(heaviest) == 1:
            return await self._agreed(context, found, heaviest[0], float(most))
        tie = "" if len(heaviest) < 2 else ", and so has another"  # noqa: PLR2004 - a tie is of two
        return await self._open(
            context, found, f"the heaviest answer has {float(most):.2f} of the weight{tie}"
        )


def unanimous(on: str | None = None) -> Unanimous:
    """All say the same, or a person decides."""
    return Unanimous(on)


def majority(on: str | None = None) -> Majority:
    """More than half say the same, or a person decides."""
    return Majority(on)


def quorum(k: int, on: str | None = None) -> Quorum:
    """At least `k` say the same; the rest is stopped as soon as they do."""
    return Quorum(k, on)


def weighted(weights: Mapping[str, float], on: str | None = None, *, above: float = 0.5) -> WeightedVote:
    """Let the answer with the most weight win, if it has more than `above` of all weight."""
    return WeightedVote(weights, on, above)
