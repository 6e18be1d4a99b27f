"""Values that are recorded nowhere are found in whatever form ordinary code gives them."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ripieno.model.confidential import KEPT_EACH, LEAST, Confidential
from ripieno.model.value import decode, encode

NAME = "secret://env/KEY"
VALUE = 'p@ss "w\\ord"/é+=\nline&<2>'

FORMS: dict[str, Callable[[str], str]] = {
    "itself": lambda value: value,
    "within a longer text": lambda value: f"Bearer {value}; and more",
    "Python": repr,
    "Python in ASCII": ascii,
    "Python in JSON": lambda value: json.dumps({"said": str([value])}),
    "Python in other quotes": lambda value: repr(f"it's {value}"),
    "JSON": json.dumps,
    "JSON in UTF-8": lambda value: json.dumps(value, ensure_ascii=False),
    "JSON within JSON": lambda value: json.dumps({"said": json.dumps([value])}),
    "a URL's path": quote,
    "a URL's query": lambda value: f"https://x.example/?key={quote(value, safe='')}",
    "a form": quote_plus,
    "lower-case percent signs": lambda value: re.sub("%..", lambda one: one.group().lower(), quote(value)),
    "HTML": html.escape,
    "hexadecimal": lambda value: value.encode().hex(),
    "upper-case hexadecimal": lambda value: value.encode().hex().upper(),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "basic authentication": lambda value: base64.b64encode(f"me:{value}".encode()).decode(),
    "base64 one byte on": lambda value: base64.b64encode(f"u{value}tail".encode()).decode(),
    "base64 for URLs": lambda value: base64.urlsafe_b64encode(f"ab{value}".encode()).decode(),
    "without the line break at its end": lambda value: value.strip(),
}


def holding(value: str = VALUE) -> Confidential:
    held = Confidential()
    held.hold(NAME, value)
    return held


@pytest.mark.parametrize("write", FORMS.values(), ids=FORMS)
def test_a_value_is_found_in_the_forms_that_carry_it(write: Callable[[str], str]) -> None:
    held = holding()
    text = write(VALUE)
    assert held.found(text.encode()) == (NAME,)
    covered = held.cover(text)
    assert f"[{NAME}]" in covered
    assert held.found(covered.encode()) == ()
    assert held.found(encode(held.without({"a": [text, {text: 1}]}))) == ()


def test_nothing_else_is_touched() -> None:
    held = holding()
    plain = {"a": ["p@ss", 1, 2.5, None, True], "b": {"é": "w\\ord"}}
    assert held.without(plain) == plain
    assert held.found(encode(plain)) == ()
    assert held.cover("lone \ud800 surrogate") == "lone \ud800 surrogate"


def test_nothing_is_looked_for_until_something_is_held() -> None:
    held = Confidential()
    assert not held.known
    assert held.found(b"anything") == ()
    assert held.cover("anything") == "anything"


def test_a_number_that_spells_a_value_is_replaced() -> None:
    held = holding("1234567890")
    assert held.without({"pin": 1234567890, "more": 7}) == {"pin": f"[{NAME}]", "more": 7}


def test_a_value_over_the_border_of_two_parts_leaves_nothing_but_its_name() -> None:
    held = holding('aaaaaaaa","bbbbbbbb')
    assert held.without(["aaaaaaaa", "bbbbbbbb"]) == f"[{NAME}]"


@pytest.mark.parametrize("short", ["", "       ", "x" * (LEAST - 1), f"{'x' * (LEAST - 1)}\n"])
def test_a_value_that_is_too_short_to_be_told_apart_is_refused(short: str) -> None:
    with pytest.raises(ValueError, match="at least 8 bytes"):
        Confidential().hold(NAME, short)


def test_what_was_replaced_is_still_looked_for_the_latest_few() -> None:
    held = Confidential()
    values = [f"value number {number:03}" for number in range(KEPT_EACH + 1)]
    for value in values:
        held.hold(NAME, value)
    assert held.found(values[0].encode()) == ()
    assert all(held.found(value.encode()) == (NAME,) for value in values[1:])


def test_of_two_values_within_each_other_the_longer_is_named() -> None:
    held = holding("abcdefgh")
    held.hold("secret://env/LONGER", "abcdefgh-ijklmnop")
    assert held.cover("abcdefgh-ijklmnop") == "[secret://env/LONGER]"
    assert held.found(b"abcdefgh-ijklmnop") == ("secret://env/KEY", "secret://env/LONGER")


@settings(max_examples=60)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=LEAST, max_size=40))
def test_whatever_the_value_nothing_of_it_is_left_in_what_is_recorded(value: str) -> None:
    assume(len(value.strip().encode()) >= LEAST)
    held = holding(value)
    encoded = base64.b64encode(value.encode()).decode()
    data = encode({"as it is": value, value: [f"x{value}y"], "encoded": encoded})
    assert held.found(data) == (NAME,)
    assert held.found(encode(held.without(decode(data)))) == ()
