"""The process dies at any moment; the books balance, and every limit trips where it would have tripped."""

from __future__ import annotations

from collections.abc import Generator
from random import Random

import pytest

from kernel.support.crash import Order, children_of
from kernel.support.survey import Survey, lasting, share

PARTS = 4


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    with children_of("kernel.support.thrifty:SCENARIO") as children:
        yield Survey(children, tmp_path_factory.mktemp("crashes"))


def test_undisturbed_the_whole_has_spent_what_its_calls_have(survey: Survey) -> None:
    books = [line for line in survey.undisturbed.effects if line.startswith(("calls:", "whole:"))]
    assert len({line.partition(": ")[2] for line in books}) == 1
    assert survey.undisturbed.outcomes[0]["status"] == "partial"


@pytest.mark.parametrize("part", range(PARTS))
def test_the_books_are_the_same_whichever_boundary_its_process_dies_at(survey: Survey, part: int) -> None:
    assert survey.problems(share(lasting(survey.undisturbed.passed), part, PARTS)) == []


@pytest.mark.parametrize("seed", range(2))
def test_the_books_are_the_same_when_it_dies_again_while_it_recovers(survey: Survey, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - a choice of places
    problems: list[str] = []
    for _ in range(4):
        first, second = random.choice(survey.undisturbed.passed), random.randint(1, 30)
        found = survey.ending(Order(""), first, second)
        if found is not None:  # what was left to do was done before the second place
            problems.extend(survey.compare(found, (first, second)))
    assert problems == []
