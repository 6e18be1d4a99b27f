"""Whenever the process dies, what ran away ends as it would have, and nothing is done once more."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from kernel.support.crash import children_of
from kernel.support.survey import ANY, Survey, lasting, share

PARTS = 3


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    with children_of("kernel.support.fled:SCENARIO") as children:
        yield Survey(children, tmp_path_factory.mktemp("crashes"))


def test_undisturbed_both_branches_run_away(survey: Survey) -> None:
    [outcome] = survey.undisturbed.outcomes
    assert outcome["status"] != "complete"
    assert survey.undisturbed.effects == ["pay 10", "pay 10", "post 0", "post 1"]


@pytest.mark.parametrize("part", range(PARTS))
def test_it_ends_the_same_whichever_boundary_its_process_dies_at(survey: Survey, part: int) -> None:
    # what is in doubt again and again is asked about, and nobody here is there to answer
    places = share(lasting(survey.undisturbed.passed), part, PARTS)
    assert survey.problems(places, ANY, deaths=1) == []
