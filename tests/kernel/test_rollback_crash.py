"""The process dies at any moment of a rollback: it goes on where it stood, and takes everything back once."""

from __future__ import annotations

import re
from collections.abc import Generator
from random import Random

import pytest

from kernel.support.crash import Order, children_of
from kernel.support.survey import Survey, lasting, share

PARTS = 3

UNREPEATABLE = re.compile(r"(writing|committed): ")
"""Of several runs, which one's commit is the next depends on who is faster."""


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    with children_of("kernel.support.rolled_back:SCENARIO") as children:
        yield Survey(children, tmp_path_factory.mktemp("crashes"))


def test_undisturbed_everything_is_taken_back_once_the_latest_first(survey: Survey) -> None:
    [outcome] = survey.undisturbed.outcomes
    assert outcome["status"] == "complete"
    assert survey.undisturbed.effects == [
        "reserve plane",
        "reserve seat 1",
        "reserve seat 2",
        "reserve room",
        "release room",
        "release seat 2",
        "release seat 1",
        "release plane",
    ]


def undoing(survey: Survey) -> list[str]:
    """Give the boundaries from the making of the run that takes back on: four runs are made before it."""
    passed = list(survey.undisturbed.passed)
    first = next(n for n, place in enumerate(passed) if "run.started" in place and place.endswith("#5"))
    return [place for place in passed[first:] if "no event" not in place and "message" not in place]


@pytest.mark.parametrize("part", range(PARTS))
def test_whichever_boundary_it_dies_at_each_is_taken_back_once(survey: Survey, part: int) -> None:
    assert survey.problems(share(lasting(undoing(survey)), part, PARTS), UNREPEATABLE) == []


def test_it_comes_to_the_same_when_it_dies_again_while_it_recovers(survey: Survey) -> None:
    random = Random(7)  # noqa: S311 - a choice of places
    problems: list[str] = []
    for _ in range(5):
        first, second = random.choice(undoing(survey)), random.randint(1, 30)
        found = survey.ending(Order(""), first, second)
        if found is not None:  # what was left to do was done before the second place
            problems.extend(survey.compare(found, (first, second)))
    assert problems == []


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    with children_of("kernel.support.rolled_back:OPEN_SCENARIO") as children:
        yield Survey(children, tmp_path_factory.mktemp("crashes"))


def test_undisturbed_a_run_that_waits_is_ended_and_taken_back(waiting: Survey) -> None:
    assert waiting.undisturbed.effects == ["reserve plane", "reserve room", "release room", "release plane"]


@pytest.mark.parametrize("part", range(PARTS))
def test_whichever_boundary_it_dies_at_a_run_that_waits_is_ended_and_taken_back(
    waiting: Survey, part: int
) -> None:
    passed = list(waiting.undisturbed.passed)
    made = next(n for n, place in enumerate(passed) if "run.started" in place and place.endswith("#4"))
    places = [place for place in passed[made:] if "no event" not in place and "/wait/" not in place]
    # every other one, always the same
    assert waiting.problems(share(lasting(places), part, 2 * PARTS), UNREPEATABLE) == []
