"""Stages in a sequence of which the later does not need the earlier."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from ripieno.participants.base import BaseParticipant
from ripieno.participants.function import Function
from ripieno.patterns.sequential import Sequential
from ripieno.workflows.findings.base import Finding, FindingKind, everyone, names_in
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["IndependentStages"]


class IndependentStages(FindingKind):
    """Said only of later stages that are pure: for those that are not, the order may be meant."""

    code = "independent-stages"
    severity = "warning"
    title = "Stages that could run side by side"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Compare each two neighbours."""
        for pattern in everyone(workflow):
            if not isinstance(pattern, Sequential):
                continue
            for before, after in pairwise(pattern.stages):
                if after.name != before.name and harmless(after) and independent(before, after):
                    reason = f"{after.name!r} reads nothing of {before.name!r}, yet waits for it"
                    fix = f"run them side by side: concurrent({before.name}, {after.name}, resolve=merge())"
                    yield self.at(places.of(after), reason, fix)


def independent(before: BaseParticipant, after: BaseParticipant) -> bool:
    """Tell whether a stage is known to read nothing of the one before it."""
    reads = after.dependencies()
    return (
        reads is not None
        and before.dependencies() is not None
        and not reads & {"previous", *names_in(before)}
    )


def harmless(stage: BaseParticipant) -> bool:
    """Tell whether a stage may run although the one before it could fail."""
    leaves = [one for one in stage.everyone() if not one.children()]
    return all(isinstance(one, Function) and one.pure and one.binding.context is None for one in leaves)
