"""Twelve Synthea records of 0.8 to 2.4 MB, looked at with a clinician's eye."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from record_builder import summary_of

from ripieno.blueprints.hospital_discharge import (
    check_bundle,
    discharge_package,
    discharge_text,
    plan_visits,
    prepare_preauthorisation,
    reconcile,
    summarise,
)
from ripieno.blueprints.hospital_discharge.fhir import Concept, open_record
from ripieno.blueprints.hospital_discharge.fhir.resources import MedicationOrder
from ripieno.blueprints.hospital_discharge.reconciliation.normalise import normalise, normalise_words

FOLDER = Path(__file__).parents[2] / ".." / "shared" / "data" / "fhir"
FILES = {path.name[-41:-33]: path for path in sorted(FOLDER.glob("*.json"))}
"""By the first eight characters of the record's id: no names in the tests."""

pytestmark = pytest.mark.skipif(
    not FILES, reason="the Synthea records are not at ../shared/data/fhir; see the data's own README"
)

each_record = pytest.mark.parametrize("name", FILES)


def load(name: str) -> dict[str, Any]:
    return json.loads(FILES[name].read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Expected:
    """What a clinician would want to be told about one record, and nothing besides."""

    died: bool
    confidence: float
    serious: frozenset[str] = frozenset()
    """Titles of the findings that are more than minor, but for the one that all the dead share."""


HEART_FAILURE_TWICE = {"furosemide twice"}
KIDNEY = {"hydrochlorothiazide with eGFR under 30", "kidney function is contradictory"}

EXPECTED = {
    "5b477e00": Expected(
        died=True,
        confidence=0.46,
        serious=frozenset(
            {
                "naproxen with heart failure",
                "naproxen with eGFR under 30",
                "furosemide twice",
                "naproxen with age 76 or over",
                "alendronic acid with eGFR under 35",
                "furosemide with naproxen",
                "kidney function is contradictory",
            }
        ),
    ),
    "028250cc": Expected(
        died=True,
        confidence=0.52,
        serious=frozenset(
            {
                "digoxin with verapamil",
                "simvastatin with verapamil",
                "digoxin with hydrochlorothiazide",
                "two of a class (calcium channel blocker): verapamil and amlodipine",
            }
        ),
    ),
    "78f005f3": Expected(
        died=True,
        confidence=0.46,
        serious=frozenset(
            {
                "naproxen with heart failure",
                "naproxen with eGFR under 30",
                "furosemide twice",
                "hydrochlorothiazide with naproxen",
                "furosemide with naproxen",
                *KIDNEY,
            }
        ),
    ),
    "42a01b42": Expected(died=False, confidence=0.78, serious=frozenset(KIDNEY)),
    "5e72bfb0": Expected(
        died=False, confidence=0.6, serious=frozenset({"terfenadine: withdrawn from the market"})
    ),
    "1283d4ec": Expected(died=True, confidence=0.6),
    "d4d72610": Expected(died=True, confidence=0.58, serious=frozenset({"oxaliplatin with eGFR under 30"})),
    "9fd25274": Expected(died=True, confidence=0.58, serious=frozenset(HEART_FAILURE_TWICE)),
    "65d69e49": Expected(died=False, confidence=0.95),
    "bf2aac98": Expected(died=True, confidence=0.58, serious=frozenset(HEART_FAILURE_TWICE)),
    "99ba7389": Expected(died=False, confidence=0.95),
    "b7a86b8b": Expected(died=False, confidence=0.78, serious=frozenset(KIDNEY)),
}


def test_all_twelve_records_are_known_to_these_tests() -> None:
    assert set(FILES) == set(EXPECTED)


@each_record
def test_reconciliation_finds_what_a_clinician_would_and_makes_no_noise(name: str) -> None:
    record, expected = load(name), EXPECTED[name]
    check_bundle(record)
    summary = summary_of(record)
    outcome = reconcile(record, summary)
    serious = {finding.title for finding in outcome.output.findings if finding.severity != "minor"}
    shared = {"active medications after death"} if expected.died else set[str]()
    assert serious == expected.serious | shared
    assert outcome.confidence is not None
    assert outcome.confidence.value == expected.confidence
    assert outcome.below(0.85) is bool(serious)


@each_record
def test_every_medication_of_the_record_is_known_by_its_code_and_by_its_text_alone(name: str) -> None:
    for order in open_record(load(name)).all(MedicationOrder):
        concept = order.medication_codeable_concept
        assert isinstance(concept, Concept)
        assert normalise(concept).method == "RxNorm code"
        assert normalise_words(concept.label).known, concept.label
        assert set(normalise_words(concept.label).ingredients) == set(normalise(concept).ingredients)


@each_record
def test_the_summary_is_complete_and_every_line_points_into_the_record(name: str) -> None:
    record = load(name)
    outcome = summarise(record)
    summary = outcome.output
    assert outcome.status == "complete"
    assert summary.patient.died is EXPECTED[name].died
    known = {f"{entry['resource']['resourceType']}/{entry['resource']['id']}" for entry in record["entry"]}
    lines = [*summary.conditions, *summary.procedures, *summary.observations, summary.patient, summary.stay]
    assert {line.reference for line in lines} <= known
    assert {item.reference for item in outcome.evidence} <= known


@each_record
def test_the_living_get_visits_and_a_request_and_the_dead_get_neither(name: str) -> None:
    record = load(name)
    summary = summary_of(record)
    visits = plan_visits(record, summary, summary.as_of)
    plan = prepare_preauthorisation(record, summary)
    if EXPECTED[name].died:
        assert visits == []
        assert plan.status == "partial"
    else:
        assert {visit.clinic for visit in visits} >= {"primary care"}
        assert plan.output.decision == "request"
        assert float(plan.output.amount) > 0


@each_record
def test_the_page_can_be_printed(name: str) -> None:
    record = load(name)
    summary = summary_of(record)
    text = discharge_text(discharge_package(summary, reconcile(record, summary).output))
    assert text.startswith("Discharge package: ")
