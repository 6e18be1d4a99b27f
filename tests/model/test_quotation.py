"""What counts as a quotation: whole words of the input, as they are written there."""

from __future__ import annotations

from typing import Any

import pytest

from ripieno import quoted
from ripieno.model.errors import DefinitionError
from ripieno.model.quotation import Quoted, stands_in

REQUEST = "Send it to Dora (not 'Dorothea'), file bill-2023.txt, at a.da@example.com. Pay 4711."


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Dora", True),
        ("Dorothea", True),
        ("it to Dora", True),
        ("4711", True),
        ("bill-2023.txt", True),
        ("a.da@example.com", True),
        ("dora", False),
        ("Dor", False),
        ("oth", False),
        ("bill", False),
        ("2023", False),
        ("da@example.com", False),
        ("a.da@example", False),
        ("it", False),
        ("Eve", False),
        (".*", False),
    ],
)
def test_whole_words_as_they_are_written(text: str, *, found: bool) -> None:
    assert stands_in(text, REQUEST) is found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"to": ["Dora", 4711]}, True),
        ({"to": {"who": "for Dora"}}, True),
        ({"Dora": "somebody"}, False),
        (["Do", "ra"], False),
        (None, False),
    ],
)
def test_it_is_looked_for_in_every_text_and_in_no_name_of_a_field(value: Any, *, found: bool) -> None:
    assert stands_in("Dora", value) is found


def test_what_stands_almost_anywhere_is_not_quoted() -> None:
    assert quoted("Ada") == Quoted("Ada")
    with pytest.raises(DefinitionError, match="too short to be quoted: 'me'") as refused:
        quoted("me")
    assert "at least 3 characters" in str(refused.value.remedy)
