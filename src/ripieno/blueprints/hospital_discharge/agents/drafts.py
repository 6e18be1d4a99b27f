"""What the agents give: small, by reference to the record, so that it can be checked against it."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import Field, ValidationError

from ripieno.blueprints.hospital_discharge.reconciliation.findings import Kind, Severity
from ripieno.blueprints.hospital_discharge.summary_model import Document

__all__ = ["DraftFinding", "NotedPayer", "ReconciliationDraft", "SummaryDraft", "drafted"]

D = TypeVar("D", bound=Document)


class NotedPayer(Document):
    """Who is to pay, as a clinical note says."""

    name: str = Field(min_length=1, max_length=200, description="as the note writes it")
    reference: str = Field(max_length=200, description="FHIR reference of the note")


class SummaryDraft(Document):
    """The course of a stay, for whoever looks after the patient next."""

    narrative: str = Field(
        min_length=1, max_length=2000, description="why the patient came, what was done, what comes next"
    )
    conditions: list[str] = Field(
        max_length=200, description="FHIR references of the conditions that are active at discharge"
    )
    payer: NotedPayer | None = Field(
        default=None, description="who is to pay, where a clinical note names somebody; else null"
    )


class DraftFinding(Document):
    """Something about the medications that a clinician may have to act on."""

    kind: Kind
    severity: Severity
    title: str = Field(
        min_length=1, max_length=200, description="a few words, such as `warfarin with naproxen`"
    )
    advice: str = Field(max_length=1000, description="what happens, and what is usually done about it")
    medications: list[str] = Field(
        min_length=1, max_length=20, description="FHIR references of the medications concerned"
    )


class ReconciliationDraft(Document):
    """What stands between the medications, and between them, allergies, conditions and kidneys."""

    findings: list[DraftFinding] = Field(max_length=50)


def drafted(form: type[D], found: Any) -> D | None:
    """Give a draft, where there is one: of an agent that did not come to an end there are words at most."""
    try:
        return form.model_validate(found)
    except ValidationError:
        return None
