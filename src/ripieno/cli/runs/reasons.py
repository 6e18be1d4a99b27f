"""The reasons of a choice on one line: what a guard said, which limit was reached."""

from __future__ import annotations

from typing import Any, cast

from ripieno.cli.runs.story import Chosen

__all__ = ["because_of"]


def because_of(choice: Chosen) -> str:
    """Give the reasons of a choice."""
    because: dict[str, Any] = choice.because or {}
    return ", ".join(f"{name} {words(value)}" for name, value in because.items())


def words(value: Any) -> str:
    """Give a value without the marks of the language."""
    if isinstance(value, list):
        return ", ".join(words(item) for item in cast("list[Any]", value)) or "none"
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return ", ".join(f"{name} {words(item)}" for name, item in fields.items())
    return str(value)
