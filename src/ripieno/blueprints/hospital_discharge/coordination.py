"""The follow-up visits a discharge needs: proposals only; booking goes through the tools."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from pydantic import Field

from ripieno.blueprints.hospital_discharge.condition_classes import ConditionClass, classes_of
from ripieno.blueprints.hospital_discharge.fhir import open_record
from ripieno.blueprints.hospital_discharge.summary_model import Diagnosis, Document, Stay, Summary
from ripieno.blueprints.hospital_discharge.working_hours import CLINIC_HOURS, WorkingHours

__all__ = ["FOLLOW_UPS", "LONGEST_TERM", "FollowUp", "VisitRequest", "plan_visits", "plan_visits_in"]


class VisitRequest(Document):
    """One visit to be booked."""

    patient: str
    """FHIR reference of the patient."""
    clinic: str
    reason: str
    at: datetime
    """The start to ask for, in the clinic's local time; the system gives the next free slot from it."""
    latest: date
    """The last working day that still keeps the term; the next one where the term is over."""
    source: str
    conditions: list[str] = Field(default_factory=list[str])
    """FHIR references of the conditions that ask for it."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A condition class, the clinic that follows it, and the term in days after discharge."""

    condition: ConditionClass
    clinic: str
    within_days: int
    source: str
    only_if_reason: bool = False
    """Asks for a visit only where the stay was about it, by reason or by a diagnosis made in it."""


_TCM = "CMS Transitional Care Management, CPT 99495 (face-to-face visit within 14 days)"
_TCM_HIGH = "CMS Transitional Care Management, CPT 99496 (within 7 days, high complexity)"
_OWN = f"rule of this workflow, within the term of {_TCM}"

FOLLOW_UPS: tuple[FollowUp, ...] = (
    FollowUp(
        "heart failure",
        "cardiology",
        7,
        "2022 AHA/ACC/HFSA Heart Failure Guideline: early follow-up, within 7 days of discharge",
    ),
    FollowUp("acute coronary syndrome", "cardiology", 14, _OWN, only_if_reason=True),
    FollowUp("atrial fibrillation", "cardiology", 14, _OWN),
    FollowUp("coronary heart disease", "cardiology", 14, _OWN),
    FollowUp("stroke", "neurology", 14, _OWN),
    FollowUp("epilepsy", "neurology", 14, _OWN, only_if_reason=True),
    FollowUp("migraine", "neurology", 14, _OWN, only_if_reason=True),
    FollowUp("COPD", "pulmonology", 28, "GOLD report: early follow-up within 1 to 4 weeks of discharge"),
    FollowUp("pneumonia", "primary care", 7, _TCM_HIGH, only_if_reason=True),
    FollowUp(
        "diabetes", "endocrinology", 30, "ADA Standards of Care, section 16: within 1 month of discharge"
    ),
    FollowUp("chronic kidney disease", "nephrology", 30, _OWN),
    FollowUp("cancer", "oncology", 7, _TCM_HIGH),
    FollowUp("appendicitis", "surgery", 14, _OWN, only_if_reason=True),
    FollowUp("dental", "oral surgery", 14, _OWN, only_if_reason=True),
    FollowUp(
        "alcohol or drug use",
        "addiction medicine",
        7,
        "HEDIS FUA: follow-up within 7 days of an emergency visit for substance use",
    ),
)

LONGEST_TERM = timedelta(days=max(rule.within_days for rule in FOLLOW_UPS))
"""Within it after a discharge every follow-up is due; a stay that ended before is history."""

_GENERAL = FollowUp("hypertension", "primary care", 14, _TCM)
"""Everyone sees primary care; the condition named here is not asked for."""


def plan_visits(
    input: dict[str, Any],  # noqa: A002 - bound by this name
    summarise: Summary,
    today: date,
) -> list[VisitRequest]:
    """Propose the follow-up visits, the most urgent first, in the working hours of `CLINIC_HOURS`.

    All of them lie after `today`. Terms count from the discharge, and from `today` where the stay ended
    so long ago that all of them are over: whether such a stay is followed up at all, a person decides.
    Empty for a person who has died, and where there is no stay that has ended.
    """
    return plan_visits_in(CLINIC_HOURS, input, summarise, today)


def plan_visits_in(
    hours: WorkingHours, bundle: dict[str, Any], summary: Summary, today: date
) -> list[VisitRequest]:
    """Propose as `plan_visits` does, for other working hours."""
    patient, stay = open_record(bundle).patient, summary.stay
    if summary.patient.died or stay is None or stay.discharged is None:
        return []
    start = stay.discharged if today - stay.discharged <= LONGEST_TERM else today
    needs: dict[str, tuple[FollowUp, list[Diagnosis]]] = {_GENERAL.clinic: (_GENERAL, [])}
    for rule in sorted(FOLLOW_UPS, key=lambda rule: rule.within_days):
        if rule.only_if_reason and (today - stay.discharged).days > rule.within_days:
            continue  # the term after that stay is over
        asking = [item for item in summary.conditions if _asks(rule, item, stay)]
        if not asking:
            continue
        known = needs.get(rule.clinic)
        if known is None or rule.within_days < known[0].within_days:
            needs[rule.clinic] = (rule, [*asking, *(known[1] if known else [])])
        else:
            known[1].extend(item for item in asking if item not in known[1])
    visits = [
        _visit(hours, patient.reference, rule, asking, start=start, today=today)
        for rule, asking in needs.values()
    ]
    return _apart(sorted(visits, key=lambda visit: (visit.latest, visit.clinic)))


def _apart(visits: list[VisitRequest]) -> list[VisitRequest]:
    """Put an hour between the visits of one day: nobody is at two clinics at once."""
    on_day: Counter[date] = Counter()
    placed: list[VisitRequest] = []
    for visit in visits:
        at = visit.at + timedelta(hours=on_day[visit.at.date()])
        on_day[visit.at.date()] += 1
        placed.append(visit.model_copy(update={"at": at}))
    return placed


def _asks(rule: FollowUp, diagnosis: Diagnosis, stay: Stay) -> bool:
    if rule.condition not in classes_of(diagnosis):
        return False
    if not rule.only_if_reason:
        return True
    began_in_stay = (
        diagnosis.since is not None
        and stay.discharged is not None
        and stay.admitted <= diagnosis.since <= stay.discharged
    )
    return began_in_stay or any(_same_words(diagnosis.text, reason) for reason in stay.reasons)


def _same_words(one: str, other: str) -> bool:
    return one.casefold() in other.casefold() or other.casefold() in one.casefold()


def _visit(
    hours: WorkingHours, patient: str, rule: FollowUp, asking: list[Diagnosis], *, start: date, today: date
) -> VisitRequest:
    soonest = hours.on_or_after(today + timedelta(days=1))
    latest = max(soonest, hours.on_or_before(start + timedelta(days=rule.within_days)))
    midway = hours.on_or_after(start + timedelta(days=max(1, rule.within_days // 2)))
    day = min(max(midway, soonest), latest)
    names = ", ".join(item.text for item in asking)
    return VisitRequest(
        patient=patient,
        clinic=rule.clinic,
        reason=f"Follow-up after discharge{': ' + names if names else ''}",
        at=datetime.combine(day, hours.opens),
        latest=latest,
        source=rule.source,
        conditions=[item.reference for item in asking],
    )
