"""What is declared of a tool may stand in a file or in Python, and has the same digest."""

from __future__ import annotations

from pathlib import Path

import pytest
from workflow_parts import find_it, look_up

from ripieno import Function, Workflow, single_agent
from ripieno.connectors.tool import Tool
from ripieno.workflows.load import load_text
from ripieno.workflows.problems import WorkflowFileError
from ripieno.workflows.text import dump

HEAD = """
workflow: desk
participants: {read: {function: {import: "workflow_parts:read", pure: true}}}
flow:
  single_agent:
    step: read
    name: agent
    tools:
"""


def loaded_from(text: str) -> Workflow:
    return load_text(text, folder=Path(__file__).parent).workflow


def agent(*tools: Tool) -> Workflow:
    from workflow_parts import read  # noqa: PLC0415

    return Workflow("desk", single_agent(Function(read, pure=True), tools=tools, name="agent"))


def test_secrets_in_a_file_are_those_in_python_and_have_the_same_digest() -> None:
    declared = Tool(look_up.function, effect="read", secrets={"key": "secret://env/KEY"})
    loaded = loaded_from(
        f'{HEAD}      - {{import: "workflow_parts:look_up", secrets: {{key: "secret://env/KEY"}}}}\n'
    )
    assert loaded.document() == agent(declared).document()
    assert loaded.digest == agent(declared).digest
    assert loaded_from(dump(loaded.document())).digest == loaded.digest
    assert [str(one) for one in loaded.secrets] == ["secret://env/KEY"]


def test_a_tool_without_anything_declared_is_its_name_as_before() -> None:
    loaded = loaded_from(f'{HEAD}      - {{import: "workflow_parts:find_it"}}\n')
    assert loaded.digest == agent(find_it).digest
    assert str(loaded.document()["flow"]).count("['workflow_parts:find_it']") == 1


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            '{import: "workflow_parts:look_up", secrets: {kye: "secret://env/KEY"}}',
            "no parameter of that name",
        ),
        ('{import: "workflow_parts:look_up", secrets: {key: "hunter2"}}', "expected a reference such as"),
        ('{import: "workflow_parts:look_up", secrets: {key: "secret://evn/KEY"}}', "did you mean 'env'"),
        ('{import: "workflow_parts:look_up", secret: {key: "x"}}', "unknown field 'secret'"),
        ("{secrets: {}}", "expected a tool as 'module:attribute'"),
        ("7", "expected a tool as 'module:attribute'"),
    ],
)
def test_a_mistake_is_refused_with_its_place_and_without_what_may_be_a_secret(entry: str, said: str) -> None:
    with pytest.raises(WorkflowFileError) as refused:
        loaded_from(f"{HEAD}      - {entry}\n")
    [problem] = refused.value.problems
    assert said in problem.message
    assert problem.place is not None
    assert problem.place.line in (8, 9)
    assert "hunter2" not in str(refused.value)


def test_other_secrets_than_those_in_python_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import workflow_parts  # noqa: PLC0415

    declared = Tool(look_up.function, secrets={"key": "secret://env/KEY"})
    monkeypatch.setattr(workflow_parts, "look_up", declared)
    same = loaded_from(
        f'{HEAD}      - {{import: "workflow_parts:look_up", secrets: {{key: "secret://env/KEY"}}}}\n'
    )
    assert same.digest == loaded_from(f'{HEAD}      - "workflow_parts:look_up"\n').digest
    with pytest.raises(WorkflowFileError, match="say it in one place"):
        loaded_from(
            f'{HEAD}      - {{import: "workflow_parts:look_up", secrets: {{key: "secret://env/OTHER"}}}}\n'
        )
