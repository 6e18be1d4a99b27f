"""Which follow-up visits are proposed, and that they fall into working hours."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from record_builder import bundle, condition, stay, summary_of

from ripieno.blueprints.hospital_discharge import plan_visits
from ripieno.blueprints.hospital_discharge.coordination import FOLLOW_UPS, VisitRequest, plan_visits_in
from ripieno.blueprints.hospital_discharge.working_hours import CLINIC_HOURS, WorkingHours

TODAY = date(2026, 11, 13)
"""On which `stay()` has ended."""


def visits(*resources: dict[str, Any], today: date = TODAY, **patient: Any) -> list[VisitRequest]:
    record = bundle(*resources, **patient)
    return plan_visits(record, summary_of(record), today)


def test_everyone_sees_primary_care_within_two_weeks() -> None:
    (visit,) = visits(stay())
    assert visit.clinic == "primary care"
    assert date(2026, 11, 13) < visit.at.date() <= visit.latest <= date(2026, 11, 27)


def test_heart_failure_is_seen_by_cardiology_within_a_week_and_first() -> None:
    found = visits(stay(), condition("Heart failure", code="84114007"))
    assert [visit.clinic for visit in found] == ["cardiology", "primary care"]
    assert found[0].latest <= date(2026, 11, 20)
    assert found[0].source.startswith("2022 AHA/ACC/HFSA")
    assert found[0].conditions == ["Condition/condition-1"]


def test_two_conditions_of_one_clinic_share_the_more_urgent_visit() -> None:
    found = visits(stay(), condition("Atrial fibrillation"), condition("Heart failure"))
    cardiology = [visit for visit in found if visit.clinic == "cardiology"]
    assert len(cardiology) == 1
    assert len(cardiology[0].conditions) == 2
    assert cardiology[0].latest <= date(2026, 11, 20)


def test_what_the_stay_was_not_about_asks_for_no_visit_of_its_own() -> None:
    old = condition("Appendicitis", code="74400008", onsetDateTime="2001-05-05")
    fresh = condition("Appendicitis", code="74400008", onsetDateTime="2026-11-10")
    assert [visit.clinic for visit in visits(stay(), old)] == ["primary care"]
    assert {visit.clinic for visit in visits(stay(), fresh)} == {"primary care", "surgery"}
    by_reason = stay(reasonCode=[{"text": "Appendicitis"}])
    assert {visit.clinic for visit in visits(by_reason, old)} == {"primary care", "surgery"}


def test_nobody_is_booked_for_a_person_who_has_died_or_is_still_in_hospital() -> None:
    assert visits(stay(), condition("Stroke"), deceasedDateTime="2026-11-14") == []
    assert visits(stay(end=None), condition("Stroke")) == []


def test_a_stay_that_ended_long_ago_would_be_followed_up_from_today() -> None:
    (visit,) = visits(stay("2001-01-01", "2001-01-05"), today=date(2026, 11, 2))
    assert date(2026, 11, 2) < visit.at.date() <= visit.latest <= date(2026, 11, 16)


def test_a_term_that_is_over_is_made_up_for_on_the_next_working_day() -> None:
    failing = condition("Heart failure", code="84114007")
    found = visits(stay(), failing, today=date(2026, 11, 27))  # a Friday, two weeks later
    assert {visit.clinic: visit.at.date() for visit in found} == {
        "cardiology": date(2026, 11, 30),
        "primary care": date(2026, 11, 30),
    }


def test_what_the_stay_was_about_is_not_followed_up_after_its_term() -> None:
    lungs = stay(reasonCode=[{"text": "Migraine"}])
    migraine = condition("Migraine", onsetDateTime="2001-05-05")
    assert {visit.clinic for visit in visits(lungs, migraine)} == {"neurology", "primary care"}
    late = visits(lungs, migraine, today=date(2026, 11, 28))
    assert {visit.clinic for visit in late} == {"primary care"}


def test_visits_of_one_day_lie_an_hour_apart() -> None:
    found = visits(stay(), condition("Atrial fibrillation"), condition("Stroke"))
    assert len({visit.at for visit in found}) == len(found) == 3


_WORDS = {
    "acute coronary syndrome": "Myocardial infarction",
    "dental": "Impacted molars",
    "alcohol or drug use": "Drug overdose",
    "cancer": "Malignant tumour of colon",
}


@given(
    discharged=st.dates(date(2020, 1, 1), date(2030, 12, 31)),
    holidays=st.sets(st.integers(1, 30), max_size=8),
    later=st.integers(0, 20_000),
)
def test_every_proposal_is_on_a_working_day_after_discharge_and_today_and_in_its_term(
    discharged: date, holidays: set[int], later: int
) -> None:
    closed = frozenset(discharged + timedelta(days=days) for days in holidays if days > 7)
    hours = WorkingHours(other_holidays=closed)
    admitted = (discharged - timedelta(days=2)).isoformat()
    record = bundle(
        stay(admitted, discharged.isoformat()),
        *(
            condition(_WORDS.get(rule.condition, rule.condition), onsetDateTime=admitted)
            for rule in FOLLOW_UPS
        ),
    )
    today = discharged + timedelta(days=later)
    found = plan_visits_in(hours, record, summary_of(record), today)
    if not later:
        assert {visit.clinic for visit in found} == {rule.clinic for rule in FOLLOW_UPS}
    for visit in found:
        assert hours.is_open(visit.at.date())
        assert discharged <= today < visit.at.date() <= visit.latest
        assert hours.opens <= visit.at.time() < hours.closes


def test_weekends_and_holidays_are_skipped() -> None:
    christmas = CLINIC_HOURS.slots(datetime(2026, 12, 24, 16, 30))  # noqa: DTZ001 - local time of the clinic
    assert [next(christmas).isoformat() for _ in range(2)] == ["2026-12-24T16:30:00", "2026-12-28T09:00:00"]
    assert CLINIC_HOURS.on_or_before(date(2026, 12, 27)) == date(2026, 12, 24)
