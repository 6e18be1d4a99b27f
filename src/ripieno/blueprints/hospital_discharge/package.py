"""The end of the workflow: everything merged into one discharge package, and its short text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from ripieno.blueprints.hospital_discharge.reconciliation import Reconciliation
from ripieno.blueprints.hospital_discharge.summary_model import Document, Measurement, Summary
from ripieno.blueprints.hospital_discharge.systems import Appointment, Authorisation

__all__ = ["DischargePackage", "discharge_package", "discharge_text"]


class DischargePackage(Document):
    """What leaves the hospital with the patient."""

    summary: Summary
    reconciliation: Reconciliation
    decision: dict[str, Any] | None = None
    """What the clinician answered, where one was asked."""
    visits: list[Appointment] = Field(default_factory=list[Appointment])
    preauthorisation: Authorisation | None = None
    course: str | None = None
    """The course of the stay in words, where an agent has drafted it or a person has written it."""
    drafted_by: str | None = None
    """Who has drafted it."""
    notes: list[str] = Field(default_factory=list[str])
    """What a reader must know about the arrangements, such as why nothing was asked of a payer."""


def discharge_package(
    summarise: Summary,
    reconcile: Reconciliation,
    clinician: dict[str, Any] | None = None,
    coordinate: Sequence[Appointment] = (),
    bill: Authorisation | None = None,
    *,
    notes: Sequence[str] = (),
) -> DischargePackage:
    """Merge what the participants of the same names gave; those that did not run are left out."""
    return DischargePackage(
        summary=summarise,
        reconciliation=reconcile,
        decision=clinician,
        visits=list(coordinate),
        preauthorisation=bill,
        notes=list(notes),
    )


def discharge_text(package: DischargePackage) -> str:
    """Render the package as a page of plain text for a person."""
    sections = [
        _heading(package.summary),
        _listed(f"Course, drafted by {package.drafted_by}", [package.course] if package.course else []),
        _listed("Conditions", [item.text for item in package.summary.conditions]),
        _listed("Procedures", [f"{item.text} ({item.day})" for item in package.summary.procedures]),
        _listed("Out of range", [_reading(item) for item in package.summary.observations if _is_out(item)]),
        _listed("Medications", [item.text for item in package.reconciliation.medications]),
        _listed(
            "Findings",
            [f"{item.severity}: {item.title}. {item.advice}" for item in package.reconciliation.findings],
        ),
        _listed("Allergies", package.reconciliation.allergies),
        _decision(package),
        _listed("Visits", [_visit(visit) for visit in package.visits]),
        _authorisation(package),
        _listed("Notes", [*package.summary.notes, *package.reconciliation.notes, *package.notes]),
    ]
    return "\n".join(section for section in sections if section) + "\n"


def _heading(summary: Summary) -> str:
    person, stay = summary.patient, summary.stay
    about = ", ".join(str(part) for part in (person.age, person.sex) if part is not None)
    heading = f"Discharge package: {person.name}{f' ({about})' if about else ''}"
    if stay is None:
        return heading
    return f"{heading}\n{stay.kind}: {stay.admitted} to {stay.discharged or '(not ended)'}"


def _listed(title: str, items: Sequence[str]) -> str:
    return "\n".join([f"{title}:", *(f"  - {item}" for item in items)]) if items else ""


def _is_out(item: Measurement) -> bool:
    return item.interpretation in {"low", "high"}


def _reading(item: Measurement) -> str:
    reading = f"{item.name} {item.value:g} {item.unit} on {item.day}"
    return f"{reading}: {item.interpretation}, expected {item.expected}"


def _decision(package: DischargePackage) -> str:
    if package.decision is None:
        return ""
    return _listed("Clinician", [f"{name}: {value}" for name, value in package.decision.items()])


def _visit(visit: Appointment) -> str:
    return f"{visit.visit} {visit.clinic}, {visit.at:%a %d %b %Y %H:%M}, {visit.status}"


def _authorisation(package: DischargePackage) -> str:
    asked = package.preauthorisation
    if asked is None:
        return ""
    sum_asked = f"{asked.amount} {asked.currency}"
    return f"Pre-authorisation: {asked.preauthorisation} {asked.payer} {sum_asked}, {asked.status}"
