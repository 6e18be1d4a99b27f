"""What an agent is told: its instructions with examples, and what the workflow lets it see."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ripieno.model.event import Json
from ripieno.model.participant import Task
from ripieno.model.value import Value

__all__ = ["SEEN", "Example", "instructed", "prompt", "seen", "told"]

SEEN: Final = ("input", "previous", "turn", "complaint")
"""What an agent sees unless it is said: the run's input, the stage before, what its pattern tells it."""


@dataclass(frozen=True, slots=True)
class Example:
    """A case and the answer to it."""

    input: Any
    output: Any

    def document(self) -> dict[str, Json]:
        """Give it as a definition holds it."""
        return {"input": as_text(self.input), "output": as_text(self.output)}


def seen(task: Task, names: Sequence[str]) -> dict[str, Value]:
    """Give what there is of what an agent sees, by name."""
    found: dict[str, Value] = {}
    for name in names:
        value = one(task, name)
        if value is not None:
            found[name] = value
    return found


def one(task: Task, name: str) -> Value | None:
    """Give one thing that a participant may see."""
    if name == "input":
        return task.input
    if name == "turn":
        return task.turn
    outcome = task.state.get(task.previous or "") if name == "previous" else task.state.get(name)
    found = None if outcome is None else outcome.parts[0]
    return found if isinstance(found, Value) else None


def instructed(instructions: str, examples: Sequence[Example]) -> str:
    """Give the instructions, with examples below them."""
    if not examples:
        return instructions
    shown = [
        f"<example>\n<given>\n{as_text(example.input)}\n</given>\n<answer>\n{as_text(example.output)}\n"
        "</answer>\n</example>"
        for example in examples
    ]
    return "\n\n".join([*([instructions] if instructions else []), "Examples:", *shown])


def prompt(values: Mapping[str, Value]) -> str:
    """Give what is seen as one text."""
    return told({name: value.decode() for name, value in values.items()})


def told(values: Mapping[str, Any]) -> str:
    """Give values as one text: the input alone as it is, several each under its name."""
    texts = {name: as_text(value) for name, value in values.items()}
    if list(texts) == ["input"]:
        return texts["input"]
    return "\n\n".join(f"<{name}>\n{text}\n</{name}>" for name, text in texts.items())


def as_text(value: Any) -> str:
    """Give a value as a model reads it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
