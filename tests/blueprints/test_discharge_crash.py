"""The process dies at any moment of a discharge: one appointment each, not two, and the same package."""

from __future__ import annotations

from collections.abc import Generator
from random import Random

import pytest

from kernel.support.crash import Order, children_of
from kernel.support.survey import Survey, share

PARTS = 3


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    with children_of("blueprints.discharge_scenario:SCENARIO") as children:
        yield Survey(children, tmp_path_factory.mktemp("discharges"))


def test_an_undisturbed_discharge_books_each_visit_once(survey: Survey) -> None:
    assert [outcome["status"] for outcome in survey.undisturbed.outcomes] == ["complete"]
    assert len(survey.undisturbed.effects) == 3
    assert len(set(survey.undisturbed.effects)) == 3


@pytest.mark.parametrize("part", range(PARTS))
def test_a_discharge_ends_the_same_whichever_boundary_its_process_dies_at(survey: Survey, part: int) -> None:
    assert survey.problems(share(survey.undisturbed.passed, part, PARTS), deaths=1) == []


def test_a_discharge_ends_the_same_when_many_events_share_a_commit(survey: Survey) -> None:
    problems: list[str] = []
    for place in range(1, 40):
        found = survey.ending(Order("", grouped=True), place)
        if found is not None:  # how many commits there are depends on what meets in one
            problems.extend(survey.compare(found, place))
    assert problems == []


@pytest.mark.parametrize("seed", range(2))
def test_a_discharge_ends_the_same_when_its_process_dies_again_while_it_recovers(
    survey: Survey, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - a choice of places
    problems: list[str] = []
    for _ in range(15):
        first = random.choice(survey.undisturbed.passed)
        second = random.randint(1, 25)
        found = survey.ending(Order(""), first, second)
        if found is not None:  # what was left to do was done before the second place
            problems.extend(survey.compare(found, (first, second)))
    assert problems == []
