"""Which inpatient stay a discharge is about, and the day to which the record speaks."""

from __future__ import annotations

from datetime import date

from ripieno.blueprints.hospital_discharge.fhir import (
    Encounter,
    MedicationOrder,
    Moment,
    Observation,
    Record,
)
from ripieno.blueprints.hospital_discharge.fhir.record import refuse
from ripieno.blueprints.hospital_discharge.summary_model import Stay

__all__ = ["last_day", "latest_stay", "stay_document"]

_INPATIENT = {"IMP", "ACUTE", "NONAC"}
"""HL7 v3 ActCode: inpatient encounter, inpatient acute, inpatient non-acute."""

_NEVER_TOOK_PLACE = {"planned", "cancelled", "entered-in-error"}


def latest_stay(record: Record) -> Encounter | None:
    """Give the inpatient stay that started last, ended or not; None when there is none."""
    stays = _stays(record)
    return max(stays, key=_start) if stays else None


def stay_document(record: Record, stay: Encounter) -> Stay:
    """Describe a stay. A `finished` stay without an end counts as going on: nobody can date its discharge."""
    started, ended = _start(stay), stay.period.end if stay.period else None
    if ended is not None and ended < started:
        what = f"the stay ends ({ended.text}) before it starts ({started.text})"
        raise refuse(what=what, at=f"{stay.reference}.period", remedy="Correct the dates of the stay.")
    over = stay.status == "finished" and ended is not None
    hospitalization = stay.hospitalization
    disposition = hospitalization.discharge_disposition if hospitalization else None
    return Stay(
        reference=stay.reference,
        kind=next((kind.label for kind in stay.type or [] if kind.label), "Inpatient stay"),
        admitted=started.day,
        discharged=ended.day if over and ended else None,
        nights=(ended.day - started.day).days if over and ended else None,
        reasons=[reason.label for reason in stay.reason_code or [] if reason.label],
        disposition=(disposition.label or None) if disposition else None,
        stays_in_record=len(_stays(record)),
    )


def last_day(record: Record, stay: Encounter | None) -> date:
    """Give the day of death where it is known, else the last day of which the record speaks."""
    died = record.patient.deceased_date_time
    if died is not None:
        return died.day
    moments: list[Moment | None] = [_start(stay)] if stay else []
    for encounter in record.all(Encounter):
        if encounter.period and encounter.status not in _NEVER_TOOK_PLACE:
            moments += [encounter.period.start, encounter.period.end]
    moments += [observation.effective_date_time for observation in record.all(Observation)]
    moments += [order.authored_on for order in record.all(MedicationOrder)]
    known = [moment for moment in moments if moment is not None]
    if not known:
        what = "nothing in the record carries a date, so that no day can be told to which it speaks"
        raise refuse(what=what, at="entry", remedy="Encounters need a period, orders an authoredOn.")
    return max(known).day


def _stays(record: Record) -> list[Encounter]:
    return [
        encounter
        for encounter in record.all(Encounter)
        if encounter.class_ is not None
        and encounter.class_.code in _INPATIENT
        and encounter.status not in _NEVER_TOOK_PLACE
    ]


def _start(stay: Encounter) -> Moment:
    started = stay.period.start if stay.period else None
    if started is None:
        raise refuse(
            what="an inpatient stay must say when it started",
            at=f"{stay.reference}.period.start",
            remedy="Add the start of the stay, or mark it 'entered-in-error'.",
        )
    return started
