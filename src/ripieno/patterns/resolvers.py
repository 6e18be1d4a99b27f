"""How the results of concurrent branches become one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from ripieno.model.event import Json
from ripieno.model.outcome import Confidence, Outcome

__all__ = ["Merge", "Resolver", "merge"]


class Resolver(ABC):
    """A rule that settles what several branches found."""

    kind = "resolver"

    @abstractmethod
    def resolve(self, found: Mapping[str, Outcome]) -> Outcome:
        """Give one outcome for those of the branches that were not stopped, by name."""

    def describe(self) -> Json:
        """Give the rule as it stands in the definition."""
        return self.kind


class Merge(Resolver):
    """Disjoint results side by side: an object with each branch's output under its name.

    `complete` when every branch is, `partial` when some are, `failed` when none is. Confidence is
    the lowest of those given.
    """

    kind = "merge"

    def resolve(self, found: Mapping[str, Outcome]) -> Outcome:
        """Put the outputs side by side."""
        good = {name: outcome for name, outcome in found.items() if outcome.ok}
        output: dict[str, Any] = {
            name: outcome.output for name, outcome in found.items() if outcome.parts[0] is not None
        }
        evidence = [item for outcome in found.values() for item in outcome.evidence]
        values = [outcome.confidence.value for outcome in good.values() if outcome.confidence is not None]
        confidence = Confidence(min(values), "lowest of the branches") if values else None
        if len(good) == len(found):
            return Outcome("complete", output, confidence=confidence, evidence=evidence)
        missing = [
            f"{name} {outcome.status}" + (f" ({outcome.reason})" if outcome.reason else "")
            for name, outcome in found.items()
            if not outcome.ok
        ]
        status = "partial" if good else next(iter(found.values())).status
        return Outcome(
            status, output or None, confidence=confidence, evidence=evidence, reason="; ".join(missing)
        )


def merge() -> Merge:
    """Put disjoint results side by side."""
    return Merge()
