"""What a tool declares of what it gives is checked when it is declared."""

from __future__ import annotations

from typing import Any

import pytest

from ripieno.connectors.tool import tool
from ripieno.model.errors import DefinitionError


def search() -> str:
    return "found"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"trust": "mostly"}, "trust must be 'trusted' or 'untrusted', got 'mostly'"),
        ({"data": ["persnal"]}, "unknown class of data 'persnal'.*personal"),
    ],
    ids=["trust", "class of data"],
)
def test_a_label_that_says_nothing_known_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        tool(search, effect="read", **settings)
