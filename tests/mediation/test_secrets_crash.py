"""Whenever the process dies: the secrets are opened again, each call is made once, and no file holds them."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
from guarded import CANARY
from sealed import files_with

from kernel.support.crash import children_of
from kernel.support.survey import Survey, lasting


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("crashes")


@pytest.fixture(scope="module")
def survey(folder: Path) -> Generator[Survey]:
    with children_of("mediation.guarded:SCENARIO") as children:
        yield Survey(children, folder)


def test_undisturbed_each_call_is_made_and_the_leak_is_refused(survey: Survey) -> None:
    [outcome] = survey.undisturbed.outcomes
    covered = "[secret://env/GUARDED_KEY]"
    assert outcome["output"] == [f"paid 7 with {covered}", f"looked with {covered}", "tool", "secret"]
    assert survey.undisturbed.effects == ["pay 7", "post"]


def test_it_ends_the_same_whichever_boundary_its_process_dies_at(survey: Survey, folder: Path) -> None:
    assert survey.problems(lasting(survey.undisturbed.passed)) == []
    assert files_with(folder, CANARY) == []
