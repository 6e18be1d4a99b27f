"""The process dies while an agent is asked, a note is opened or an act is denied: it ends the same."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from kernel.support.crash import children_of
from kernel.support.survey import Survey, lasting

PLACES = ("notes@1", "_agent@1", "check_summary@1", "bill@1")
"""Around what the agents brought: the notes that they read, their turns, the cross-check, the denial."""


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    with children_of("blueprints.recorded_scenario:SCENARIO") as children:
        yield Survey(children, tmp_path_factory.mktemp("recorded"))


def test_undisturbed_the_visits_are_booked_and_no_payer_is_asked(survey: Survey) -> None:
    [outcome] = survey.undisturbed.outcomes
    assert outcome["status"] == "complete"
    assert outcome["output"]["preauthorisation"] is None
    assert outcome["output"]["drafted_by"] == "a recorded answer, given by no model"
    assert [effect.partition(" ")[0] for effect in survey.undisturbed.effects] == ["book"]


def test_it_ends_the_same_wherever_an_agent_or_the_gate_is_interrupted(survey: Survey) -> None:
    places = [one for one in lasting(survey.undisturbed.passed) if any(part in one for part in PLACES)]
    assert len(places) >= 10
    assert survey.problems(places) == []
