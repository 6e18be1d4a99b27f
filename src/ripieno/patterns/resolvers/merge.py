"""Disjoint results side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ripieno.model.outcome import Confidence, Outcome
from ripieno.model.participant import Context, Task
from ripieno.patterns.resolvers.base import Resolver, Settled, missing

__all__ = ["Merge", "merge"]


class Merge(Resolver):
    """An object with each branch's output under its name.

    `complete` when every branch is, `partial` when some are, else as the first branch ended.
    Confidence is the lowest of those given.
    """

    kind = "merge"

    async def resolve(self, found: Mapping[str, Outcome], task: Task, context: Context) -> Settled:
        """Put the outputs side by side."""
        del task, context
        good = [outcome for outcome in found.values() if outcome.ok]
        output: dict[str, Any] = {
            name: outcome.output for name, outcome in found.items() if outcome.parts[0] is not None
        }
        evidence = [item for outcome in found.values() for item in outcome.evidence]
        values = [outcome.confidence.value for outcome in good if outcome.confidence is not None]
        confidence = Confidence(min(values), "lowest of the branches") if values else None
        if len(good) == len(found):
            return Settled(Outcome("complete", output, confidence=confidence, evidence=evidence))
        status = "partial" if good else next(iter(found.values())).status
        return Settled(
            Outcome(status, output or None, confidence=confidence, evidence=evidence, reason=missing(found))
        )


def merge() -> Merge:
    """Put disjoint results side by side."""
    return Merge()
