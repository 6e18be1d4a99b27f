"""Whenever the process dies while operators pause, resume and skip: the run ends as if it had not."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from kernel.support.crash import children_of
from kernel.support.survey import ANY, Survey, lasting, share

PARTS = 3


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    with children_of("kernel.support.steered:SCENARIO") as children:
        yield Survey(children, tmp_path_factory.mktemp("crashes"))


def test_undisturbed_the_review_is_skipped_and_all_else_is_done(survey: Survey) -> None:
    [outcome] = survey.undisturbed.outcomes
    assert outcome["status"] == "complete"
    assert survey.undisturbed.effects == ["pay 10", "pay 20", "pay 30"]
    assert any("message" in place for place in survey.undisturbed.passed)


@pytest.mark.parametrize("part", range(PARTS))
def test_it_ends_the_same_whichever_boundary_its_process_dies_at(survey: Survey, part: int) -> None:
    """What comes first, a command or what it is about, differs from run to run, and so do some places."""
    assert survey.problems(share(lasting(survey.undisturbed.passed), part, PARTS), ANY) == []
