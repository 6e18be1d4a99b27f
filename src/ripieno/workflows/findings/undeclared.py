"""What a workflow does not say about itself: owner, purpose, deadline."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.workflows.findings.base import Finding, FindingKind
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["NoDeadline", "NoOwner", "NoPurpose"]


class NoOwner(FindingKind):
    """Somebody has to answer for what it does."""

    code = "no-owner"
    severity = "warning"
    title = "A workflow that nobody answers for"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look at the workflow itself."""
        if not workflow.owner:
            reason = f"{workflow.name!r} has no owner: nobody is asked when it does harm"
            yield self.at(places.field("workflow"), reason, "set `owner` to the team that answers for it")


class NoPurpose(FindingKind):
    """An inventory of workflows is read by people who did not write them."""

    code = "no-purpose"
    severity = "warning"
    title = "A workflow that does not say what it is for"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look at the workflow itself."""
        if not workflow.purpose:
            reason = f"{workflow.name!r} has no purpose: the inventory cannot say what it is for"
            yield self.at(places.field("workflow"), reason, "set `purpose` to one sentence")


class NoDeadline(FindingKind):
    """A run that never ends is never missed."""

    code = "no-deadline"
    severity = "warning"
    title = "Runs that may last for ever"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look at the workflow's limits."""
        if workflow.deadline is None:
            reason = f"{workflow.name!r} has no deadline: a run that is stuck stays so unnoticed"
            fix = "set limits.deadline to the longest time in which the result is of use"
            yield self.at(places.field("workflow"), reason, fix)
