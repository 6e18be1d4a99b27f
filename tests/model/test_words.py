"""Durations, limits, ids, principals, outcomes, errors: small words with firm edges."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ripieno.model.decimals import decimal
from ripieno.model.durations import in_seconds, seconds
from ripieno.model.errors import DefinitionError, InputError, Place, RipienoError, StoreError, nearest
from ripieno.model.ids import new_id, short
from ripieno.model.limits import Limits
from ripieno.model.outcome import Confidence, Evidence, Outcome
from ripieno.model.participant import Task
from ripieno.model.principal import Principal
from ripieno.model.value import Value, encode

# -- durations ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("duration", "found"),
    [
        ("250ms", 0.25),
        ("90s", 90),
        ("1.5m", 90),
        ("4h", 14_400),
        ("2d", 172_800),
        ("1w", 604_800),
        ("1h30m", 5400),
        (90, 90),
        (0.5, 0.5),
        (timedelta(minutes=1), 60),
    ],
    ids=str,
)
def test_durations_are_read_as_people_write_them(duration: Any, found: float) -> None:
    assert seconds(duration) == found


@pytest.mark.parametrize(
    "duration",
    [
        *("", "30", "30 m", "m", "1h30", "-1s", "0s", "1y", "1H", "\u0661s", "9" * 400 + "s"),
        *(0, -1, math.nan, math.inf, 10**400, timedelta(0), None, [], {}),
    ],
    ids=lambda value: str(value)[:12] or "empty",
)
def test_what_is_no_positive_duration_is_refused_by_name(duration: Any) -> None:
    with pytest.raises(DefinitionError, match="expected a"):
        seconds(duration)


@given(duration=st.floats(min_value=1e-9, max_value=1e12))
def test_a_duration_in_a_definition_reads_back_as_the_same_time(duration: float) -> None:
    assert seconds(in_seconds(duration)) == duration


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_a_decimal_reads_back_as_the_same_float(value: float) -> None:
    text = decimal(value)
    assert float(text) == value
    assert "e" not in text


def test_limits_are_checked_when_they_are_made_and_say_themselves_in_seconds() -> None:
    assert Limits(active="90m", deadline=timedelta(days=30)).document() == {
        "active": "5400s",
        "deadline": "2592000s",
    }
    assert Limits().document() == {}
    with pytest.raises(DefinitionError):
        Limits(deadline="soon")


# -- ids and principals -------------------------------------------------------------------------------


def test_ids_are_uuids_of_version_7_in_the_order_of_time() -> None:
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert {len(bytes.fromhex(found)) for found in ids} == {16}
    assert {found[12] for found in ids} == {"7"}
    assert [found[:12] for found in ids] == sorted(found[:12] for found in ids)
    assert short(ids[0]) == ids[0][-6:]


def test_a_principal_is_named_by_kind_and_name() -> None:
    ada = Principal("person", "ada", roles=frozenset({"clinician"}))
    assert (ada.id, ada.tenant) == ("person:ada", "default")
    assert ada.holds("clinician")
    assert not ada.holds("treasurer")
    assert Principal("person", "op", every_role=True).holds("treasurer")


@pytest.mark.parametrize("name", ["a", "Ada.Lovelace+x@example.org", "9" * 128])
def test_names_of_ascii_letters_and_digits_are_taken(name: str) -> None:
    assert Principal("service", name, tenant=name).name == name


@pytest.mark.parametrize(
    "name", ["", " ", "-a", "a b", "a/b", "a:b", "ä", "\ud800", "a\n", "9" * 129], ids=ascii
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="principal name"):
        Principal("person", name)
    with pytest.raises(InputError, match="tenant name"):
        Principal("person", "ada", tenant=name)


# -- outcomes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_confidence_lies_between_nought_and_one(value: float) -> None:
    assert Confidence(value, "rule").value == value


@pytest.mark.parametrize("value", [-0.01, 1.01, math.nan, math.inf], ids=str)
def test_confidence_elsewhere_is_refused(value: float) -> None:
    with pytest.raises(InputError, match="confidence must be in"):
        Confidence(value, "rule")


def test_absent_confidence_is_below_any_threshold() -> None:
    assert Outcome("complete").below(0.0)
    assert Outcome("complete", confidence=Confidence(0.4, "rule")).below(0.5)
    assert not Outcome("complete", confidence=Confidence(0.5, "rule")).below(0.5)


def test_only_complete_is_success() -> None:
    assert Outcome("complete").ok
    assert not any(Outcome(status).ok for status in ("partial", "escalated", "failed", "cancelled"))


FULL = Outcome(
    "partial",
    {"found": 1},
    confidence=Confidence(0.5, "rule"),
    evidence=[Evidence("it is so", "Patient/1", "words")],
    reason="out of time",
)


def test_an_outcome_is_what_its_document_says() -> None:
    assert Outcome.read(FULL.document()) == FULL
    bare = Outcome("complete", "text")
    assert Outcome.read(bare.document()) == bare
    assert bare != FULL
    assert bare != "text"
    assert (
        repr(FULL)
        == "Outcome('partial', confidence=Confidence(value=0.5, method='rule'), reason='out of time')"
    )


def test_an_outcome_held_by_reference_reads_the_same() -> None:
    evidence = [{"claim": "it is so", "reference": "Patient/1", "detail": "words"}]
    recorded = Outcome(
        "partial",
        Value("a", encode({"found": 1})),
        confidence=Confidence(0.5, "rule"),
        evidence=Value("b", encode(evidence)),
        reason=Value("c", encode("out of time")),
    )
    assert recorded == FULL
    assert [part.ref for part in recorded.parts if isinstance(part, Value)] == ["a", "b", "c"]


def test_an_outcome_cannot_be_a_key() -> None:
    with pytest.raises(TypeError):
        hash(FULL)


def test_the_next_stage_sees_what_came_before_and_by_name() -> None:
    first = Task(Value("a", b"1"))
    second = first.after("one", FULL).after("two", Outcome("complete"))
    assert (list(second.state), second.previous) == (["one", "two"], "two")
    assert first.state == {}


# -- errors -------------------------------------------------------------------------------------------


def test_an_error_says_where_what_and_what_next() -> None:
    place = Place("flow.yaml", 3, "participants.clinician")
    error = DefinitionError("no such role", place=place, remedy="declare it")
    assert str(error) == "flow.yaml:3 (participants.clinician): no such role\n  declare it"
    assert (str(Place("flow.yaml")), str(StoreError("full"))) == ("flow.yaml", "full")


def kinds(root: type[RipienoError]) -> list[type[RipienoError]]:
    return [kind for direct in root.__subclasses__() for kind in (direct, *kinds(direct))]


def test_every_error_of_the_model_has_a_code_of_its_own() -> None:
    own = [kind.code for kind in kinds(RipienoError) if kind.__module__ == "ripieno.model.errors"]
    assert len(own) == len(set(own)) >= 8


def test_a_name_that_is_nearly_right_brings_the_known_one_to_mind() -> None:
    assert nearest("clincian", ["clinician", "nurse"]) == " (did you mean 'clinician'?)"
    assert nearest("zebra", ["clinician"]) == ""
