"""A branch that may do nothing at all."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.patterns.branch import Branch
from ripieno.workflows.findings.base import Finding, FindingKind, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["NoOtherwise"]


class NoOtherwise(FindingKind):
    """A case that nobody thought of passes as complete."""

    code = "no-otherwise"
    severity = "warning"
    title = "A branch that may do nothing"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look at each branch."""
        for branch in everyone(workflow):
            if isinstance(branch, Branch) and branch.otherwise is None:
                reason = f"{branch.name!r} ends as complete, with nothing done, when no case holds"
                fix = "set `otherwise`: a person, where the cases are meant to cover everything"
                yield self.at(places.of(branch), reason, fix)
