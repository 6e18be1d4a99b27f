"""The clinical summary: which stay, what stands in it, and the records that have none."""

from __future__ import annotations

from datetime import date

import pytest
from record_builder import PATIENT, bundle, condition, observation, stay, summary_of

from ripieno.blueprints.hospital_discharge import summarise
from ripieno.blueprints.hospital_discharge.observations import measured
from ripieno.model.errors import InputError


def test_the_latest_inpatient_stay_is_summarised_and_the_others_are_counted() -> None:
    summary = summary_of(bundle(stay("2025-01-02", "2025-01-05"), stay(), stay("2020-03-01", "2020-03-02")))
    assert summary.stay is not None
    assert summary.stay.admitted == date(2026, 11, 10)
    assert summary.stay.nights == 3
    assert summary.stay.stays_in_record == 3
    assert "The latest of 3 inpatient stays is summarised." in summary.notes


def test_a_finished_stay_makes_a_complete_summary_with_its_confidence_explained() -> None:
    outcome = summarise(bundle(stay(), condition("Stroke"), observation("2823-3", 4.0, "mmol/L")))
    assert outcome.status == "complete"
    assert outcome.confidence is not None
    assert outcome.confidence.method == "record completeness"
    assert not outcome.below(0.85)


def test_without_an_inpatient_stay_the_summary_goes_to_a_person() -> None:
    outpatient = {**stay(), "class": {"code": "AMB"}}
    outcome = summarise(bundle(outpatient, condition("Hypertension")))
    assert outcome.status == "escalated"
    assert outcome.reason == "The record holds no inpatient stay, so there is nobody to discharge."
    assert outcome.output.conditions[0].text == "Hypertension"


@pytest.mark.parametrize(
    "unfinished",
    [
        pytest.param(stay(end=None), id="in progress"),
        pytest.param(stay(end=None, status="finished"), id="finished without an end"),
        pytest.param(stay(status="in-progress"), id="in progress with a planned end"),
        pytest.param(stay(status="onleave"), id="on leave"),
    ],
)
def test_a_stay_that_has_not_ended_is_escalated_not_discharged(unfinished: dict[str, object]) -> None:
    outcome = summarise(bundle(stay("2025-01-02", "2025-01-05"), unfinished))
    assert outcome.status == "escalated"
    assert outcome.reason is not None
    assert "has not ended" in outcome.reason
    assert outcome.output.stay.discharged is None


@pytest.mark.parametrize("status", ["planned", "cancelled", "entered-in-error"])
def test_a_stay_that_never_took_place_does_not_count(status: str) -> None:
    summary = summary_of(bundle(stay(), stay("2026-12-01", None, status=status)))
    assert summary.stay is not None
    assert summary.stay.discharged == date(2026, 11, 13)


def test_a_person_who_has_died_is_summarised_to_the_day_of_death() -> None:
    summary = summary_of(bundle(stay(), stay("2026-11-20", "2026-11-21"), deceasedDateTime="2026-11-15"))
    assert summary.patient.died
    assert summary.patient.died_on == date(2026, 11, 15)
    assert summary.as_of == date(2026, 11, 15)
    assert summary.notes[0] == "The person died on 2026-11-15."


def test_death_without_a_day_is_still_death() -> None:
    assert summary_of(bundle(stay(), deceasedBoolean=True)).patient.died


def test_only_conditions_that_are_active_and_true_are_listed_each_once() -> None:
    summary = summary_of(
        bundle(
            stay(),
            condition("Stroke", code="230690007", onsetDateTime="2026-11-10"),
            condition("Stroke", code="230690007", onsetDateTime="2019-05-01"),
            condition("Influenza", status="resolved"),
            condition("Asthma", abatementDateTime="2001"),
            condition("Gout", verificationStatus={"coding": [{"code": "refuted"}]}),
            condition("Migraine", status="recurrence"),
        )
    )
    assert [(item.text, item.since) for item in summary.conditions] == [
        ("Stroke", date(2019, 5, 1)),
        ("Migraine", None),
    ]


def test_a_removed_appendix_is_noted_beside_the_appendicitis_still_listed() -> None:
    summary = summary_of(
        bundle(
            stay(),
            condition("Appendicitis", code="74400008"),
            condition("History of appendectomy", code="428251008"),
        )
    )
    assert any(note.startswith("Listed as active although the appendix") for note in summary.notes)


def test_procedures_belong_to_the_stay_by_reference_else_by_day() -> None:
    def procedure(text: str, **more: object) -> dict[str, object]:
        return {
            "resourceType": "Procedure",
            "status": "completed",
            "code": {"text": text},
            "subject": PATIENT,
            **more,
        }

    summary = summary_of(
        bundle(
            stay(),
            procedure("by reference", encounter={"reference": "Encounter/stay-2026-11-10"}),
            procedure("by day", performedDateTime="2026-11-12"),
            procedure("of another contact", encounter={"reference": "Encounter/other"}),
            procedure("a year earlier", performedDateTime="2025-11-12"),
            procedure("not done", status="not-done", performedDateTime="2026-11-12"),
        )
    )
    assert [item.text for item in summary.procedures] == ["by reference", "by day"]


def test_the_latest_value_of_each_kind_is_compared_with_the_adult_range() -> None:
    summary = summary_of(
        bundle(
            stay(),
            observation("2823-3", 4.0, "mmol/L", day="2026-11-10"),
            observation("6298-4", 5.6, "mmol/L", day="2026-11-12"),
            observation("2823-3", 3.0, "mmol/L", day="2026-11-11"),
        )
    )
    potassium = measured("Potassium", summary.observations)
    assert potassium is not None
    assert (potassium.value, potassium.interpretation) == (5.6, "high")
    assert potassium.expected == "3.5 to 5 mmol/L (ABIM Laboratory Test Reference Ranges)"


def test_no_range_is_applied_to_a_child_or_to_another_unit() -> None:
    values = (observation("2823-3", 5.6, "mmol/L"), observation("2160-0", 90, "umol/L"))
    child = summary_of(bundle(stay(), *values, birthDate="2015-01-01"))
    adult = summary_of(bundle(stay(), *values))
    assert {item.interpretation for item in child.observations} == {None}
    assert [item.interpretation for item in adult.observations] == [None, "high"]


def test_parts_of_a_panel_are_read_and_withdrawn_results_are_not() -> None:
    panel = observation("85354-9", 0, "")
    del panel["valueQuantity"]
    panel["component"] = [
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
            "valueQuantity": {"value": 150, "unit": "mm[Hg]", "code": "mm[Hg]"},
        }
    ]
    wrong = observation("2823-3", 9.9, "mmol/L", status="entered-in-error")
    summary = summary_of(bundle(stay(), panel, wrong))
    assert [(item.name, item.interpretation) for item in summary.observations] == [
        ("Systolic blood pressure", "high")
    ]


def test_a_stay_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(InputError, match="before it starts"):
        summarise(bundle(stay("2026-11-10", "2026-11-01")))


def test_every_line_of_the_summary_says_where_it_stands() -> None:
    outcome = summarise(bundle(stay(), condition("Stroke"), observation("2823-3", 5.6, "mmol/L")))
    summary = outcome.output
    assert summary.conditions[0].reference == "Condition/condition-1"
    assert summary.observations[0].reference == "Observation/observation-2"
    assert [item.reference for item in outcome.evidence] == [
        "Encounter/stay-2026-11-10",
        "Observation/observation-2",
    ]
