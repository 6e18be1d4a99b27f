"""Small FHIR bundles for the tests, put together resource by resource."""

from __future__ import annotations

from typing import Any

from ripieno.blueprints.hospital_discharge import reconcile, summarise
from ripieno.blueprints.hospital_discharge.reconciliation import Finding, Reconciliation
from ripieno.blueprints.hospital_discharge.reconciliation.products import RXNORM
from ripieno.blueprints.hospital_discharge.summary_model import Summary

Resource = dict[str, Any]

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
PATIENT = {"reference": "Patient/p"}


def bundle(*resources: Resource, **patient: Any) -> dict[str, Any]:
    """Make a bundle about one patient, aged 60 at the time of `stay()`; give `stay()` yourself."""
    person = {"resourceType": "Patient", "id": "p", "gender": "male", "birthDate": "1966-01-01", **patient}
    numbered = [
        {"id": f"{resource['resourceType'].lower()}-{number}", **resource}
        for number, resource in enumerate(resources)
    ]
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": resource} for resource in (person, *numbered)],
    }


def stay(start: str = "2026-11-10", end: str | None = "2026-11-13", **more: Any) -> Resource:
    period = {"start": start} if end is None else {"start": start, "end": end}
    return {
        "resourceType": "Encounter",
        "id": f"stay-{start}",
        "status": "finished" if end else "in-progress",
        "class": {"code": "IMP"},
        "subject": PATIENT,
        "period": period,
        **more,
    }


def order(text: str, *, code: str | None = None, **more: Any) -> Resource:
    coding = [{"system": RXNORM, "code": code}] if code else []
    return {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"coding": coding, "text": text},
        "subject": PATIENT,
        **more,
    }


def statement(text: str, **more: Any) -> Resource:
    return {
        "resourceType": "MedicationStatement",
        "status": "active",
        "medicationCodeableConcept": {"text": text},
        "subject": PATIENT,
        **more,
    }


def condition(text: str, *, code: str | None = None, status: str = "active", **more: Any) -> Resource:
    return {
        "resourceType": "Condition",
        "clinicalStatus": {"coding": [{"code": status}]},
        "code": {"text": text, "coding": [{"system": SNOMED, "code": code}] if code else []},
        "subject": PATIENT,
        **more,
    }


def allergy(text: str, **more: Any) -> Resource:
    return {
        "resourceType": "AllergyIntolerance",
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {"text": text},
        "patient": PATIENT,
        **more,
    }


def observation(loinc: str, value: float, unit: str, *, day: str = "2026-11-12", **more: Any) -> Resource:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": loinc}]},
        "subject": PATIENT,
        "effectiveDateTime": day,
        "valueQuantity": {"value": value, "unit": unit, "code": unit},
        **more,
    }


def summary_of(record: dict[str, Any]) -> Summary:
    output = summarise(record).output
    assert isinstance(output, Summary)
    return output


def reconciliation_of(*resources: Resource, **patient: Any) -> Reconciliation:
    """Reconcile a record of these resources and one stay that has ended."""
    record = bundle(stay(), *resources, **patient)
    output = reconcile(record, summary_of(record)).output
    assert isinstance(output, Reconciliation)
    return output


def findings_of(*resources: Resource, **patient: Any) -> list[Finding]:
    return reconciliation_of(*resources, **patient).findings


def titles_of(*resources: Resource, **patient: Any) -> list[str]:
    return [finding.title for finding in findings_of(*resources, **patient)]
