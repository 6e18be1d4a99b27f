"""What reconciliation finds, what it leaves alone, and when a clinician is asked."""

from __future__ import annotations

from typing import Any

import pytest
from record_builder import (
    PATIENT,
    allergy,
    bundle,
    condition,
    findings_of,
    observation,
    order,
    reconciliation_of,
    statement,
    stay,
    summary_of,
    titles_of,
)

from ripieno.blueprints.hospital_discharge import reconcile
from ripieno.blueprints.hospital_discharge.reconciliation.contraindications import CONTRAINDICATIONS
from ripieno.blueprints.hospital_discharge.reconciliation.ingredients import INGREDIENTS
from ripieno.blueprints.hospital_discharge.reconciliation.interaction_table import INTERACTIONS
from ripieno.blueprints.hospital_discharge.reconciliation.kidney import ckd_epi_2021

THRESHOLD = 0.85


@pytest.mark.parametrize(
    ("one", "other", "severity"),
    [
        ("Warfarin 5 MG", "Naproxen 220 MG", "major"),
        ("Ibuprofen 200 MG", "Warfarin 5 MG", "major"),
        ("Digoxin 0.125 MG", "Verapamil 40 MG", "major"),
        ("Digoxin 0.125 MG", "Lasix 40mg", "moderate"),
        ("Sildenafil 50 MG", "Nitroglycerin 0.4 MG/ACTUAT Mucosal Spray", "contraindicated"),
        ("Clopidogrel 75 MG", "Omeprazole 20 MG", "major"),
        ("Lisinopril 10 MG", "Losartan 50 MG", "major"),
        ("Simvastatin 20 MG", "Clarithromycin 500 MG", "contraindicated"),
        ("Oxycodone 5 MG", "Lorazepam 1 MG", "major"),
        ("Apixaban 5 MG", "Warfarin 5 MG", "contraindicated"),
    ],
)
def test_an_interaction_is_found_in_either_order_with_its_source(one: str, other: str, severity: str) -> None:
    for first, second in ((one, other), (other, one)):
        found = findings_of(order(first), order(second))
        assert [(item.kind, item.severity) for item in found] == [("interaction", severity)]
        assert found[0].source
        assert {item.reference for item in found[0].evidence} >= set(found[0].medications)


@pytest.mark.parametrize(
    ("simvastatin", "found"),
    [
        ("Simvastatin 10 MG Oral Tablet", False),
        ("Simvastatin 20 MG Oral Tablet", True),
        ("Simvastatin", True),
    ],
)
def test_a_rule_with_a_dose_limit_holds_above_it_or_when_the_dose_is_unknown(
    simvastatin: str, *, found: bool
) -> None:
    titles = titles_of(order(simvastatin), order("Verapamil 40 MG"))
    assert ("simvastatin with verapamil" in titles) is found


@pytest.mark.parametrize(
    "unused",
    [
        pytest.param(order("Naproxen", status="stopped"), id="stopped"),
        pytest.param(order("Naproxen", status="completed"), id="completed"),
        pytest.param(order("Naproxen", status="entered-in-error"), id="entered in error"),
        pytest.param(order("Naproxen", intent="proposal"), id="proposed"),
        pytest.param(order("Naproxen", doNotPerform=True), id="told not to take"),
        pytest.param(statement("Naproxen", status="not-taken"), id="not taken"),
        pytest.param(
            statement("Naproxen", effectivePeriod={"start": "2020", "end": "2021"}), id="taken until 2021"
        ),
    ],
)
def test_what_is_not_taken_makes_no_noise(unused: dict[str, Any]) -> None:
    reconciliation = reconciliation_of(order("Warfarin"), unused)
    assert [item.text for item in reconciliation.medications] == ["Warfarin"]
    assert reconciliation.findings == []


def test_an_order_of_unknown_status_counts_because_leaving_it_out_is_the_worse_error() -> None:
    naproxen = order("Naproxen")
    del naproxen["status"]
    assert titles_of(order("Warfarin"), naproxen) == ["warfarin with naproxen"]


def test_the_same_ingredient_twice_is_found_and_the_order_of_the_stay_is_named() -> None:
    here = {"reference": "Encounter/stay-2026-11-10"}
    found = findings_of(order("Lasix 40mg"), order("Furosemide 10 MG/ML Injection", encounter=here))
    assert [(item.title, item.severity) for item in found] == [("furosemide twice", "major")]
    assert found[0].advice.startswith("Furosemide 10 MG/ML Injection was ordered during the stay")


