"""Whenever the process dies while a signal is given, folded, looked for or told: a chat ends by it once."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from kernel.support.crash import children_of
from kernel.support.survey import ANY, Survey, lasting, share

PARTS = 3


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    with children_of("kernel.support.signalled:SCENARIO") as children:
        yield Survey(children, tmp_path_factory.mktemp("crashes"))


def test_undisturbed_the_chat_ends_after_the_turn_in_which_it_was_told(survey: Survey) -> None:
    [outcome] = survey.undisturbed.outcomes
    assert outcome["status"] == "complete"
    paid = ["pay for the end", "pay for the refund", "pay for turn 1", "pay for turn 3"]
    assert survey.undisturbed.effects == paid
    assert any("message" in place for place in survey.undisturbed.passed)


@pytest.mark.parametrize("part", range(PARTS))
def test_it_ends_the_same_whichever_boundary_its_process_dies_at(survey: Survey, part: int) -> None:
    # in which commit a message is folded differs from run to run
    assert survey.problems(share(lasting(survey.undisturbed.passed), part, PARTS), ANY) == []
