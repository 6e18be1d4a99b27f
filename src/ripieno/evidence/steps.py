"""What the visits of a run are called, and which of them are steps rather than what steps stand in."""

from __future__ import annotations

from typing import Final

__all__ = ["PATTERNS", "step_name"]

PATTERNS: Final = frozenset(
    {"sequential", "fallback", "concurrent", "branch", "map", "loop", "step", "timer", "allowance"}
)
"""Kinds of participants that only arrange others: their visits are not told of."""


def step_name(path: str) -> str:
    """Give the name of the step at a path, without its visit."""
    last = path.rsplit("/", 1)[-1]
    name, _, visit = last.partition("@")
    return name if visit in ("", "1") else f"{name} ({visit})"
