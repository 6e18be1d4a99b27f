"""The second participant: reconcile the active medications, and say how sure the result is."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ripieno.blueprints.hospital_discharge.fhir import open_record
from ripieno.blueprints.hospital_discharge.reconciliation.allergies import (
    active_allergies,
    allergy_findings,
)
from ripieno.blueprints.hospital_discharge.reconciliation.contraindications import contraindications
from ripieno.blueprints.hospital_discharge.reconciliation.duplicates import duplicates
from ripieno.blueprints.hospital_discharge.reconciliation.findings import CEILING, Finding
from ripieno.blueprints.hospital_discharge.reconciliation.interactions import interactions
from ripieno.blueprints.hospital_discharge.reconciliation.kidney import kidney_function
from ripieno.blueprints.hospital_discharge.reconciliation.medications import (
    ActiveMedication,
    Drug,
    active_medications,
)
from ripieno.blueprints.hospital_discharge.reconciliation.record_checks import (
    after_death,
    contradictory_kidney,
    formulary,
    unknown_medications,
)
from ripieno.blueprints.hospital_discharge.summary_model import Document, Summary
from ripieno.model.outcome import Confidence, Evidence, Outcome

__all__ = ["Reconciliation", "confidence_of", "reconcile"]

_BEST = 0.95
"""An illustrative table never earns more."""
_EACH_FURTHER = 0.02
"""What every finding after the gravest takes off, down to half of the gravest one's ceiling."""
_NOTHING_ACTIVE = 0.9
_METHOD = "rule coverage, lowered by severity of findings"


class Reconciliation(Document):
    """What the patient goes home with, and what a clinician must know about it."""

    medications: list[ActiveMedication]
    normalised: int
    """How many of them are known to the last ingredient."""
    allergies: list[str]
    findings: list[Finding]
    """The gravest first."""
    notes: list[str] = Field(default_factory=list[str])


def reconcile(input: dict[str, Any], summarise: Summary) -> Outcome:  # noqa: A002 - bound by this name
    """Compare the active medications with each other, the allergies, conditions and kidneys.

    The output is a `Reconciliation`. The confidence is the share of active medications that are
    known to the last ingredient, at most 0.95, and at most what the gravest finding leaves
    (`CEILING`): anything a clinician must see puts it under 0.85. `reason` then names it.
    Raises InputError when a field that is read is not as FHIR R4 defines it.
    """
    record = open_record(input)
    stay = summarise.stay.reference if summarise.stay else None
    drugs = active_medications(record, as_of=summarise.as_of, stay=stay)
    allergens = active_allergies(record)
    kidney = kidney_function(summarise)
    findings = [
        *after_death(drugs, summarise.patient),
        *allergy_findings(allergens, drugs),
        *contraindications(drugs, summarise, kidney),
        *interactions(drugs, summarise.observations),
        *duplicates(drugs),
        *unknown_medications(drugs),
        *formulary(drugs),
        *contradictory_kidney(drugs, kidney),
    ]
    findings.sort(key=lambda finding: CEILING[finding.severity])
    reconciliation = Reconciliation(
        medications=[drug.document() for drug in drugs],
        normalised=sum(drug.normalised.known for drug in drugs),
        allergies=[allergen.text for allergen in allergens],
        findings=findings,
        notes=_notes(drugs, allergies=bool(allergens), kidney_known=kidney is not None),
    )
    return Outcome(
        "complete",
        reconciliation,
        confidence=Confidence(confidence_of(reconciliation), _METHOD),
        evidence=_evidence(findings),
        reason=_reason(findings),
    )


def confidence_of(reconciliation: Reconciliation) -> float:
    """Give how sure the rules are: by what is known of the medications, and by the gravest finding."""
    total = len(reconciliation.medications)
    coverage = reconciliation.normalised / total if total else _NOTHING_ACTIVE
    value = min(coverage, _BEST)
    serious = [finding for finding in reconciliation.findings if finding.severity != "minor"]
    if serious:
        gravest = CEILING[serious[0].severity]
        value = min(value, max(gravest - _EACH_FURTHER * (len(serious) - 1), gravest / 2))
    return round(value, 2)


def _evidence(findings: list[Finding]) -> list[Evidence]:
    """Give each piece of evidence once, that of the gravest findings first."""
    return list(dict.fromkeys(item for finding in findings for item in finding.evidence))


def _reason(findings: list[Finding]) -> str | None:
    serious = [finding for finding in findings if finding.severity != "minor"]
    if not serious:
        return None
    return "; ".join(f"{finding.title} ({finding.severity})" for finding in serious)


def _notes(drugs: list[Drug], *, allergies: bool, kidney_known: bool) -> list[str]:
    notes: list[str] = []
    if not drugs:
        notes.append("The record lists no active medication.")
    if not allergies:
        notes.append("The record lists no active allergy.")
    if drugs and not kidney_known:
        notes.append("The record holds no kidney function: rules that need it could not be applied.")
    return notes
