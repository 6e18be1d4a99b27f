"""The reasons of a choice on one line: who was on which side, what a guard said, which limit was reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ripieno.cli.runs.story import Chosen

__all__ = ["because_of"]


def because_of(choice: Chosen) -> str:
    """Give the reasons of a choice."""
    because: dict[str, Any] = choice.because or {}
    return ", ".join(reason(name, value) for name, value in because.items())


def reason(name: str, value: Any) -> str:
    """Give one reason with its name."""
    if name == "sides" and isinstance(value, dict):
        return f"sides: {sides(cast('dict[str, Any]', value))}"
    return f"{name} {words(value)}"


def sides(by_branch: Mapping[str, Any]) -> str:
    """Give each answer with those who gave it, then those who gave none."""
    camps: dict[str, list[str]] = {}
    for branch, said in by_branch.items():
        answer = words(said["says"]) if said["status"] == "complete" else str(said["status"])
        camps.setdefault(answer, []).append(branch)
    return "; ".join(f"{answer} ({', '.join(names)})" for answer, names in camps.items())


def words(value: Any) -> str:
    """Give a value without the marks of the language."""
    if isinstance(value, list):
        return ", ".join(words(item) for item in cast("list[Any]", value)) or "none"
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return ", ".join(f"{name} {words(item)}" for name, item in fields.items())
    return str(value)
