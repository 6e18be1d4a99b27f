"""A policy pack that there is not."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.kernel.home import find_data_folder
from ripieno.mediation.pack_names import pack_names
from ripieno.model.errors import nearest
from ripieno.workflows.findings.base import Finding, FindingKind
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["UnknownPolicy"]


class UnknownPolicy(FindingKind):
    """What cannot be decided is denied: nothing in its runs would ever begin."""

    code = "unknown-policy"
    severity = "error"
    title = "A policy pack that there is not"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Compare the pack's name with those that ship and those of the project."""
        if not workflow.policy:
            return
        known = pack_names(find_data_folder())
        if workflow.policy not in known:
            reason = (
                f"no policy pack is called {workflow.policy!r}{nearest(workflow.policy, known)}:"
                " all that its runs propose is denied"
            )
            fix = f"name one of {', '.join(known)}, or write policies/{workflow.policy}/*.cedar"
            yield self.at(places.field("policy"), reason, fix)
