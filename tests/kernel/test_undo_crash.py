"""The process dies at any moment of taking things back: each is taken back exactly once."""

from __future__ import annotations

from collections.abc import Generator
from random import Random

import pytest

from kernel.support.crash import Order, children_of
from kernel.support.survey import Survey, lasting, share

PARTS = 4


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    with children_of("kernel.support.taken_back:SCENARIO") as children:
        yield Survey(children, tmp_path_factory.mktemp("crashes"))


def test_undisturbed_it_takes_everything_back_once_the_latest_first(survey: Survey) -> None:
    [outcome] = survey.undisturbed.outcomes
    assert outcome["status"] == "cancelled"
    assert outcome["reason"] == (
        "cancelled by person:ada"
        "; undone: transfer (sequential@1/announce@1/tool/2)"
        "; stands: post (sequential@1/announce@1/tool/1)"
        "; stands, having no undo: shout (sequential@1/travel@1/train@1/deposit@1/tool/2)"
        "; undone: reserve (sequential@1/travel@1/plane@1/tool/1)"
    )
    assert survey.undisturbed.effects == [
        "pay 5",
        "pay 7",
        "pay back 5 of 5",
        "pay back 7 of 7",
        "pay for letter of invitation",
        "pay to shout hello",
        "release plane",
        "release seat 1",
        "release seat 2",
        "reserve plane",
        "reserve seat 1",
        "reserve seat 2",
        "release seat 2",
        "release seat 1",
    ]


def undoing(survey: Survey) -> list[str]:
    """Give the boundaries from the first plan of taking something back on: others know those before it."""
    passed = list(survey.undisturbed.passed)
    return passed[next(n for n, place in enumerate(passed) if "undo" in place) :]


@pytest.mark.parametrize("part", range(PARTS))
def test_it_comes_to_the_same_whichever_boundary_its_process_dies_at(survey: Survey, part: int) -> None:
    assert survey.problems(share(lasting(undoing(survey)), part, PARTS)) == []


def test_it_comes_to_the_same_when_its_process_dies_again_while_it_recovers(survey: Survey) -> None:
    random = Random(3)  # noqa: S311 - a choice of places
    problems: list[str] = []
    for _ in range(6):
        first, second = random.choice(undoing(survey)), random.randint(1, 20)
        found = survey.ending(Order(""), first, second)
        if found is not None:  # what was left to do was done before the second place
            problems.extend(survey.compare(found, (first, second)))
    assert problems == []
