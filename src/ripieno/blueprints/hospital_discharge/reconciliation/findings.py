"""What reconciliation finds: one shape for all kinds of finding."""

from __future__ import annotations

from typing import Literal

from ripieno.blueprints.hospital_discharge.summary_model import Document
from ripieno.model.outcome import Evidence

__all__ = ["CEILING", "Finding", "Kind", "Severity"]

Kind = Literal[
    "interaction",
    "contraindication",
    "duplicate",
    "allergy",
    "formulary",
    "unknown medication",
    "record",
]

Severity = Literal["contraindicated", "major", "moderate", "minor"]

CEILING: dict[Severity, float] = {
    "contraindicated": 0.3,
    "major": 0.6,
    "moderate": 0.8,
    "minor": 0.95,
}
"""The highest overall confidence that a finding of this severity leaves.

All but `minor` lie under the threshold of 0.85, so that a clinician sees them.
"""


class Finding(Document):
    """One thing that a clinician may have to act on."""

    kind: Kind
    severity: Severity
    title: str
    """A few words, such as `warfarin with naproxen`."""
    advice: str
    """What happens and what is usually done about it."""
    source: str
    """The citation, or the rule of the workflow that found it."""
    medications: list[str]
    """FHIR references of the medications concerned."""
    confidence: float
    """That the finding is true of this record, in [0, 1]."""
    method: str
    evidence: list[Evidence]
