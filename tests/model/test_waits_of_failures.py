"""For how long somebody asks not to be called is believed within bounds."""

from __future__ import annotations

from typing import Any

import pytest

from ripieno.model.errors import ToolError
from ripieno.model.failure import LONGEST_SECONDS, wait_of


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        (30, 30.0),
        (0.5, 0.5),
        (float("inf"), LONGEST_SECONDS),
        (10**400, LONGEST_SECONDS),
        (float("nan"), None),
        (-5.0, None),
        (True, None),
        ("soon", None),
        (None, None),
    ],
    ids=str,
)
def test_a_wait_is_finite_and_no_longer_than_a_month(said: Any, wait: float | None) -> None:
    assert wait_of(ToolError("busy", retry_after=said)) == wait


def test_an_error_that_asks_for_nothing_asks_for_no_wait() -> None:
    assert wait_of(ValueError("no")) is None
