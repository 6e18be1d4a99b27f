"""The reasons of a choice on one line: what a guard said, which limit was reached."""

from __future__ import annotations

from typing import Any

from ripieno.cli.output import words
from ripieno.evidence.story import Chosen

__all__ = ["because_of"]


def because_of(choice: Chosen) -> str:
    """Give the reasons of a choice."""
    because: dict[str, Any] = choice.because or {}
    if choice.what == "speaker" and "instruction" in because:
        return f"round {because['round']}, {because['instruction']}; {because['reasons']['progressing']}"
    return ", ".join(f"{name} {words(value)}" for name, value in because.items())
