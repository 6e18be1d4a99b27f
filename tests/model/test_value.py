"""Any value is recorded, and what is read back is what the next participant saw."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from ripieno.model.value import Value, decode, encode

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=25,
)


@given(value=anything)
def test_whatever_json_can_say_comes_back_equal(value: Any) -> None:
    assert decode(encode(value)) == value


@given(value=anything)
def test_what_replay_reads_equals_what_was_seen_live(value: Any) -> None:
    live = decode(encode(value))
    assert encode(live) == encode(decode(encode(live)))


EDGES: dict[str, Any] = {
    "infinity": math.inf,
    "minus infinity": -math.inf,
    "largest float": 1e308,
    "smallest float": 5e-324,
    "minus zero": -0.0,
    "400 digits": 10**400,
    "4300 digits": 10**4299,
    "4301 digits": 10**4300,
    "minus 10,000 digits": -(10**9999),
    "surrogate": "\ud800",
    "surrogates within": {"\udfff": ["\ud83d"]},
}


@pytest.mark.parametrize("edge", EDGES)
def test_values_at_the_edge_of_json_come_back_equal(edge: str) -> None:
    assert repr_of(decode(encode(EDGES[edge]))) == repr_of(EDGES[edge])


def repr_of(value: Any) -> str:
    return hex(value) if isinstance(value, int) else repr(value)


def test_nan_comes_back_as_nan() -> None:
    (found,) = decode(encode([math.nan]))
    assert math.isnan(found)


@pytest.mark.parametrize("depth", [1, 200, 201, 254, 255, 400])
@pytest.mark.parametrize(
    "innermost", [-17, 'a "quoted" \\ text [[[', "\ud800"], ids=["number", "quotes", "surrogate"]
)
def test_nested_values_come_back_whole(depth: int, innermost: object) -> None:
    value: Any = innermost
    for level in range(depth):
        value = [value] if level % 2 else {"in": value}
    found = decode(encode(value))
    for level in reversed(range(depth)):
        found = found[0] if level % 2 else found["in"]
    assert found == innermost


@pytest.mark.parametrize("depth", [401, 900, 5000])
def test_what_is_nested_deeper_than_can_be_read_is_recorded_as_its_text(depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    assert isinstance(decode(encode(value)), str)


class Colour(Enum):
    RED = "red"


@dataclass
class Dose:
    amount: Decimal
    on: date


class Patient(BaseModel):
    name: str
    born: datetime


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ((1, 2), [1, 2]),
        ({3}, [3]),
        ({1: "one"}, {"1": "one"}),
        (b"bytes", "bytes"),
        (Colour.RED, "red"),
        (Dose(Decimal("2.50"), date(2026, 1, 2)), {"amount": "2.50", "on": "2026-01-02"}),
        (
            Patient(name="A", born=datetime(1815, 12, 10, tzinfo=UTC)),
            {"name": "A", "born": "1815-12-10T00:00:00Z"},
        ),
    ],
    ids=["tuple", "set", "integer key", "bytes", "enum", "dataclass", "model"],
)
def test_values_with_structure_are_recorded_as_json(value: object, found: object) -> None:
    assert decode(encode(value)) == found


class Mute:
    def __repr__(self) -> str:
        msg = "no"
        raise RuntimeError(msg)


def circle() -> list[Any]:
    items: list[Any] = [1]
    items.append(items)
    return items


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"\xff", "b'\\xff'"),
        (Mute(), "<Mute whose repr raised RuntimeError>"),
        ({"mute": Mute(), "text": "\ud800"}, "<dict whose repr raised RuntimeError>"),
        (circle(), "[1, [...]]"),
        ({(1, 2): "\ud800"}, "{(1, 2): '\\ud800'}"),
        (len, "<built-in function len>"),
    ],
    ids=["bytes", "mute", "mute within", "circle", "key", "function"],
)
def test_what_no_json_can_carry_is_recorded_as_its_text(value: object, text: str) -> None:
    assert decode(encode(value)) == text


def test_a_text_with_surrogates_is_escaped_where_it_stands_for_a_value() -> None:
    class Odd:
        def __repr__(self) -> str:
            return "odd \ud800"

    assert decode(encode(Odd())) == "odd \\ud800"


def test_damaged_bytes_are_not_read_as_a_value() -> None:
    for data in (b"", b"{", b"\0a{", b"\0r\xff"):
        with pytest.raises(ValueError, match=r".+"):
            decode(data)


# -- by reference -------------------------------------------------------------------------------------


def test_a_value_is_loaded_when_it_is_first_needed_and_once() -> None:
    asked: list[str] = []

    def load(ref: str) -> bytes:
        asked.append(ref)
        return encode([1])

    value = Value("0" * 64, load=load)
    assert not value.held
    assert (value.decode(), value.decode()) == ([1], [1])
    assert value.held
    assert asked == ["0" * 64]


def test_nobody_can_change_what_another_reads() -> None:
    value = Value("ref", encode({"list": []}))
    value.decode()["list"].append("mine")
    assert value.decode() == {"list": []}


def test_a_value_shows_the_start_of_its_reference_and_nothing_of_itself() -> None:
    assert repr(Value("0123456789abcdef", encode("private"))) == "Value(0123456789ab…)"