def test_an_ingredient_hidden_in_a_combination_is_a_duplicate_too() -> None:
    assert "acetaminophen twice" in titles_of(order("Vicodin"), order("Tylenol 325 MG"))


def test_two_of_a_class_are_found_and_a_cream_beside_a_tablet_hardly_matters() -> None:
    assert titles_of(order("Naproxen"), order("Ibuprofen")) == [
        "two of a class (NSAID): naproxen and ibuprofen"
    ]
    found = findings_of(order("Hydrocortisone 10 MG Tablet"), order("Hydrocortisone Topical Cream"))
    assert [item.severity for item in found] == ["minor"]


def test_a_statement_about_an_ordered_product_is_the_same_therapy() -> None:
    reconciliation = reconciliation_of(order("Warfarin 5 MG"), statement("warfarin 5 mg"))
    assert reconciliation.findings == []
    assert reconciliation.medications[0].also == ["MedicationStatement/medicationstatement-2"]


@pytest.mark.parametrize(
    ("against", "drug", "severity"),
    [
        ("Allergy to penicillin", "Augmentin", "contraindicated"),
        ("Allergy to penicillin", "Cephalexin 500 MG", "moderate"),
        ("Allergy to amoxicillin", "Ampicillin", "contraindicated"),
        ("Sulfonamide allergy", "Bactrim", "contraindicated"),
        ("Sulfa drugs", "Furosemide 40 MG", "moderate"),
        ("NSAID", "Naproxen", "contraindicated"),
        ("Aspirin", "Naproxen", "contraindicated"),
        ("Warfarin", "Coumadin", "contraindicated"),
    ],
)
def test_an_allergy_reaches_its_ingredient_class_and_relatives(
    against: str, drug: str, severity: str
) -> None:
    found = findings_of(allergy(against, category=["medication"]), order(drug))
    assert [(item.kind, item.severity) for item in found] == [("allergy", severity)]


@pytest.mark.parametrize(
    "harmless",
    [
        pytest.param(allergy("Allergy to tree pollen"), id="pollen"),
        pytest.param(allergy("Shellfish allergy"), id="shellfish"),
        pytest.param(allergy("No known allergies"), id="none known"),
        pytest.param(allergy("Penicillin", clinicalStatus={"coding": [{"code": "inactive"}]}), id="inactive"),
        pytest.param(
            allergy("Penicillin", verificationStatus={"coding": [{"code": "refuted"}]}), id="refuted"
        ),
    ],
)
def test_an_allergy_that_does_not_concern_the_drug_makes_no_noise(harmless: dict[str, Any]) -> None:
    assert findings_of(harmless, order("Amoxicillin 500 MG")) == []


def test_an_allergy_that_no_table_knows_is_looked_at_by_a_person() -> None:
    record = bundle(stay(), allergy("Compound 7", category=["medication"]), order("Warfarin"))
    outcome = reconcile(record, summary_of(record))
    assert outcome.reason == "allergy not recognised: Compound 7 (moderate)"
    assert outcome.below(THRESHOLD)


def test_conditions_kidneys_and_age_are_weighed_against_each_drug() -> None:
    failing = condition("Chronic congestive heart failure (disorder)", code="88805009")
    kidneys = observation("33914-3", 22, "mL/min/{1.73_m2}")
    assert "naproxen with heart failure" in titles_of(failing, order("Naproxen"))
    assert titles_of(kidneys, order("Metformin 500 MG")) == ["metformin with eGFR under 30"]
    assert titles_of(order("Benadryl"), birthDate="1940-01-01") == ["diphenhydramine with age 65 or over"]
    assert titles_of(order("Benadryl")) == []
    assert titles_of(order("Metformin 500 MG")) == []


def test_the_egfr_is_calculated_where_it_is_not_reported() -> None:
    assert titles_of(observation("2160-0", 3.2, "mg/dL"), order("Metformin")) == [
        "metformin with eGFR under 30"
    ]


def test_an_egfr_that_its_creatinine_contradicts_is_shown_and_the_lower_value_used() -> None:
    titles = titles_of(
        observation("2160-0", 3.2, "mg/dL"),
        observation("33914-3", 75, "mL/min"),
        order("Metformin"),
    )
    assert titles == ["metformin with eGFR under 30", "kidney function is contradictory"]


