"""Branches that are stopped early, and what they did to the world."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.patterns.concurrent import Concurrent
from ripieno.patterns.resolvers.base import Resolver
from ripieno.workflows.findings.base import Finding, FindingKind, effects_in, everyone
from ripieno.workflows.findings.retried_tools import writing_tools
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["AbandonedEffects"]


class AbandonedEffects(FindingKind):
    """Said where one branch is enough, so that the others are stopped in the middle of their work."""

    code = "abandoned-effects"
    severity = "warning"
    title = "Branches that are stopped with their effects left behind"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look at what branches do where some lose."""
        for pattern in everyone(workflow):
            if not isinstance(pattern, Concurrent) or pattern.losers == "undo" or not stops(pattern):
                continue
            names = [
                stage.name
                for stage in pattern.stages
                if effects_in(stage) or any(writing_tools(one) for one in stage.everyone())
            ]
            if names:
                reason = (
                    f"{pattern.name!r} stops branches that are not needed any more, and"
                    f" {', '.join(names)} may have done something by then, which stays done"
                )
                fix = "set losers: undo, and declare @tool(undo=...); or do what has effects after the join"
                yield self.at(places.of(pattern), reason, fix)


def stops(pattern: Concurrent) -> bool:
    """Tell whether branches are stopped before they end."""
    return pattern.on_branch_failure != "collect" or type(pattern.resolver).enough is not Resolver.enough
