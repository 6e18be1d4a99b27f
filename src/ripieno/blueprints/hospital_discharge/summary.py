"""The first participant: the clinical summary of the latest inpatient stay."""

from __future__ import annotations

from datetime import date
from typing import Any

from ripieno.blueprints.hospital_discharge.fhir import (
    Concept,
    Condition,
    Encounter,
    Moment,
    Patient,
    Procedure,
    Record,
    open_record,
)
from ripieno.blueprints.hospital_discharge.observations import latest_measurements
from ripieno.blueprints.hospital_discharge.stay import last_day, latest_stay, stay_document
from ripieno.blueprints.hospital_discharge.summary_model import (
    Diagnosis,
    Intervention,
    Person,
    Stay,
    Summary,
)
from ripieno.model.outcome import Confidence, Evidence, Outcome

__all__ = ["summarise"]

_SNOMED = "http://snomed.info/sct"
_STALE_DAYS = 30
_ACTIVE = ("active", "recurrence", "relapse")
_NOT_TRUE = ("refuted", "entered-in-error")
_REMOVED_BY = {
    ("74400008", "47693006"): ("428251008", "the appendix has been removed"),
}
"""Conditions that Synthea leaves active, and the finding that shows they are over (SNOMED CT)."""


def summarise(input: dict[str, Any]) -> Outcome:  # noqa: A002 - bound by this name
    """Summarise the latest inpatient stay of a FHIR R4 bundle about one patient.

    The output is a `Summary`. `escalated` when there is no inpatient stay, or when the stay has not
    ended: then nobody can be discharged, and the summary says what is known. A person who has
    died is summarised as any other; the summary says so, and no later participant acts for them.
    Raises InputError when `input` is no such bundle.
    """
    record = open_record(input)
    stay = latest_stay(record)
    as_of = last_day(record, stay)
    person = _person(record.patient, as_of)
    described = stay_document(record, stay) if stay else None
    conditions = _conditions(record)
    summary = Summary(
        patient=person,
        as_of=as_of,
        stay=described,
        conditions=conditions,
        procedures=_procedures(record, stay, described) if stay and described else [],
        observations=latest_measurements(record, person),
        notes=_notes(person, described, conditions, as_of),
    )
    return _outcome(summary)


def _outcome(summary: Summary) -> Outcome:
    stay = summary.stay
    if stay is None:
        reason = "The record holds no inpatient stay, so there is nobody to discharge."
        return Outcome("escalated", summary, evidence=_evidence(summary), reason=reason)
    if stay.discharged is None:
        where = f"{stay.reference}, since {stay.admitted}"
        reason = f"The stay has not ended ({where}): not ready for discharge."
        return Outcome("escalated", summary, evidence=_evidence(summary), reason=reason)
    return Outcome("complete", summary, confidence=_confidence(summary), evidence=_evidence(summary))


def _person(patient: Patient, as_of: date) -> Person:
    name = next(iter(patient.name or []), None)
    given = [part for part in (name.given or []) if part] if name else []
    spoken = (name.text or " ".join([*given, name.family or ""]).strip()) if name else ""
    died = patient.deceased_date_time
    born = patient.birth_date.day if patient.birth_date else None
    return Person(
        reference=patient.reference,
        name=spoken or "(no name)",
        sex=patient.gender,
        born=born,
        age=_years(born, as_of) if born and born <= as_of else None,
        died=died is not None or patient.deceased_boolean is True,
        died_on=died.day if died else None,
    )


