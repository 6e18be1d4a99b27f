"""What agents are shown of a record besides its notes: no name, no day of birth, no number, no money."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from pydantic import Field

from ripieno.blueprints.hospital_discharge.fhir import (
    Allergy,
    Concept,
    Condition,
    Medication,
    MedicationOrder,
    MedicationStatement,
    Moment,
    Record,
    open_record,
)
from ripieno.blueprints.hospital_discharge.fhir.resources import MedicationUse
from ripieno.blueprints.hospital_discharge.summary_model import (
    Document,
    Intervention,
    Measurement,
    Stay,
    Summary,
)
from ripieno.participants.function import function

__all__ = ["MOST", "Chart", "Entry", "chart"]

MOST: Final = 200
"""So many of a kind are shown, the newest."""


class Entry(Document):
    """A condition, an allergy or a medication as the record has it."""

    reference: str
    text: str
    status: str | None = None
    since: date | None = None
    until: date | None = None


class Chart(Document):
    """The part of a record that a discharge is written from."""

    age: int | None
    sex: str | None
    died: bool
    as_of: date
    stay: Stay | None
    conditions: list[Entry] = Field(default_factory=list[Entry])
    procedures: list[Intervention] = Field(default_factory=list[Intervention])
    observations: list[Measurement] = Field(default_factory=list[Measurement])
    medications: list[Entry] = Field(default_factory=list[Entry])
    allergies: list[Entry] = Field(default_factory=list[Entry])


@function(pure=True)
def chart(input: dict[str, Any], summarise: Summary) -> Chart:  # noqa: A002 - bound by this name
    """Give what agents may see. What is active, and what matters, they have to tell themselves."""
    record = open_record(input)
    person = summarise.patient
    return Chart(
        age=person.age,
        sex=person.sex,
        died=person.died,
        as_of=summarise.as_of,
        stay=summarise.stay,
        conditions=_newest([_condition(one) for one in record.all(Condition)]),
        procedures=summarise.procedures[-MOST:],
        observations=summarise.observations[:MOST],
        medications=_newest(_medications(record)),
        allergies=_newest([_allergy(one) for one in record.all(Allergy)]),
    )


def _newest(found: list[Entry]) -> list[Entry]:
    named = [one for one in found if one.text]
    return sorted(named, key=lambda one: one.since or date.min)[-MOST:]


def _day(moment: Moment | None) -> date | None:
    return moment.day if moment else None


def _label(concept: Concept | None) -> str:
    return concept.label if concept else ""


def _status(*concepts: Concept | None) -> str | None:
    codes = [one.code for concept in concepts if concept for one in concept.codings if one.code]
    return ", ".join(codes) or None


def _condition(one: Condition) -> Entry:
    return Entry(
        reference=one.reference,
        text=_label(one.code),
        status=_status(one.clinical_status, one.verification_status),
        since=_day(one.onset_date_time or one.recorded_date),
        until=_day(one.abatement_date_time),
    )


def _allergy(one: Allergy) -> Entry:
    return Entry(
        reference=one.reference,
        text=_label(one.code),
        status=_status(one.clinical_status, one.verification_status),
    )


def _medications(record: Record) -> list[Entry]:
    ordered = [
        Entry(
            reference=one.reference,
            text=_product(record, one),
            status=one.status,
            since=_day(one.authored_on),
        )
        for one in record.all(MedicationOrder)
    ]
    taken = [
        Entry(
            reference=one.reference,
            text=_product(record, one),
            status=one.status,
            since=_day(
                one.effective_date_time or (one.effective_period.start if one.effective_period else None)
            ),
            until=_day(one.effective_period.end if one.effective_period else None),
        )
        for one in record.all(MedicationStatement)
    ]
    return [*ordered, *taken]


def _product(record: Record, one: MedicationUse) -> str:
    named = record.resolve(Medication, one.medication_reference, within=one)
    shown = one.medication_reference.display if one.medication_reference else None
    return _label(one.medication_codeable_concept) or shown or _label(named.code if named else None)
