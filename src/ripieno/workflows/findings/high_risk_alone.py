"""High risk, and no person anywhere."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.participants.human import Human
from ripieno.workflows.findings.base import Finding, FindingKind, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["HighRiskAlone"]


class HighRiskAlone(FindingKind):
    """Whoever calls a workflow risky means that somebody has to look."""

    code = "high-risk-alone"
    severity = "warning"
    title = "High risk without a person"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look for a person among all participants."""
        if workflow.risk == "high" and not any(isinstance(one, Human) for one in everyone(workflow)):
            reason = f"{workflow.name!r} is of high risk, and no person takes part in it"
            fix = (
                "let a person decide where it matters: .escalate(below=..., to=human(...)), or a human stage"
            )
            yield self.at(places.field("risk"), reason, fix)
