"""Every pattern within every other ends the same wherever its process dies, and does nothing twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from nests import OUTER, PATTERNS

from kernel.support.crash import Order, children_of
from kernel.support.survey import UNREPEATABLE, Survey

SKIPPED = ("writing: ", "before the call: ")
"""Dying before a commit or a call is dying after the commit before it."""

DEATHS = 12
"""How often one run dies, each time an hour later and in another part of it: it has a day."""


PARTS = {**dict.fromkeys(PATTERNS, 2), "magentic": 6}
"""In how many tests the rounds of an outer pattern are tried."""


def rounds(passed: Sequence[str]) -> list[Sequence[str]]:
    """Give all boundaries to die at, in rounds of so many that lie as far from each other as they can."""
    places = [place for place in passed if not place.startswith(SKIPPED) and not UNREPEATABLE.match(place)]
    count = -(-len(places) // DEATHS)
    return [places[first::count] for first in range(count)]


def problems(survey: Survey, places: Sequence[str]) -> Iterator[str]:
    """Let one run die at all of these; where it does not come to all, one run at each."""
    found = survey.ending(Order(""), *places)
    if found is None:
        yield from survey.problems(places)
    else:
        yield from survey.compare(found, places)


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
        tried = rounds(survey.undisturbed.passed)
        assert len({place for places in tried for place in places}) > len(PATTERNS) * 5
        mine = tried[part :: PARTS[outer]]
        assert [problem for places in mine for problem in problems(survey, places)] == []
