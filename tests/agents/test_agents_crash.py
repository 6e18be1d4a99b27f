"""An agent's turn ends the same whenever its process dies, and what a model said is never asked for again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator

import pytest

from agents.agent_in_pieces import SCRIPT
from agents.elsewhere_provider import elsewhere
from kernel.support.crash import children_of
from kernel.support.survey import Survey, lasting
from providers.server import Provider

PLACES = ("/model/2", "/model/4", "result clerk@1/book@1-2")
"""Around each request, and around one of two calls that are made side by side."""
LEAST = 5


@pytest.fixture(scope="module")
def provider() -> Generator[Provider]:
    with elsewhere(SCRIPT) as found:
        yield found


@pytest.fixture(scope="module")
def survey(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    del provider
    with children_of("agents.agent_in_pieces:SCENARIO") as children:
        yield Survey(children, tmp_path_factory.mktemp("crashes"))


def test_undisturbed_it_does_everything_once(survey: Survey) -> None:
    [outcome] = survey.undisturbed.outcomes
    assert outcome["status"] == "complete"
    assert survey.undisturbed.effects == ["book here", "book there", "pay 1", "pay 2"]


def test_it_ends_the_same_whichever_boundary_its_process_dies_at(survey: Survey, provider: Provider) -> None:
    provider.asked.clear()
    places = [one for one in lasting(survey.undisturbed.passed) if any(part in one for part in PLACES)]
    assert len(places) >= LEAST
    assert survey.problems(places) == []
    runs: dict[str, Counter[int]] = {}
    for one in provider.asked:
        [folder] = re.findall(r'"folder": "([^"]+)"', one.text)
        runs.setdefault(folder, Counter())[one.turn] += 1
    assert runs
    for asked in runs.values():
        assert asked.keys() == {0, 1, 2, 3}
        assert asked.total() <= 5, "what was under way may be asked for once more, and nothing else"
