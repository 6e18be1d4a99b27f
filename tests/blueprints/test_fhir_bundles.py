"""What the door lets in and what it refuses, and that nothing gets past it as a crash."""

from __future__ import annotations

import copy
import json
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from record_builder import PATIENT, bundle, observation, order, stay, summary_of

from ripieno.blueprints.hospital_discharge import (
    Summary,
    check_bundle,
    plan_visits,
    prepare_preauthorisation,
    reconcile,
    summarise,
)
from ripieno.blueprints.hospital_discharge.sample_patients import SAMPLES, sample
from ripieno.model.errors import InputError


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param([], "expected a FHIR R4 Bundle as a JSON object, got a list", id="a list"),
        pytest.param(None, "got nothing", id="null"),
        pytest.param("text", "got text", id="text"),
        pytest.param({}, "expected resourceType 'Bundle', got None", id="an empty object"),
        pytest.param({"resourceType": "Patient"}, "got 'Patient'", id="a patient alone"),
        pytest.param({"resourceType": 5}, "expected resourceType 'Bundle'", id="a number for a type"),
        pytest.param({"resourceType": "Bundle"}, "expected a list of entries, got nothing", id="no entries"),
        pytest.param(
            {"resourceType": "Bundle", "entry": list[Any]()}, "got an empty list", id="empty entries"
        ),
        pytest.param({"resourceType": "Bundle", "entry": {}}, "got an object", id="entries as an object"),
        pytest.param({"resourceType": "Bundle", "entry": [3]}, "entry as a JSON object", id="a number entry"),
        pytest.param(
            {"resourceType": "Bundle", "entry": [{"resource": list[Any]()}]},
            "got a list",
            id="a list as resource",
        ),
        pytest.param(
            {"resourceType": "Bundle", "entry": [{"resource": {"id": "x"}}]},
            "must say its resourceType",
            id="a resource without a type",
        ),
        pytest.param(
            {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "patient"}}]},
            "did you mean 'Patient'?",
            id="a misspelt type",
        ),
        pytest.param(
            {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Organization"}}]},
            "holds no Patient",
            id="nobody in it",
        ),
        pytest.param({**bundle(), "type": "history"}, "several versions", id="a history"),
        pytest.param(
            bundle({"resourceType": "Patient", "id": "q"}),
            "2 patients (Patient/p, Patient/q)",
            id="two people",
        ),
    ],
)
def test_what_is_no_record_of_one_patient_is_refused_with_the_place_and_a_remedy(
    value: object, words: str
) -> None:
    with pytest.raises(InputError) as refused:
        check_bundle(value)
    assert words in refused.value.message
    assert refused.value.place is not None
    assert refused.value.place.field


