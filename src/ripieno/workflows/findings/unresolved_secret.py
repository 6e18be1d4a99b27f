"""A secret that this machine cannot open."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.mediation.secrets.resolver import SECRETS
from ripieno.workflows.findings.base import Finding, FindingKind, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.tools import tools_in
from ripieno.workflows.workflow import Workflow

__all__ = ["UnresolvedSecret"]


class UnresolvedSecret(FindingKind):
    """Opened to see whether it can be, and not kept; nothing of it is said."""

    code = "unresolved-secret"
    severity = "warning"
    title = "A secret that cannot be had here"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Open each secret of each tool once."""
        asked: dict[str, str | None] = {}
        for participant in everyone(workflow):
            for tool in tools_in(participant):
                for reference in tool.secrets.values():
                    name = str(reference)
                    if name not in asked:
                        asked[name] = SECRETS.problem(reference)
                    problem = asked[name]
                    if problem is not None:
                        reason = f"tool {tool.name!r} of {participant.name!r} needs it: {problem}"
                        fix = "needed where runs are served; elsewhere this says nothing about the workflow"
                        yield self.at(places.of(participant), reason, fix)
