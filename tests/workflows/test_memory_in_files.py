"""A memory that a workflow file declares."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ripieno import Memory, Workflow, single_agent
from ripieno.participants.function import Function
from ripieno.workflows.load import load_text
from ripieno.workflows.text import dump

FILE = """
workflow: ward
connectors:
  notes: {memory: {subject: patient.id, keep: 30d, data: [phi]}}
participants: {mind: {function: {import: "workflow_parts:read", pure: true}}}
flow:
  single_agent: {name: nurse, step: mind, tools: ["connector:notes/*"]}
"""


def test_a_memory_of_a_file_is_that_of_python_and_has_the_same_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parent), *sys.path])
    from workflow_parts import read  # noqa: PLC0415 - of the folder of the tests

    loaded = load_text(FILE, folder=tmp_path).workflow
    mind = Function(read, pure=True, name="mind")
    notes = Memory("notes", subject="patient.id", keep="30d", data=["phi"])
    declared = Workflow("ward", single_agent(mind, tools=notes.tools, name="nurse"))
    assert loaded.document() == declared.document()
    assert loaded.version == declared.version
    assert load_text(dump(loaded.document()), folder=tmp_path).workflow.version == loaded.version