@pytest.mark.parametrize(
    ("resource", "field"),
    [
        pytest.param(order("Warfarin", authoredOn=3), "authoredOn", id="a number as a date"),
        pytest.param(order("Warfarin", authoredOn="yesterday"), "authoredOn", id="words as a date"),
        pytest.param(order("Warfarin", authoredOn="2026-02-30"), "authoredOn", id="a day that is not"),
        pytest.param(
            order("Warfarin", authoredOn="0001-01-01T00:00:00+14:00"), "authoredOn", id="before all years"
        ),
        pytest.param(order("Warfarin", status=["active"]), "status", id="a list as a status"),
        pytest.param(
            order("Warfarin", medicationCodeableConcept="x"), "medicationCodeableConcept", id="text"
        ),
        pytest.param(order("Warfarin \ud800"), "medicationCodeableConcept.text", id="half a character"),
        pytest.param(observation("2160-0", float("nan"), "mg/dL"), "valueQuantity.value", id="not a number"),
        pytest.param(observation("2160-0", 10**400, "mg/dL"), "valueQuantity.value", id="a huge integer"),
        pytest.param(observation("2160-0", 1e300, "mg/dL"), "valueQuantity.value", id="a huge decimal"),
        pytest.param(
            observation("2160-0", value=True, unit="mg/dL"), "valueQuantity.value", id="a truth value"
        ),
        pytest.param(stay(period=[]), "period", id="a list as a period"),
        pytest.param(order("Warfarin", subject="Patient/p"), "subject", id="text as a reference"),
        pytest.param(order("Warfarin", id="\udfff"), "id", id="half a character as an id"),
    ],
)
def test_a_field_of_the_wrong_type_is_named(resource: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as refused:
        check_bundle(bundle(resource))
    assert refused.value.place is not None
    assert str(refused.value.place).startswith("bundle (entry[1].resource")
    assert field in str(refused.value.place)
    str(refused.value).encode()  # can be printed


def test_a_resource_about_someone_else_is_refused() -> None:
    with pytest.raises(InputError, match="is about 'Patient/other'"):
        check_bundle(bundle(order("Warfarin", subject={"reference": "Patient/other"})))


def test_the_same_resource_twice_counts_once() -> None:
    record = bundle(stay(), order("Warfarin", id="one"))
    record["entry"].append(copy.deepcopy(record["entry"][-1]))
    outcome = reconcile(record, summary_of(record))
    assert len(outcome.output.medications) == 1


def test_two_versions_of_one_resource_are_refused() -> None:
    with pytest.raises(InputError, match="stands in the bundle twice"):
        check_bundle(bundle(order("Warfarin", id="one"), order("Digoxin", id="one")))


def test_fields_and_resources_that_are_not_read_are_let_through() -> None:
    check_bundle(bundle(order("Warfarin", note=5), {"resourceType": "Immunization", "status": []}))


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/p",
        "urn:uuid:p",
        "https://example.org/fhir/Patient/p",
        "https://elsewhere.example/Patient/p",
        "Patient/p/_history/3",
    ],
)
def test_every_way_to_refer_to_the_patient_is_understood(reference: str) -> None:
    record = bundle(order("Warfarin", subject={"reference": reference}))
    record["entry"][0]["fullUrl"] = "https://example.org/fhir/Patient/p"
    check_bundle(record)


def _nodes(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    children: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        children = list(value.items())  # pyright: ignore[reportUnknownArgumentType] - any JSON
    elif isinstance(value, list):
        children = list(enumerate(value))  # pyright: ignore[reportUnknownArgumentType] - any JSON
    found = [path] if path else []
    return found + [node for key, child in children for node in _nodes(child, (*path, key))]


_BUNDLES = {name: json.dumps(sample(name)) for name in SAMPLES}
_NODES = {name: _nodes(sample(name)) for name in SAMPLES}

_GARBAGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.text(max_size=8),
    st.just("\ud800"),
    st.sampled_from(["active", "IMP", "Patient/p", "#x", "2026-13-01", "2026-11-22T25:00:00Z", "9999-12-31"]),
    st.lists(st.integers(), max_size=2),
    st.just([None]),
    st.just([{}]),
    st.just({}),
    st.dictionaries(st.sampled_from(["reference", "text", "coding", "value", "start"]), st.integers()),
)


@st.composite
def _damaged(draw: st.DrawFn) -> dict[str, Any]:
    """Take a sample and delete or replace one to three places in it."""
    name = draw(st.sampled_from(sorted(SAMPLES)))
    record: dict[str, Any] = json.loads(_BUNDLES[name])
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(_NODES[name]))
        holder: Any = record
        try:
            for step in path[:-1]:
                holder = holder[step]
            if draw(st.booleans()):
                del holder[path[-1]]
            else:
                holder[path[-1]] = draw(_GARBAGE)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier damage took this place away
    return record


@given(record=_damaged())
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_record_gives_a_clear_refusal_or_a_result_and_never_a_crash(record: dict[str, Any]) -> None:
    refused: InputError | None = None
    try:
        check_bundle(record)
        summary = summarise(record).output
        assert isinstance(summary, Summary)
        received = Summary.model_validate_json(summary.model_dump_json())
        assert received == summary
        for outcome in (reconcile(record, received), prepare_preauthorisation(record, received)):
            outcome.output.model_dump_json()
        for visit in plan_visits(record, received, date(2026, 11, 30)):
            visit.model_dump_json()
    except InputError as error:
        refused = error
    assert refused is None or refused.place is not None


def test_a_reference_without_an_id_names_the_place_instead() -> None:
    record = bundle(stay(), order("Warfarin"))
    del record["entry"][2]["resource"]["id"]
    assert reconcile(record, summary_of(record)).output.medications[0].reference == "entry[2]"


def test_the_patient_reference_is_the_one_that_the_record_uses() -> None:
    assert summary_of(bundle(stay())).patient.reference == PATIENT["reference"]
