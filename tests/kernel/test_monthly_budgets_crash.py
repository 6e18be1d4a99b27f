"""Whenever the process dies, the books of a month are those of an uninterrupted run."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from kernel.support.crash import children_of
from kernel.support.survey import ANY, Survey, lasting, share

PARTS = 3


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    with children_of("kernel.support.billed:SCENARIO") as children:
        yield Survey(children, tmp_path_factory.mktemp("crashes"))


def test_undisturbed_all_that_was_spent_is_in_the_books_and_nothing_is_reserved(survey: Survey) -> None:
    assert survey.undisturbed.effects == [" spent 150000", "research spent 150000", "reserved 0", "told 0"]


@pytest.mark.parametrize("part", range(PARTS))
def test_the_books_are_the_same_whichever_boundary_its_process_dies_at(survey: Survey, part: int) -> None:
    # what is in doubt again and again is asked about, and nobody here is there to answer
    places = share(lasting(survey.undisturbed.passed), part, PARTS)
    assert survey.problems(places, ANY, deaths=1) == []
