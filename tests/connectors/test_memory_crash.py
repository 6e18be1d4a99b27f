"""Whenever the process dies: what is remembered is remembered once, and what is forgotten stays forgotten."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from kernel.support.crash import children_of
from kernel.support.survey import Survey, lasting


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    with children_of("kernel.support.remembered:SCENARIO") as children:
        yield Survey(children, tmp_path_factory.mktemp("crashes"))


def test_undisturbed_each_is_remembered_once(survey: Survey) -> None:
    [outcome] = survey.undisturbed.outcomes
    assert outcome["output"] == ["takes 7 mg", "True"]
    assert survey.undisturbed.effects == ["forgotten", "kept", "replaced"]


def test_it_ends_the_same_whichever_boundary_its_process_dies_at(survey: Survey) -> None:
    assert survey.problems(lasting(survey.undisturbed.passed)) == []
