"""Every pattern within every other ends the same wherever its process dies, and does nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from nests import OUTER, PATTERNS

from kernel.support.crash import children_of
from kernel.support.survey import Survey, share

SKIPPED = ("writing: ", "before the call: ", "committed: no event")
"""Dying before a commit or a call is dying after the commit before it; empty commits differ in number."""

FIFTHS = 5
"""Of the commits a fifth is tried, chosen by name: each pattern by itself is tried at every boundary."""


PARTS = 2


def chosen(passed: Sequence[str]) -> list[str]:
    """Give the boundaries to die at: after every call, and after a fifth of all commits."""
    places = [place for place in passed if not place.startswith(SKIPPED)]
    calls = [place for place in places if place.startswith("after the call: ")]
    return [*calls, *share((place for place in places if place not in calls), 0, FIFTHS)]


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("outer", PATTERNS)
def test_any_pattern_within_it_ends_the_same_whichever_boundary_its_process_dies_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outer: str, part: int
) -> None:
    monkeypatch.setenv(OUTER, outer)
    with children_of("patterns.nests:SCENARIO") as children:
        survey = Survey(children, tmp_path)
        assert {outcome["status"] for outcome in survey.undisturbed.outcomes} == {"complete"}
        places = share(chosen(survey.undisturbed.passed), part, PARTS)
        assert places
        assert survey.problems(places) == []
