"""The process dies at any moment; the run ends as if it had not, and did the same to the world."""

from __future__ import annotations

from collections.abc import Generator
from random import Random

import pytest

from kernel.support.crash import Order, children_of
from kernel.support.survey import Survey, lasting, share

PARTS = 6
SECOND_DEATHS = 28


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    with children_of("kernel.support.errands:SCENARIO") as children:
        yield Survey(children, tmp_path_factory.mktemp("crashes"))


def test_an_undisturbed_run_does_everything_once(survey: Survey) -> None:
    undisturbed = survey.undisturbed
    assert [outcome["status"] for outcome in undisturbed.outcomes] == ["complete"]
    assert len(undisturbed.effects) == len(set(undisturbed.effects))
    assert {place.split(":")[0] for place in undisturbed.passed} == {
        "writing",
        "committed",
        "before the call",
        "after the call",
    }


@pytest.mark.parametrize("part", range(PARTS))
def test_a_run_ends_the_same_whichever_boundary_its_process_dies_at(survey: Survey, part: int) -> None:
    assert survey.problems(share(lasting(survey.undisturbed.passed), part, PARTS), deaths=1) == []


@pytest.mark.parametrize("part", range(2))
def test_a_run_ends_the_same_when_many_events_share_a_commit(survey: Survey, part: int) -> None:
    problems: list[str] = []
    for place in range(part + 1, 100, 5):
        found = survey.ending(Order("", grouped=True), place)
        if found is not None:  # how many commits there are depends on what meets in one
            problems.extend(survey.compare(found, place))
    assert problems == []


@pytest.mark.parametrize("seed", range(4))
def test_a_run_ends_the_same_when_its_process_dies_again_while_it_recovers(survey: Survey, seed: int) -> None:
    undisturbed = survey.undisturbed
    random = Random(seed)  # noqa: S311 - a choice of places
    problems: list[str] = []
    for _ in range(SECOND_DEATHS // 4):
        first = random.choice(undisturbed.passed)
        second = random.randint(1, 30)
        found = survey.ending(Order(""), first, second)
        if found is not None:  # what was left to do was done before the second place
            problems.extend(survey.compare(found, (first, second)))
    assert problems == []
