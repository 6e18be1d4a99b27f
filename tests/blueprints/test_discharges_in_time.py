"""A stay that ended long ago is history: nothing is arranged for it unless a person says so."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from test_synthea_records import EXPECTED, FILES

from kernel.scenarios.house import asked, begin, ended, parked, reply, resting, serving
from ripieno.blueprints.hospital_discharge import DischargePackage, workflow
from ripieno.blueprints.hospital_discharge.sample_patients import recent_sample
from ripieno.blueprints.hospital_discharge.systems import LocalSystems, systems_at
from ripieno.evidence.steps import step_name
from ripieno.kernel.commands import asked_for
from ripieno.kernel.host import Host
from ripieno.model.outcome import Outcome

LONG_AGO = timedelta(days=60)


def today() -> date:
    return datetime.now(UTC).date()


@pytest.fixture
def systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalSystems:
    path = tmp_path / "hospital.sqlite"
    monkeypatch.setenv("RIPIENO_HOSPITAL_SYSTEMS", str(path))
    return systems_at(path)


async def discharged(host: Host, record: Any, *, late: bool) -> tuple[Outcome, list[str]]:
    """Discharge a patient; give the outcome, and the steps at which a clinician was asked."""
    run = await begin(host, workflow, record)
    steps: list[str] = []
    while not (row := await resting(host, run)).ended:
        assert row.status == "waiting", row.detail
        question = await asked(host, run)
        steps.append(step_name(question.path.partition("/ask/")[0]))
        await reply(host, question, {"approved": late} if steps[-1] == "late" else {"proceed": True})
    return await ended(host, run), steps


def package_of(outcome: Outcome) -> DischargePackage:
    assert outcome.status == "complete", outcome.reason
    return DischargePackage.model_validate(outcome.output)


async def test_whoever_has_just_gone_home_is_seen_in_the_days_to_come(
    tmp_path: Path, systems: LocalSystems
) -> None:
    async with serving(tmp_path, workflow) as host:
        outcome, steps = await discharged(host, recent_sample("clean", today()), late=True)
    package_of(outcome)
    assert steps == []
    booked = systems.scheduling.visits()
    assert booked
    assert all(visit.at.date() > today() for visit in booked)


async def test_a_clinician_is_asked_about_a_stay_of_long_ago_before_anything_is_arranged(
    tmp_path: Path, systems: LocalSystems
) -> None:
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, recent_sample("clean", today() - LONG_AGO))
        await parked(host, run)
        question = await asked(host, run, "late@1")
        evidence = [item.claim for item in asked_for(host.store, question).evidence]
        assert question.role == "clinician"
        assert systems.calls() == []
        await reply(host, question, {"approved": False, "note": "seen by her own doctor since"})
        package = package_of(await ended(host, run))
    assert evidence[0].endswith(": every term of a follow-up is over")
    assert any(claim.startswith("Would be booked: primary care, from ") for claim in evidence)
    assert (package.visits, package.preauthorisation, systems.calls()) == ([], None, [])
    [note] = [note for note in package.notes if note.startswith("No visits")]
    assert "a clinician decided against it (seen by her own doctor since)" in note


@pytest.mark.usefixtures("systems")
async def test_where_the_clinician_wants_it_the_visits_lie_ahead(tmp_path: Path) -> None:
    async with serving(tmp_path, workflow) as host:
        outcome, steps = await discharged(host, recent_sample("clean", today() - LONG_AGO), late=True)
    package = package_of(outcome)
    assert steps == ["late"]
    assert package.visits
    assert all(today() < visit.at.date() < today() + timedelta(days=31) for visit in package.visits)
    assert package.preauthorisation is not None


@pytest.mark.skipif(not FILES, reason="the Synthea records are not at ../shared/data/fhir")
async def test_all_synthea_records_go_through_and_nobody_is_booked_for_the_past(
    tmp_path: Path, systems: LocalSystems
) -> None:
    async with serving(tmp_path, workflow) as host:
        for name, file in FILES.items():
            outcome, steps = await discharged(host, json.loads(file.read_text("utf-8")), late=True)
            assert ("late" in steps) is not EXPECTED[name].died, name
            assert bool(package_of(outcome).visits) is not EXPECTED[name].died, name
    booked = systems.scheduling.visits()
    assert booked
    assert all(visit.at.date() > today() for visit in booked)
