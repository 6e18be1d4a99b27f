"""Mistakes in the modes of a file: the error names file, line, field, and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_mistakes_in_files import Mistake, declared, flow

from ripieno.workflows.load import load
from ripieno.workflows.problems import WorkflowFileError

MISTAKES = {
    "a mode without a person": Mistake(
        flow("{step: read, mode: shadow}"), 4, "flow", "mode 'shadow' needs a person, and none is declared"
    ),
    "an unknown mode": Mistake(flow("{step: read, mode: shadwo}"), 4, "flow.mode", "did you mean 'shadow'?"),
    "a mode with nobody": Mistake(
        flow("{step: read, mode: manual, person: chef}"), 4, "flow.person", "no participant is called 'chef'"
    ),
    "a mode whose person is none": Mistake(
        flow("{step: read, mode: manual, person: read}"), 4, "flow", "the person of a mode must be a human"
    ),
    "a mode beside a participant without a person": Mistake(
        declared("{function: {import: 'workflow_parts:read'}, mode: suggest}"),
        3,
        "participants.read",
        "mode 'suggest' needs a person",
    ),
    "a mode of a person": Mistake(
        declared("{human: {role: clerk}, mode: manual}"), 3, "participants.read.mode", "unknown field 'mode'"
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mode_that_cannot_be_is_refused_with_its_place(tmp_path: Path, mistake: Mistake) -> None:
    file = tmp_path / "orders.yaml"
    file.write_text(mistake.text)
    with pytest.raises(WorkflowFileError) as caught:
        load(str(file))
    [problem] = caught.value.problems
    assert problem.place is not None
    assert (problem.place.line, problem.place.field) == (mistake.line, mistake.field)
    assert mistake.says in problem.message
