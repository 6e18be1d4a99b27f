"""Modes end the same whenever their process dies, and only what people approved is done."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from kernel.support.crash import children_of
from kernel.support.survey import Survey, lasting, share

PARTS = 4


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    with children_of("patterns.by_modes:SCENARIO") as children:
        yield Survey(children, tmp_path_factory.mktemp("crashes"))


def test_undisturbed_it_does_only_what_was_approved(survey: Survey) -> None:
    [outcome] = survey.undisturbed.outcomes
    assert (outcome["status"], outcome["output"]) == ("complete", "shipped by hand and filed")
    assert survey.undisturbed.effects == ["book archive", "book station", "pay 7", "pay 70"]


@pytest.mark.parametrize("part", range(PARTS))
def test_it_ends_the_same_whichever_boundary_its_process_dies_at(survey: Survey, part: int) -> None:
    assert survey.problems(share(lasting(survey.undisturbed.passed), part, PARTS)) == []
