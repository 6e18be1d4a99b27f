"""The samples that ship, from the record to the discharge package."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from ripieno.blueprints.hospital_discharge import (
    Reconciliation,
    check_bundle,
    discharge_package,
    discharge_text,
    plan_visits,
    prepare_preauthorisation,
    reconcile,
    summarise,
)
from ripieno.blueprints.hospital_discharge.sample_patients import (
    SAMPLES,
    recent_sample,
    sample,
    sample_folder,
)
from ripieno.blueprints.hospital_discharge.systems import Appointment, Authorisation
from ripieno.model.errors import NotFoundError
from ripieno.model.outcome import Evidence

EXPECTED: dict[str, tuple[float, list[str]]] = {
    "clean": (0.95, []),
    "drug-allergy": (0.3, ["amoxicillin and clavulanic acid with allergy: Allergy to penicillin"]),
    "duplicate": (0.6, ["furosemide twice"]),
    "injected-note": (0.95, []),
    "interaction": (0.6, ["warfarin with naproxen"]),
    "low-confidence": (0.5, ["not recognised: Herbal sleeping drops, brought from home"]),
    "stay-not-ended": (0.95, []),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_each_sample_shows_what_it_is_for_and_nothing_else(name: str) -> None:
    record = sample(name)
    check_bundle(record)
    summary = summarise(record)
    outcome = reconcile(record, summary.output)
    assert outcome.confidence is not None
    found = [finding.title for finding in outcome.output.findings]
    assert (outcome.confidence.value, found) == EXPECTED[name]
    assert summary.status == ("escalated" if name == "stay-not-ended" else "complete")


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "stay-not-ended"])
def test_each_patient_who_can_go_home_gets_visits_and_a_request(name: str) -> None:
    record = sample(name)
    summary = summarise(record).output
    assert plan_visits(record, summary, summary.stay.discharged)
    assert prepare_preauthorisation(record, summary).output.decision == "request"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_can_speak_up_to_any_day_and_shows_the_same(name: str) -> None:
    today = date(2031, 3, 1)
    early, late = sample(name), recent_sample(name, today)
    check_bundle(late)
    before, after = summarise(early).output, summarise(late).output
    assert after.stay.admitted - before.stay.admitted == today - date(2026, 11, 21)
    assert timedelta() <= today - after.as_of < timedelta(days=7)
    assert reconcile(late, after).confidence == reconcile(early, before).confidence
    assert recent_sample(name, date(2026, 11, 21)) == early


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_small_named_neutrally_and_in_the_folder(name: str) -> None:
    text = sample_folder().joinpath(f"{name}.json").read_text(encoding="utf-8")
    assert 3_000 < len(text) < 10_240
    people = [
        entry["resource"]["name"][0]["text"]
        for entry in json.loads(text)["entry"]
        if entry["resource"]["resourceType"] == "Patient"
    ]
    assert len(people) == 1
    assert people[0].startswith("Patient ")


def test_an_unknown_sample_names_the_nearest() -> None:
    with pytest.raises(NotFoundError, match="did you mean 'duplicate'"):
        sample("duplicates")


def test_the_package_merges_what_the_participants_gave_and_reads_as_a_page() -> None:
    record = sample("interaction")
    summary = summarise(record).output
    visit = Appointment.model_validate(
        {
            "visit": "V-118",
            "patient": summary.patient.reference,
            "clinic": "cardiology",
            "at": "2026-11-26T09:00:00",
            "minutes": 30,
            "reason": "x",
            "status": "booked",
            "key": "k",
        }
    )
    asked = Authorisation(
        preauthorisation="P-52",
        patient=summary.patient.reference,
        payer="Example Health Plan",
        amount="9889.50",
        currency="USD",
        services=[],
        status="requested",
        key="k",
    )
    package = discharge_package(
        summary,
        reconcile(record, summary).output,
        {"proceed": True, "reason": "INR monitored"},
        [visit],
        asked,
    )
    text = discharge_text(package)
    assert text.startswith("Discharge package: Patient D (71, male)\n")
    for line in (
        "  - major: warfarin with naproxen. Bleeding risk rises",
        "  - proceed: True",
        "  - V-118 cardiology, Thu 26 Nov 2026 09:00, booked",
        "Pre-authorisation: P-52 Example Health Plan 9889.50 USD, requested",
    ):
        assert line in text
    assert type(package).model_validate_json(package.model_dump_json()) == package


def test_the_package_of_a_clean_patient_leaves_out_what_did_not_happen() -> None:
    record = sample("clean")
    summary = summarise(record).output
    text = discharge_text(discharge_package(summary, reconcile(record, summary).output))
    assert "Clinician" not in text
    assert "Pre-authorisation" not in text


def test_evidence_survives_the_way_through_json() -> None:
    record = sample("interaction")
    output = reconcile(record, summarise(record).output).output
    received = Reconciliation.model_validate_json(output.model_dump_json())
    assert isinstance(received.findings[0].evidence[0], Evidence)
