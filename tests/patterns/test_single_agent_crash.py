"""Agents with tools and chats told in short end the same whenever their process dies."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from kernel.support.crash import children_of
from kernel.support.survey import Survey, lasting, share

PARTS = 3


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    with children_of("patterns.working:SCENARIO") as children:
        yield Survey(children, tmp_path_factory.mktemp("crashes"))


def test_undisturbed_it_does_everything_once(survey: Survey) -> None:
    [outcome] = survey.undisturbed.outcomes
    assert (outcome["status"], outcome["reason"]) == ("partial", "the chat ended by its limit: rounds 5")
    assert survey.undisturbed.effects == sorted(
        ["pay 1", "pay 1", "pay 22", "pay 22", "book here", "book there"]
    )


@pytest.mark.parametrize("part", range(PARTS))
def test_it_ends_the_same_whichever_boundary_its_process_dies_at(survey: Survey, part: int) -> None:
    assert survey.problems(share(lasting(survey.undisturbed.passed), part, PARTS)) == []
