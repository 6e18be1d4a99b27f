"""The sentence that a value came from is told as it stands there."""

from __future__ import annotations

from typing import Any

import pytest

from ripieno.mediation.provenance.sentences import sentence_with, told_at

NOTE = "Came in with fever. Please pay to\nNorthgate  Claims, account 12. All is well.\n\nSigned: nobody"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("Northgate Claims", "Please pay to Northgate Claims, account 12."),
        ("northgate claims", "Please pay to Northgate Claims, account 12."),
        ("fever", "Came in with fever."),
        ("nobody", "Signed: nobody"),
        ("Elsewhere", None),
        ("", None),
        (".*", None),
    ],
)
def test_a_sentence_is_found_by_what_it_holds(value: str, said: str | None) -> None:
    assert sentence_with(NOTE, value) == said


def test_of_a_sentence_without_an_end_what_is_around_the_value_is_told() -> None:
    said = sentence_with(f"{'a ' * 1000}Northgate Claims{' b' * 1000}", "Northgate Claims")
    assert said is not None
    assert len(said) <= 400
    assert " a Northgate Claims b " in said


@pytest.mark.parametrize(
    ("value", "at", "told"),
    [
        ({"reference": "D/1", "text": NOTE}, "text", ("D/1", "Came in with fever.")),
        ({"notes": [{"text": NOTE, "url": "x"}]}, "notes[0].text", ("x", "Came in with fever.")),
        ({"id": "outer", "of": {"text": NOTE}}, "of.text", ("outer", "Came in with fever.")),
        (NOTE, "", ("", "Came in with fever.")),
        ({"text": "fever"}, "text", None),
        ({"text": 1}, "text", None),
        ({"text": NOTE}, "elsewhere", None),
    ],
    ids=["beside", "in a list", "around", "nothing else", "the value itself", "a number", "another place"],
)
def test_what_a_text_is_called_stands_beside_or_around_it(value: Any, at: str, told: Any) -> None:
    assert told_at(value, at, "fever") == told