def _years(born: date, day: date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _conditions(record: Record) -> list[Diagnosis]:
    """Give the active conditions, each once, the earliest record of it."""
    found: dict[str, Diagnosis] = {}
    for condition in record.all(Condition):
        code = condition.code
        if code is None or not code.label or not _is_active(condition):
            continue
        since = condition.onset_date_time or condition.recorded_date
        diagnosis = Diagnosis(
            text=code.label,
            code=code.code_in(_SNOMED),
            since=since.day if since else None,
            reference=condition.reference,
        )
        known = found.setdefault(_identity(code), diagnosis)
        if since and known.since and since.day < known.since:
            found[_identity(code)] = diagnosis
    return list(found.values())


def _is_active(condition: Condition) -> bool:
    clinical, verified = condition.clinical_status, condition.verification_status
    if verified is not None and verified.has_code(*_NOT_TRUE):
        return False
    if condition.abatement_date_time is not None:
        return False
    return clinical is None or not clinical.codings or clinical.has_code(*_ACTIVE)


def _identity(concept: Concept) -> str:
    return concept.code_in(_SNOMED) or concept.label.casefold()


def _procedures(record: Record, stay: Encounter, described: Stay) -> list[Intervention]:
    found: list[Intervention] = []
    for procedure in record.all(Procedure):
        if procedure.status not in {"completed", "in-progress"} or procedure.code is None:
            continue
        period = procedure.performed_period
        at = procedure.performed_date_time or (period.start if period else None)
        where = record.reference_to(procedure.encounter)
        belongs = where == stay.reference if where else _within(at, described)
        if belongs and procedure.code.label:
            found.append(
                Intervention(
                    text=procedure.code.label,
                    code=procedure.code.code_in(_SNOMED),
                    day=at.day if at else None,
                    reference=procedure.reference,
                )
            )
    return found


def _within(at: Moment | None, stay: Stay) -> bool:
    return (
        at is not None and stay.admitted <= at.day and (stay.discharged is None or at.day <= stay.discharged)
    )


def _notes(person: Person, stay: Stay | None, conditions: list[Diagnosis], as_of: date) -> list[str]:
    notes: list[str] = []
    if person.died:
        notes.append(f"The person died{f' on {person.died_on}' if person.died_on else ''}.")
    if person.born is None:
        notes.append("The record states no date of birth: ages and adult ranges cannot be applied.")
    if stay and stay.stays_in_record > 1:
        notes.append(f"The latest of {stay.stays_in_record} inpatient stays is summarised.")
    if stay and stay.discharged and (as_of - stay.discharged).days > _STALE_DAYS:
        gap = (as_of - stay.discharged).days
        notes.append(
            f"The stay ended on {stay.discharged}; the record goes on for {gap} days, to {as_of}. "
            "Conditions and medications are those of that day, not of the stay."
        )
    codes = {condition.code for condition in conditions}
    for over, (sign, words) in _REMOVED_BY.items():
        named = [condition for condition in conditions if condition.code in over]
        if sign in codes and named:
            listed = " and ".join(f"{item.text} ({item.reference})" for item in named)
            notes.append(f"Listed as active although {words}: {listed}.")
    return notes


def _confidence(summary: Summary) -> Confidence:
    """Take off for what the record leaves open; the stay itself is read, not guessed."""
    value = 0.98
    if summary.patient.born is None:
        value -= 0.15
    if not summary.observations:
        value -= 0.05
    if not summary.conditions:
        value -= 0.05
    return Confidence(round(value, 2), "record completeness")


def _evidence(summary: Summary) -> list[Evidence]:
    evidence: list[Evidence] = []
    if summary.stay:
        until = f"to {summary.stay.discharged}" if summary.stay.discharged else "and goes on"
        claim = f"{summary.stay.kind}: from {summary.stay.admitted} {until}"
        evidence.append(Evidence(claim, summary.stay.reference))
    if summary.patient.died:
        evidence.append(Evidence(summary.notes[0], summary.patient.reference))
    abnormal = [item for item in summary.observations if item.interpretation in {"low", "high"}]
    for item in abnormal:
        claim = f"{item.name} is {item.interpretation}: {item.value:g} {item.unit} on {item.day}"
        evidence.append(Evidence(claim, item.reference, item.expected))
    return evidence
