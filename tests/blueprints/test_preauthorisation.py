"""What is asked of the payer, and the cases in which nothing is."""

from __future__ import annotations

from typing import Any

import pytest
from record_builder import PATIENT, bundle, order, stay, summary_of

from ripieno.blueprints.hospital_discharge import prepare_preauthorisation
from ripieno.model.outcome import Outcome

HERE = [{"encounter": [{"reference": "Encounter/stay-2026-11-10"}]}]


Resource = dict[str, Any]


def claim(value: float | None, **more: Any) -> Resource:
    return {
        "resourceType": "Claim",
        "status": "active",
        "patient": PATIENT,
        "item": HERE,
        "total": {"value": value, "currency": "USD"},
        **more,
    }


def coverage(payer: str = "Health Plan", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Coverage",
        "status": "active",
        "beneficiary": PATIENT,
        "payor": [{"display": payer}],
        **more,
    }


def prepared(*resources: dict[str, Any], **patient: Any) -> Outcome:
    record = bundle(stay(), *resources, **patient)
    return prepare_preauthorisation(record, summary_of(record))


def test_the_claims_of_the_stay_and_of_the_active_medications_add_up_exactly() -> None:
    medication = order("Warfarin", id="m")
    dispensed: Resource = {"prescription": {"reference": "MedicationRequest/m"}}
    outcome = prepared(coverage(), medication, claim(0.1), claim(0.2), claim(129.16, **dispensed))
    assert outcome.status == "complete"
    plan = outcome.output
    assert (plan.decision, plan.payer, plan.amount, plan.currency) == (
        "request",
        "Health Plan",
        "129.46",
        "USD",
    )
    assert [line.kind for line in plan.lines] == ["stay", "stay", "medication"]


def test_of_several_fills_of_one_medication_the_latest_counts() -> None:
    dispensed: Resource = {"prescription": {"reference": "MedicationRequest/m"}}
    outcome = prepared(
        coverage(),
        order("Warfarin", id="m"),
        claim(7, created="2026-10-01", **dispensed),
        claim(5, created="2025-01-01", **dispensed),
    )
    assert outcome.output.amount == "7.00"


@pytest.mark.parametrize(
    "ignored",
    [
        pytest.param(claim(50, status="cancelled"), id="cancelled"),
        pytest.param(claim(None), id="without an amount"),
        pytest.param(claim(-3), id="negative"),
        pytest.param(claim(50, item=[]), id="of another contact"),
        pytest.param(
            claim(50, prescription={"reference": "MedicationRequest/gone"}), id="of another medication"
        ),
    ],
)
def test_claims_that_do_not_belong_are_left_out(ignored: dict[str, Any]) -> None:
    assert prepared(coverage(), claim(10), ignored).output.amount == "10.00"


@pytest.mark.parametrize(
    ("cover", "reason"),
    [
        pytest.param([], "The record names no cover", id="none"),
        pytest.param([coverage("NO_INSURANCE")], "The record says 'NO_INSURANCE'", id="self-pay"),
        pytest.param([coverage(status="cancelled")], "The record names no cover", id="cancelled"),
        pytest.param([coverage(period={"end": "2025-12-31"})], "The record names no cover", id="run out"),
        pytest.param([coverage(period={"start": "2027-01-01"})], "The record names no cover", id="not begun"),
    ],
)
def test_without_cover_the_patient_pays_and_the_reason_says_so(
    cover: list[dict[str, Any]], reason: str
) -> None:
    outcome = prepared(*cover, claim(10))
    assert outcome.status == "partial"
    assert outcome.output.decision == "self-pay"
    assert outcome.output.amount == "10.00"
    assert outcome.reason is not None
    assert outcome.reason.startswith(reason)


def test_the_cover_contained_in_an_explanation_of_benefit_is_found() -> None:
    explained = {
        "resourceType": "ExplanationOfBenefit",
        "patient": PATIENT,
        "claim": {"reference": "Claim/c"},
        "contained": [{"resourceType": "Coverage", "id": "cover", "payor": [{"display": "medicare"}]}],
        "insurance": [{"coverage": {"reference": "#cover"}}],
    }
    outcome = prepared(claim(10, id="c"), explained)
    assert (outcome.output.payer, outcome.status) == ("medicare", "complete")
    assert outcome.output.coverage == "ExplanationOfBenefit/explanationofbenefit-2#cover"


def test_the_cover_named_in_the_claim_of_the_stay_is_the_last_resort() -> None:
    named: Resource = {"insurance": [{"coverage": {"display": "private"}}]}
    outcome = prepared(claim(10, **named), claim(5, item=[], insurance=[{"coverage": {"display": "old"}}]))
    assert outcome.output.payer == "private"


def test_mixed_currencies_are_never_added() -> None:
    outcome = prepared(coverage(), claim(10), claim(0, total={"value": 10, "currency": "EUR"}))
    assert outcome.status == "partial"
    assert outcome.reason is not None
    assert "mix currencies (EUR, USD)" in outcome.reason
    assert outcome.output.amount == "0.00"


def test_nothing_is_asked_for_a_person_who_has_died_without_claims_or_before_the_stay_ends() -> None:
    died = prepared(coverage(), claim(10), deceasedDateTime="2026-11-14")
    empty = prepared(coverage())
    record = bundle(stay(end=None), coverage(), claim(10))
    going_on = prepare_preauthorisation(record, summary_of(record))
    assert [outcome.status for outcome in (died, empty, going_on)] == ["partial"] * 3
    assert {outcome.output.decision for outcome in (died, empty, going_on)} == {"nothing to request"}
