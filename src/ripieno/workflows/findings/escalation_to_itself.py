"""An escalation that leads back to whom it comes from."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.participants.step import Step
from ripieno.workflows.findings.base import Finding, FindingKind, bare, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["EscalationToItself"]


class EscalationToItself(FindingKind):
    """Nobody else ever sees the case."""

    code = "escalation-to-itself"
    severity = "error"
    title = "An escalation that reaches nobody else"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look at each escalation."""
        for step in everyone(workflow):
            if isinstance(step, Step) and step.settings.escalate_to is not None:
                target = bare(step.settings.escalate_to)
                if target is step.participant:
                    reason = f"{step.name!r} escalates to itself: nobody else ever sees the case"
                    yield self.at(places.of(step), reason, "escalate to somebody else, such as a person")
