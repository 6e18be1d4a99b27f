"""The process dies at any moment; there is one child run of each, one end of it, and the books balance."""

from __future__ import annotations

import re
from collections.abc import Generator
from random import Random

import pytest

from kernel.support.crash import Order, children_of
from kernel.support.survey import ANY, UNREPEATABLE, Survey, lasting, share

PARTS = 3


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    with children_of("kernel.support.families:SCENARIO") as children:
        yield Survey(children, tmp_path_factory.mktemp("crashes"))


@pytest.fixture(scope="module")
def called_off(tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    with children_of("kernel.support.families:CALLED_OFF") as children:
        yield Survey(children, tmp_path_factory.mktemp("called-off"))


def problems_of(survey: Survey, part: int, unrepeatable: re.Pattern[str] = UNREPEATABLE) -> list[str]:
    return survey.problems(share(lasting(survey.undisturbed.passed), part, PARTS), unrepeatable)


def test_undisturbed_each_is_run_once_and_the_whole_has_spent_what_they_have(survey: Survey) -> None:
    done = [line for line in survey.undisturbed.effects if ":" not in line]
    assert done == ["first", "pay agency", "pay clerk-pays", "pay closing", "second", "third"]
    spent = [line.partition("tokens=")[2].partition(",")[0] for line in survey.undisturbed.effects]
    assert sorted(filter(None, spent)) == ["10", "20", "30"]


@pytest.mark.parametrize("part", range(PARTS))
def test_whichever_boundary_it_dies_at_there_is_one_child_and_one_end(survey: Survey, part: int) -> None:
    assert problems_of(survey, part) == []


@pytest.mark.parametrize("part", range(PARTS))
def test_whichever_boundary_it_dies_at_a_child_is_cancelled_and_undone_with_it(
    called_off: Survey, part: int
) -> None:
    assert "take back clerk-pays" in called_off.undisturbed.effects
    assert called_off.undisturbed.outcomes[0]["status"] == "cancelled"
    # when a cancellation is heard of depends on who is faster, and with it which boundaries there are
    assert problems_of(called_off, part, ANY) == []


@pytest.mark.parametrize("seed", range(2))
def test_it_comes_to_the_same_when_it_dies_again_while_it_recovers(survey: Survey, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - a choice of places
    problems: list[str] = []
    for _ in range(4):
        first, second = random.choice(survey.undisturbed.passed), random.randint(1, 30)
        found = survey.ending(Order(""), first, second)
        if found is not None:  # what was left to do was done before the second place
            problems.extend(survey.compare(found, (first, second)))
    assert problems == []
