"""Participants that a file declares and never uses."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.workflows.findings.base import Finding, FindingKind
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["UnusedParticipant"]


class UnusedParticipant(FindingKind):
    """It has no part in the digest, and misleads whoever reads the file."""

    code = "unused-participant"
    severity = "warning"
    title = "A participant that takes no part"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Compare what is declared with what takes part."""
        used = {participant.name for participant in workflow.top.everyone()}
        for name, place in places.declared.items():
            if name not in used:
                reason = f"{name!r} is declared, and takes no part in the flow"
                yield self.at(place, reason, "use it in the flow, or leave it out")