@pytest.mark.parametrize(
    ("creatinine", "age", "female", "expected"),
    [(1.0, 50, False, 92), (1.0, 50, True, 69), (0.6, 30, True, 124), (3.2, 58, False, 22)],
)
def test_the_kidney_estimate_is_that_of_ckd_epi_2021(
    creatinine: float, age: int, expected: float, *, female: bool
) -> None:
    assert round(ckd_epi_2021(creatinine_mg_dl=creatinine, age=age, female=female)) == expected


def test_a_withdrawn_drug_is_a_grave_finding_and_a_specialists_drug_a_small_one() -> None:
    assert [item.severity for item in findings_of(order("Terfenadine 60 MG"))] == ["major"]
    assert [item.severity for item in findings_of(order("Leucovorin 100 MG Injection"))] == ["minor"]


def test_active_medications_of_a_person_who_has_died_are_a_finding() -> None:
    assert titles_of(order("Warfarin"), deceasedDateTime="2026-11-14") == ["active medications after death"]


def test_no_medication_is_a_result_and_not_a_failure() -> None:
    record = bundle(stay())
    outcome = reconcile(record, summary_of(record))
    assert outcome.status == "complete"
    assert not outcome.below(THRESHOLD)
    assert "The record lists no active medication." in outcome.output.notes


def test_confidence_falls_with_coverage_and_never_reaches_certainty() -> None:
    def confidence(*drugs: str) -> float:
        record = bundle(stay(), *(order(drug) for drug in drugs))
        outcome = reconcile(record, summary_of(record))
        assert outcome.confidence is not None
        return outcome.confidence.value

    assert confidence("Warfarin") == 0.95
    assert confidence("Warfarin", "Mystery") == 0.5
    assert confidence("Warfarin", "Lisinopril", "Metformin", "Mystery") == 0.6
    assert confidence("Mystery") == 0


@pytest.mark.parametrize("contained", [True, False])
def test_a_medication_may_be_contained_or_stand_beside_and_list_its_ingredients(*, contained: bool) -> None:
    medication = {
        "resourceType": "Medication",
        "id": "m",
        "code": {"text": "Capsule 7"},
        "ingredient": [{"itemCodeableConcept": {"text": "warfarin"}}],
    }
    ordered = order("")
    del ordered["medicationCodeableConcept"]
    ordered["medicationReference"] = {"reference": "#m" if contained else "Medication/m"}
    resources = [{**ordered, "contained": [medication]}] if contained else [ordered, medication]
    reconciliation = reconciliation_of(*resources)
    assert [(item.text, item.ingredients) for item in reconciliation.medications] == [
        ("Capsule 7", ["warfarin"])
    ]


def test_the_gravest_finding_comes_first_and_each_piece_of_evidence_once() -> None:
    record = bundle(
        stay(), order("Warfarin"), order("Naproxen"), order("Simvastatin 10 MG"), allergy("Aspirin")
    )
    outcome = reconcile(record, summary_of(record))
    assert [item.severity for item in outcome.output.findings] == ["contraindicated", "major", "minor"]
    assert len(outcome.evidence) == len(set(outcome.evidence))


def test_every_row_of_the_tables_can_match_and_names_its_source() -> None:
    tags = {tag for ingredient in INGREDIENTS for tag in ingredient.tags}
    for rule in INTERACTIONS:
        assert {rule.one, rule.other} <= tags
        assert rule.source
    for row in CONTRAINDICATIONS:
        assert row.drug in tags
        assert row.unless is None or row.unless in tags
        assert row.condition or row.egfr_below or row.age_from
        assert row.source


def test_findings_point_into_the_record() -> None:
    found = findings_of(order("Warfarin", subject=PATIENT), order("Naproxen"))[0]
    assert found.medications == [
        "MedicationRequest/medicationrequest-1",
        "MedicationRequest/medicationrequest-2",
    ]


def test_the_measurement_that_helps_to_weigh_an_interaction_is_shown_with_it() -> None:
    found = findings_of(order("Warfarin"), order("Naproxen"), observation("6301-6", 2.6, "{INR}"))[0]
    assert "INR 2.6 {INR} on 2026-11-12" in [item.claim for item in found.evidence]
