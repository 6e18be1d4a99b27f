"""A person asked by a role that nobody can hold."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.participants.human import Human
from ripieno.workflows.findings.base import Finding, FindingKind, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["RoleMissing"]


class RoleMissing(FindingKind):
    """A role is a name; an empty one is held by nobody, so that the question is never answered."""

    code = "role-missing"
    severity = "error"
    title = "A question that nobody may answer"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look at each role that is asked."""
        for person in everyone(workflow):
            if isinstance(person, Human) and any(not asked.name.strip() for asked in person.asked):
                reason = f"{person.name!r} asks a role without a name: nobody may answer"
                yield self.at(places.of(person), reason, "name the role, such as role='clinician'")
