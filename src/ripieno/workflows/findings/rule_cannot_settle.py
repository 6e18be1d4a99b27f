"""A rule that joins branches by names or numbers that the branches do not have."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.model.errors import nearest
from ripieno.patterns.concurrent import Concurrent
from ripieno.patterns.resolvers import First, Priority, Quorum, WeightedVote
from ripieno.workflows.findings.base import Finding, FindingKind, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["RuleCannotSettle"]


class RuleCannotSettle(FindingKind):
    """Every run would end as escalated, or a branch never counted."""

    code = "rule-cannot-settle"
    severity = "error"
    title = "A rule that does not fit the branches"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Compare each rule with its branches."""
        for pattern in everyone(workflow):
            if isinstance(pattern, Concurrent):
                for reason in misfits(pattern):
                    fix = f"the branches are: {', '.join(stage.name for stage in pattern.stages)}"
                    yield self.at(places.of(pattern), f"{pattern.name!r}: {reason}", fix)


def misfits(pattern: Concurrent) -> Iterator[str]:
    """Say in what a rule does not fit."""
    rule, branches = pattern.resolver, [stage.name for stage in pattern.stages]
    named = (
        rule.order if isinstance(rule, Priority) else rule.weights if isinstance(rule, WeightedVote) else ()
    )
    for name in named:
        if name not in branches:
            yield f"{rule.kind} names {name!r}, which is no branch{nearest(name, branches)}"
    wanted = rule.k if isinstance(rule, Quorum) else rule.n if isinstance(rule, First) else 0
    if wanted > len(branches):
        yield f"{rule.kind} wants {wanted} branches, there are {len(branches)}"
