"""A person who may answer later than the workflow lives."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.model.durations import in_seconds, seconds
from ripieno.participants.human import Human
from ripieno.workflows.findings.base import Finding, FindingKind, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["DueAfterDeadline"]


class DueAfterDeadline(FindingKind):
    """Whoever would be asked next never is."""

    code = "due-after-deadline"
    severity = "warning"
    title = "A time to answer in that the deadline cuts short"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Compare the first one's time with the workflow's."""
        limit = workflow.deadline
        for person in everyone(workflow) if limit is not None else ():
            if isinstance(person, Human) and person.asked[0].due is not None:
                due = seconds(person.asked[0].due)
                if due >= (limit or 0):
                    reason = (
                        f"{person.name!r} may answer within {in_seconds(due)} s, and a run ends after"
                        f" {in_seconds(limit or 0)} s: nobody else is ever asked"
                    )
                    yield self.at(places.of(person), reason, "set a shorter `due`, or a later deadline")
