"""Whenever the process dies: what was judged stays judged, and people are asked once."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from kernel.support.crash import children_of
from kernel.support.survey import Survey, lasting, share

PARTS = 2


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    with children_of("mediation.judged:SCENARIO") as children:
        yield Survey(children, tmp_path_factory.mktemp("crashes"))


def test_undisturbed_only_what_passes_or_is_let_pass_is_done_and_used(survey: Survey) -> None:
    [outcome] = survey.undisturbed.outcomes
    assert outcome["output"] == {"paid": [5, "invalid", "rejected"], "total": 2}
    assert survey.undisturbed.effects == ["pay 5"]
    asked = [place for place in survey.undisturbed.passed if place.startswith("committed: events: asked")]
    assert len(asked) == 4, "about the input, two calls and the result"


@pytest.mark.parametrize("part", range(PARTS))
def test_it_ends_the_same_whichever_boundary_its_process_dies_at(survey: Survey, part: int) -> None:
    assert survey.problems(share(lasting(survey.undisturbed.passed), part, PARTS)) == []
