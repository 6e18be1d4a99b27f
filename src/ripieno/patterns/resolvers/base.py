"""How the results of concurrent branches become one: the rule, and the record of what it settled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ripieno.model.event import Json
from ripieno.model.outcome import Confidence, Evidence, Outcome
from ripieno.model.participant import Context, Task
from ripieno.model.value import encode, normal
from ripieno.participants.base import BaseParticipant

__all__ = ["Resolver", "Settled", "disagreement", "field_of", "missing", "said_by", "settle", "unsettled"]


@dataclass(frozen=True, slots=True)
class Settled:
    """What a rule made of the branches' results."""

    outcome: Outcome
    winners: frozenset[str] | None = None
    """The branches whose results stand; None when none of those that ended has lost."""


class Resolver(ABC):
    """A rule that settles what several branches found."""

    kind: str = "resolver"

    @abstractmethod
    async def resolve(self, found: Mapping[str, Outcome], task: Task, context: Context) -> Settled:
        """Give one outcome for the branches that ended, by name in order of declaration.

        Branches that were stopped are not among them.
        """

    def enough(self, found: Mapping[str, Outcome]) -> bool:
        """Tell whether what was found so far settles it, so that the other branches are stopped."""
        del found
        return False

    @property
    def within(self) -> float | None:
        """Seconds after which the branches still at work are stopped; None when there is no such time."""
        return None

    def participants(self) -> Sequence[BaseParticipant]:
        """Give the participants whom the rule asks."""
        return ()

    def settings(self) -> dict[str, Json]:
        """Give the rule's settings as they stand in the definition."""
        return {}

    def describe(self) -> Json:
        """Give the rule as it stands in the definition: its name, or its name with settings."""
        settings = self.settings()
        return {self.kind: settings} if settings else self.kind


def field_of(outcome: Outcome, field: str | None) -> Any:
    """Give the part of an output that is compared: the whole, or the field at a dotted path.

    None when the output has no such field.
    """
    return next(iter(given(outcome, field)), None)


def given(outcome: Outcome, field: str | None) -> list[Any]:
    """Give the compared part in a list, or an empty one when the output has no such field."""
    value: Any = outcome.output
    for part in field.split(".") if field else ():
        if not isinstance(value, dict) or part not in value:
            return []
        value = cast("dict[str, Any]", value)[part]
    return [value]


def sides(found: Mapping[str, Outcome], field: str | None) -> dict[bytes, list[str]]:
    """Give the different answers, each with the branches that gave it, in order of declaration.

    A branch that did not complete, or whose output lacks the field, has given none.
    """
    by_answer: dict[bytes, list[str]] = {}
    for name, outcome in found.items():
        for answer in given(outcome, field) if outcome.ok else ():
            by_answer.setdefault(encode(normal(answer)), []).append(name)
    return by_answer


def disagreement(found: Mapping[str, Outcome], field: str | None) -> list[list[str]]:
    """Give the camps, largest first; among equals the one declared first."""
    return sorted(sides(found, field).values(), key=len, reverse=True)


def missing(found: Mapping[str, Outcome]) -> str:
    """Say which branches did not complete, and why."""
    return "; ".join(
        f"{name} {outcome.status}" + (f" ({outcome.reason})" if outcome.reason else "")
        for name, outcome in found.items()
        if not outcome.ok
    )


def said_by(found: Mapping[str, Outcome], field: str | None) -> dict[str, dict[str, Any]]:
    """Give every side as it is recorded: what it says, and how sure it is where it told."""
    sides: dict[str, dict[str, Any]] = {}
    for name, one in found.items():
        sides[name] = {"status": one.status, "says": field_of(one, field)}
        if one.confidence is not None:
            sides[name]["confidence"] = one.confidence.value
    return sides


async def settle(
    context: Context,
    found: Mapping[str, Outcome],
    winners: Sequence[str],
    *,
    rule: str,
    field: str | None = None,
    confidence: Confidence | None = None,
) -> Settled:
    """Record the sides and the rule that settled them, and give the first winner's output.

    Without a confidence of the rule's own it is the winner's, or the lowest of several winners'.
    """
    because = {"rule": rule, "winners": list(winners), "sides": said_by(found, field)}
    recorded = await context.choose("resolve", winners[0], offered=list(found), because=because)
    chosen = found[recorded]
    values = [found[name].confidence for name in winners]
    known = [one for one in values if one is not None]
    if confidence is None and known and len(known) == len(values):
        lowest = min(one.value for one in known)
        confidence = known[0] if len(known) == 1 else Confidence(lowest, "lowest of those that stand")
    evidence: list[Evidence] = [item for name in winners for item in found[name].evidence]
    outcome = Outcome("complete", chosen.parts[0], confidence=confidence, evidence=evidence)
    return Settled(outcome, frozenset(winners))


async def unsettled(
    context: Context, found: Mapping[str, Outcome], *, rule: str, why: str, field: str | None = None
) -> Settled:
    """Record that the rule settles nothing: a person has to."""
    because = {"rule": rule, "why": why, "sides": said_by(found, field)}
    await context.choose("resolve", "nobody", offered=[*found, "nobody"], because=because)
    output = {name: outcome.output for name, outcome in found.items()}
    evidence = [item for outcome in found.values() for item in outcome.evidence]
    return Settled(Outcome("escalated", output, evidence=evidence, reason=f"{rule}: {why}"))
