"""Finding again the tool that takes an effect back: the one met in this process, else by its reference."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Final
from weakref import WeakKeyDictionary

from ripieno.model.definition import Definition
from ripieno.model.participant import ToolLike, UndoTool

__all__ = ["find", "remember"]

MET: Final[MutableMapping[Definition, dict[str, UndoTool]]] = WeakKeyDictionary()
"""What takes calls back, by the name of the tool that was called, for each workflow of this process.

A branch that has ended is not entered again after a restart: its tools are then found by reference.
"""


def remember(definition: Definition, tool: ToolLike) -> None:
    """Note what takes calls of a tool back."""
    if tool.undo is not None:
        MET.setdefault(definition, {})[tool.name] = tool.undo


def find(definition: Definition, tool: str, reference: str) -> UndoTool | None:
    """Give what takes calls of a tool back; None when it was not met here and cannot be imported."""
    met = MET.get(definition, {}).get(tool)
    if met is not None and met.reference == reference:
        return met
    return definition.undo_tool(reference)
