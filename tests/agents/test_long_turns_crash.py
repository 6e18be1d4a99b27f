"""A turn that is made shorter and marked ends the same wherever its process dies, and is told the same."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from agents.elsewhere_provider import elsewhere
from agents.long_turn_in_pieces import SCRIPT
from kernel.support.crash import children_of
from kernel.support.survey import Survey, lasting

PLACES = ("choice", "segment")
"""Around what is made shorter, and around marks; each request after them is compared."""


def test_it_ends_the_same_whichever_boundary_its_process_dies_at(tmp_path: Path) -> None:
    with elsewhere(SCRIPT) as provider, children_of("agents.long_turn_in_pieces:SCENARIO") as children:
        survey = Survey(children, tmp_path)
        [outcome] = survey.undisturbed.outcomes
        assert outcome["status"] == "complete", outcome
        assert survey.undisturbed.effects == ["book here", "book there", "pay 1", "pay 2"]
        shown = {one.turn: shape(one.text) for one in provider.asked}
        assert any(left_out for left_out, _ in shown.values())
        provider.asked.clear()
        places = [one for one in lasting(survey.undisturbed.passed) if any(part in one for part in PLACES)]
        assert any("choice" in one for one in places)
        assert any("segment" in one for one in places)
        assert survey.problems(places) == []
    runs: dict[str, Counter[int]] = {}
    for one in provider.asked:
        [folder] = re.findall(r'"folder": "([^"]+)"', one.text)
        runs.setdefault(folder, Counter())[one.turn] += 1
        assert shape(one.text) == shown[one.turn], "each request is the same, wherever the run was taken up"
    assert runs
    for asked in runs.values():
        assert asked.keys() == set(range(6))
        assert asked.total() <= 6 + 6, "what was under way may be asked for once more, and nothing else"


def shape(text: str) -> tuple[int, list[str]]:
    """Give how many results were left out of what a model was told, and which pages were not."""
    return text.count("tokens left out"), re.findall(r"page \d", text)
