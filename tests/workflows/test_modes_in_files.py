"""Modes in files: the same as in Python; a mistake is named with file, line, field and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_mistakes_in_files import Mistake, declared, flow
from workflow_parts import intake, post, weigh

from ripieno import Function, Workflow, human, sequential
from ripieno.workflows.load import load, load_text
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


def test_a_mode_beside_a_participant_holds_wherever_it_takes_part() -> None:
    entries = (
        "workflow: orders\nparticipants:\n"
        "  post: {function: {import: 'workflow_parts:post', pure: true}, mode: shadow, person: clerk}\n"
        "  intake: {import: 'workflow_parts:intake', mode: manual, person: clerk}\n"
        "  clerk: {human: {role: clerk}}\n"
        "flow: {sequential: [intake, post, {step: post, shadow_within: 5s, timeout: 1d}]}\n"
    )
    clerk, posts = human("clerk", role="clerk"), Function(post, pure=True)
    stages = [
        intake.mode("manual", clerk),
        posts.mode("shadow", clerk),
        posts.mode("shadow", clerk, shadow_within="5s").timeout("1d"),
    ]
    assert (
        load_text(entries, folder=Path(__file__).parent).workflow.digest
        == Workflow("orders", sequential(*stages)).digest
    )


def test_a_mode_that_is_the_default_and_asks_nobody_makes_no_other_workflow() -> None:
    assert Workflow("orders", weigh.mode("auto")).digest == Workflow("orders", weigh.retry(1)).digest
