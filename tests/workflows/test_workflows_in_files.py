"""Workflows within workflow files: as Python says them, and refused with their place where they cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from workflow_parts import read as take_in

from ripieno import Function, Human, Limits, Workflow, human, sequential, subworkflow
from ripieno.model.errors import DefinitionError
from ripieno.workflows.load import load_file, load_text
from ripieno.workflows.problems import WorkflowFileError

HERE = Path(__file__).parent
READ = 'participants: {read: {function: {import: "workflow_parts:read"}}}'
INNER = f"workflow: inner\n{READ}\nflow: read\n"
inner = Workflow("inner", Function(take_in, name="read"))


def outer(settings: str, name: str = "taken-in") -> str:
    return f"workflow: outer\nparticipants: {{{name}: {{workflow: {settings}}}}}\nflow: {name}\n"


def test_a_file_says_what_python_says(tmp_path: Path) -> None:
    (tmp_path / "inner.yaml").write_text(INNER, encoding="utf-8")
    (tmp_path / "workflow_parts.py").symlink_to(HERE / "workflow_parts.py")
    allowance = Limits(tokens=50, cost_usd="0.5", deadline="2h", on_exhausted="escalate")
    settings = (
        "input: previous, allowance: {tokens: 50, cost_usd: 0.50, deadline: 120m, on_exhausted: escalate}"
    )
    made = subworkflow(inner, "taken-in", input="previous", allowance=allowance)
    wanted = Workflow("outer", made)
    (tmp_path / "outer.yaml").write_text(outer(f"{{file: inner.yaml, {settings}}}"), encoding="utf-8")
    written_out = outer("{definition: {workflow: inner, " + READ + ", flow: read}, " + settings + "}")
    imported = outer(f'{{import: "workflow_parts:inner", {settings}}}')
    for found in (
        load_file(tmp_path / "outer.yaml"),
        load_text(written_out, folder=HERE),
        load_text(imported, folder=HERE),
    ):
        assert (found.workflow.digest, found.workflow.version) == (wanted.digest, wanted.version)
    again = load_text(str(wanted.document()), folder=HERE).workflow
    assert again.digest == wanted.digest
    assert [one.version for one in wanted.workflows] == [inner.version]


def test_another_version_of_what_is_run_is_another_version_of_the_whole() -> None:
    code = Workflow("inner", Function(take_in, name="read", version="2"))
    before, after = Workflow("outer", subworkflow(inner)), Workflow("outer", subworkflow(code))
    assert before.version != after.version


@pytest.mark.parametrize(
    ("settings", "field", "says"),
    [
        ("{}", "workflow", "expected a workflow by one of import, file and definition"),
        ("{file: a.yaml, import: 'a:b'}", "workflow", "expected a workflow by one of"),
        ("{file: nowhere.yaml}", "participants.taken-in", "no file"),
        ("{import: 'workflow_parts:NUMBER'}", "participants.taken-in", "expected a Workflow at"),
        ("{import: 'workflow_parts:inner', allowance: {}}", "taken-in", "the allowance says nothing"),
        ("{import: 'workflow_parts:inner', allowance: {tokens: 0}}", "tokens", "greater than or equal to 1"),
        ("{import: 'workflow_parts:inner', input: nobody}", "taken-in", "which no participant is called"),
        (
            "{definition: {workflow: inner, flow: nobody}}",
            "participants.taken-in.workflow.definition.flow",
            "no participant is called 'nobody'",
        ),
        (
            "{definition: {workflow: inner, flw: read}}",
            "participants.taken-in.workflow.definition",
            "unknown field 'flw'",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(settings: str, field: str, says: str) -> None:
    with pytest.raises(WorkflowFileError) as caught:
        load_text(outer(settings), folder=HERE)
    found = [problem for problem in caught.value.problems if says in problem.message]
    assert found, str(caught.value)
    assert found[0].place is not None
    assert field in str(found[0].place)
    assert found[0].place.line is not None


def test_files_that_need_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(outer("{file: b.yaml}", "b"), encoding="utf-8")
    (tmp_path / "b.yaml").write_text(outer("{file: a.yaml}", "a"), encoding="utf-8")
    with pytest.raises(WorkflowFileError, match="need each other in a circle: b"):
        load_file(tmp_path / "a.yaml")


def test_only_a_workflow_is_run() -> None:
    with pytest.raises(DefinitionError, match="expected a workflow to run"):
        subworkflow(inner.top)  # pyright: ignore[reportArgumentType] - the mistake


def test_a_workflow_that_asks_people_shadows_nobody() -> None:
    asks = Workflow("asks", subworkflow(Workflow("within", human("clerk", role="clerk"))))
    person: Human = human("boss", role="boss")
    with pytest.raises(DefinitionError, match="clerk would be asked"):
        subworkflow(asks).mode("shadow", person)
    assert subworkflow(inner).mode("shadow", person)


def test_what_it_reads_is_known() -> None:
    reads = sequential(Function(take_in, name="read"), subworkflow(inner, input="read"), name="both")
    assert reads.children()[1].dependencies() == frozenset({"read"})
    assert subworkflow(inner).dependencies() == frozenset()
    assert subworkflow(inner, input="previous").dependencies() is None
