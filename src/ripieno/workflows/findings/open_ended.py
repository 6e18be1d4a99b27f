"""Open-ended work that nobody looks at beforehand, or that is cut off before it can answer."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.patterns.magentic import Magentic
from ripieno.workflows.findings.base import Finding, FindingKind, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["CutShort", "UnreviewedPlan"]


class UnreviewedPlan(FindingKind):
    """A plan is where a person can still steer at little cost."""

    code = "unreviewed-plan"
    severity = "warning"
    title = "Plans of high risk that no person looks at"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look for who reviews."""
        for pattern in everyone(workflow):
            if isinstance(pattern, Magentic) and pattern.rules.review is None and workflow.risk == "high":
                reason = f"{pattern.name!r} works after plans of its own, and nobody sees them before"
                fix = 'set `review` to a person with the form `PlanReview` ({import: "ripieno:PlanReview"})'
                yield self.at(places.of(pattern), reason, fix)


class CutShort(FindingKind):
    """A deadline stops what is under way; only a time of its own lets the pattern put an answer together."""

    code = "cut-short"
    severity = "warning"
    title = "Open-ended work that the deadline ends without an answer"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Compare the times."""
        deadline = workflow.deadline
        if deadline is None:
            return
        for pattern in everyone(workflow):
            if not isinstance(pattern, Magentic):
                continue
            within = pattern.rules.within
            if within is None or within >= deadline:
                reason = f"{pattern.name!r} may still be at work when the deadline stops it without an answer"
                fix = "set `within` to less than the deadline: then what is known is put together in time"
                yield self.at(places.of(pattern), reason, fix)
