"""Whenever the process dies: each effect is asked about once, made once, with the arguments approved."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from kernel.support.crash import children_of
from kernel.support.survey import Survey, lasting, share

PARTS = 2


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    with children_of("kernel.support.ruled:SCENARIO") as children:
        yield Survey(children, tmp_path_factory.mktemp("crashes"))


def test_undisturbed_only_what_was_approved_is_done(survey: Survey) -> None:
    [outcome] = survey.undisturbed.outcomes
    assert outcome["output"] == {"gave": "posted hello", "withheld": []}
    assert survey.undisturbed.effects == ["pay 50", "post hello"]
    asked = [place for place in survey.undisturbed.passed if place.startswith("committed: events: asked")]
    assert len(asked) == 4, "two about the first payment, one about the second, one about the letter"


@pytest.mark.parametrize("part", range(PARTS))
def test_it_ends_the_same_whichever_boundary_its_process_dies_at(survey: Survey, part: int) -> None:
    assert survey.problems(share(lasting(survey.undisturbed.passed), part, PARTS)) == []
