"""The process dies at any moment of taking back what child runs did: each is taken back exactly once."""

from __future__ import annotations

import re
from collections.abc import Generator
from random import Random

import pytest

from kernel.support.crash import Order, children_of
from kernel.support.survey import Survey, lasting, share

PARTS = 4

UNREPEATABLE = re.compile(r"(writing|committed): ")
"""Of several runs, which one's commit is the next depends on who is faster."""


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    with children_of("kernel.support.families_undone:SCENARIO") as children:
        yield Survey(children, tmp_path_factory.mktemp("crashes"))


def test_undisturbed_everything_is_taken_back_once_the_latest_first(survey: Survey) -> None:
    [outcome] = survey.undisturbed.outcomes
    assert outcome["status"] == "cancelled"
    assert outcome["reason"] == (
        "cancelled by person:ada"
        "; undone: reserve (room@1/tool/1)"
        "; stands: post (sequential@1/writes@1/tool/1)"
    )
    assert survey.undisturbed.effects == [
        "pay for letter of invitation",
        "release room",
        "release seat 1",
        "release seat 2",
        "reserve room",
        "reserve seat 1",
        "reserve seat 2",
        "release seat 2",
        "release seat 1",
    ]


def undoing(survey: Survey) -> list[str]:
    """Give the boundaries of taking back, in any of the runs; others know those of doing."""
    passed = list(survey.undisturbed.passed)
    plans = [n for n, place in enumerate(passed) if "undo" in place]
    cancelled = next(n for n in plans if "undo /undo/1 #2" in passed[n])
    lost = next(n for n, place in enumerate(passed) if "scope sequential@1/travel@1" in place)
    return [
        place
        for place in (*passed[plans[0] : lost], *passed[cancelled:])
        if "no event" not in place and "message" not in place
    ]


@pytest.mark.parametrize("part", range(PARTS))
def test_whichever_boundary_it_dies_at_each_is_taken_back_once(survey: Survey, part: int) -> None:
    assert survey.problems(share(lasting(undoing(survey)), part, PARTS), UNREPEATABLE) == []


def test_it_comes_to_the_same_when_it_dies_again_while_it_recovers(survey: Survey) -> None:
    random = Random(5)  # noqa: S311 - a choice of places
    problems: list[str] = []
    for _ in range(5):
        first, second = random.choice(undoing(survey)), random.randint(1, 30)
        found = survey.ending(Order(""), first, second)
        if found is not None:  # what was left to do was done before the second place
            problems.extend(survey.compare(found, (first, second)))
    assert problems == []
