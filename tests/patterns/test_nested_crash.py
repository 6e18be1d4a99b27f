"""Every pattern within every other ends the same wherever its process dies, and does nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from nests import OUTER, PATTERNS

from kernel.support.crash import children_of
from kernel.support.survey import UNREPEATABLE, Survey, lasting, share

DEATHS = 12
"""How often one run dies, each time an hour later and in another part of it: it has a day."""


PARTS = {**dict.fromkeys(PATTERNS, 2), "magentic": 4}
"""In how many tests the rounds of an outer pattern are tried."""


def repeatable(passed: Sequence[str]) -> list[str]:
    return [place for place in lasting(passed) if not UNREPEATABLE.match(place)]


@pytest.mark.parametrize(
    ("outer", "part"), [(outer, part) for outer, parts in PARTS.items() for part in range(parts)]
)
def test_any_pattern_within_it_ends_the_same_whichever_boundary_its_process_dies_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outer: str, part: int
) -> None:
    monkeypatch.setenv(OUTER, outer)
    with children_of("patterns.nests:SCENARIO") as children:
        survey = Survey(children, tmp_path)
        assert {outcome["status"] for outcome in survey.undisturbed.outcomes} == {"complete"}
        places = repeatable(survey.undisturbed.passed)
        assert len(places) > len(PATTERNS) * 5
        assert survey.problems(share(places, part, PARTS[outer]), deaths=DEATHS) == []
