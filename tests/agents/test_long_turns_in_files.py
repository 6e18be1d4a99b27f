"""How a long turn is kept short stands in a file as Python declares it, and its mistakes are named."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ripieno import Function, Workflow, agent, collapse, compact, summary
from ripieno.model.errors import RipienoError
from ripieno.workflows.load import load_workflow

FILE = """
workflow: reading
participants:
  reader:
    agent:
      model: openai:gpt-5
      compact:
        tokens: 8000
        by: [{collapse: {keep: 2}}, {summary: {participant: scribe, share: 0.5}}]
        count: "turn_parts:words"
  scribe: {function: {import: "turn_parts:scribe", pure: true}}
flow: {step: reader}
"""
PARTS = """
def scribe(turn):
    return "short"

def words(message):
    return len(str(message.content).split()) + 1

one = 1
"""


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Workflow]]:
    (tmp_path / "turn_parts.py").write_text(PARTS)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def load(text: str) -> Workflow:
        (tmp_path / "reading.yaml").write_text(text)
        return load_workflow(str(tmp_path / "reading.yaml"))

    yield load
    sys.modules.pop("turn_parts", None)


def test_a_file_says_it_as_python_does(written: Callable[[str], Workflow]) -> None:
    found = written(FILE)
    import turn_parts  # pyright: ignore[reportMissingImports] # noqa: PLC0415 - written above

    parts: Any = turn_parts
    scribe = Function(parts.scribe, pure=True)
    short = compact(8000, by=[collapse(2), summary(scribe, share=0.5)], count=parts.words)
    declared = Workflow("reading", agent("reader", model="openai:gpt-5", compact=short))
    assert found.digest == declared.digest
    plain = written(
        "workflow: w\nflow: {step: r}\n"
        "participants: {r: {agent: {model: 'openai:gpt-5', compact: {tokens: 9}}}}"
    )
    assert plain.digest == Workflow("w", agent("r", model="openai:gpt-5", compact=compact(9))).digest


@pytest.mark.parametrize(
    ("said", "instead", "expected"),
    [
        ("by: [", "by: [collapse, ", "a strategy is named twice"),
        ("participant: scribe", "participant: scrib", "which is no participant that could do so"),
        ("turn_parts:words", "turn_parts:one", "expected a function at 'turn_parts:one'"),
        ("{collapse: {keep: 2}}", "{collapse: {}, summary: {participant: scribe}}", "expected one strategy"),
        ("tokens: 8000", "tokens: 0", "tokens"),
    ],
)
def test_mistakes_in_a_file_are_named(
    written: Callable[[str], Workflow], said: str, instead: str, expected: str
) -> None:
    with pytest.raises(RipienoError, match=re.escape(expected)):
        written(FILE.replace(said, instead))
