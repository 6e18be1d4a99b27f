"""A person who is waited for without end."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.participants.human import Human
from ripieno.workflows.findings.base import Finding, FindingKind, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["EndlessWait"]


class EndlessWait(FindingKind):
    """Waiting costs nothing; being forgotten does."""

    code = "endless-wait"
    severity = "warning"
    title = "A question without a time to answer in"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look at whom each asks first; those after are the last resort."""
        if workflow.deadline is not None:
            return
        for person in everyone(workflow):
            if isinstance(person, Human) and person.asked[0].due is None:
                reason = f"{person.name!r} is waited for without end: nobody is told when nobody answers"
                fix = "set `due`, and `then` for whoever is asked next; or a deadline for the workflow"
                yield self.at(places.of(person), reason, fix)
