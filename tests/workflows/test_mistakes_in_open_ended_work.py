"""Mistakes in open-ended work of a file: the error names file, line, field, and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_mistakes_in_files import Mistake, flow

from ripieno.workflows.load import load
from ripieno.workflows.problems import WorkflowFileError

OPEN_ENDED = (
    "{magentic: {steps: [{step: read}], effects: withheld,"
    " planner: {sequential: {name: lead, steps: [read]}}}}"
)
MISTAKES = {
    "open-ended work without limits": Mistake(
        f"policy: strict\n{flow(OPEN_ENDED)}",
        5,
        "flow",
        "'magentic' makes its own plans, and the workflow has no limits",
    ),
    "open-ended work without a policy": Mistake(
        f"limits: {{deadline: 1d}}\n{flow(OPEN_ENDED)}",
        5,
        "flow",
        "'magentic' makes its own plans, and the workflow has no policy",
    ),
    "open-ended work whose effects nobody approves": Mistake(
        flow("{magentic: {steps: [read], planner: read}}"),
        4,
        "flow.magentic",
        "'effects' is missing",
    ),
    "open-ended work whose effects are free": Mistake(
        flow("{magentic: {steps: [read], planner: read, effects: auto}}"),
        4,
        "flow.magentic.effects",
        "expected 'withheld'",
    ),
    "a worker that manages itself": Mistake(
        flow("{magentic: {steps: [read], planner: read, effects: withheld}}"),
        4,
        "flow.magentic",
        "magentic: 'read' is a worker and manages the work",
    ),
    "a planner nobody is": Mistake(
        flow("{magentic: {steps: [read], planner: raed, effects: {approved: desk}}}"),
        4,
        "flow.magentic.planner",
        "no participant is called 'raed' (did you mean 'read'?)",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_open_ended_work_that_cannot_be_is_refused_with_its_place(tmp_path: Path, mistake: Mistake) -> None:
    file = tmp_path / "orders.yaml"
    file.write_text(mistake.text)
    with pytest.raises(WorkflowFileError) as caught:
        load(str(file))
    [problem] = caught.value.problems
    assert problem.place is not None
    assert (problem.place.line, problem.place.field) == (mistake.line, mistake.field)
    assert mistake.says in problem.message
