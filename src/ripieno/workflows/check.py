"""Looking for known failure modes and over-engineering in a workflow, before it ever runs."""

from __future__ import annotations

from ripieno.workflows.findings.base import Finding
from ripieno.workflows.findings.catalogue import CATALOGUE
from ripieno.workflows.places import Places, places_in_python
from ripieno.workflows.workflow import Workflow

__all__ = ["check"]


def check(workflow: Workflow, places: Places | None = None) -> list[Finding]:
    """Give what is found in a workflow: errors first, then by place.

    `places` come with a workflow that was loaded, see `workflows.load`; without them, findings point
    at functions where Python can tell where these stand.
    """
    known = places or places_in_python(workflow)
    found = [finding for kind in CATALOGUE for finding in kind.find(workflow, known)]
    return sorted(found, key=order)


def order(finding: Finding) -> tuple[bool, str, int, str]:
    """Give what findings are sorted by."""
    return finding.severity != "error", finding.place.file, finding.place.line or 0, finding.code
