"""A call whose server asks a model ends the same whenever its process dies; what was recorded is kept."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from agents.elsewhere_provider import elsewhere
from agents.sampling_in_pieces import SCRIPT, SERVER_FOLDER
from connectors.mcp_desk import offered
from kernel.support.crash import children_of
from kernel.support.survey import Survey, lasting

PLACES = ("tool/1", "/model/1", "tool/2")


def test_it_ends_the_same_whichever_boundary_its_process_dies_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = tmp_path / "server"
    server.mkdir()
    (server / "tools.json").write_text(json.dumps([offered("asks_model")]))
    (server / "protocol.txt").write_text("2026-07-28")
    monkeypatch.setenv(SERVER_FOLDER, str(server))
    with elsewhere(SCRIPT) as provider, children_of("agents.sampling_in_pieces:SCENARIO") as children:
        survey = Survey(children, tmp_path)
        [outcome] = survey.undisturbed.outcomes
        assert outcome["status"] == "complete", outcome
        provider.asked.clear()
        places = [one for one in lasting(survey.undisturbed.passed) if any(part in one for part in PLACES)]
        assert len(places) >= 6
        assert survey.problems(places) == []
    runs = Counter(re.findall(r"say (\S+)", " ".join(one.text for one in provider.asked)))
    assert runs
    assert max(runs.values()) <= 2, "what was under way may be asked for once more, and nothing else"
