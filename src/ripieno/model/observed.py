"""What a participant finds that looks beyond its task: what was spent, what is left, what was signalled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ripieno.model.spending import Spending
from ripieno.model.value import Value

__all__ = ["Ahead", "Observed", "Signal"]


@dataclass(frozen=True, slots=True)
class Signal:
    """A word that was given to a run from outside."""

    by: str
    """The id of the principal who gave it first."""
    said: Value
    """Why, and what was given with it."""

    @property
    def reason(self) -> str | None:
        """Why it was given, where that was said."""
        return self.said.decode().get("reason")

    @property
    def content(self) -> Any:
        """What was given with it; None for nothing."""
        return self.said.decode().get("content")


@dataclass(frozen=True, slots=True)
class Observed:
    """What stood at a moment of a visit."""

    spent: Spending
    """By this visit and everything below it, settled; what a fork took over is not among it."""
    signals: Mapping[str, Signal]
    """Those of the signals asked about that somebody had given to the run, by name."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What limits leave a visit at a moment, by name: amounts, `active` and `deadline`; micro-units."""

    left: Mapping[str, int]
    """Of the limits that would end the work, here and above: the least."""
    needed: Mapping[str, int]
    """The most that was spent and reserved at a time since the last look, and how long that is ago."""
    rules: Mapping[str, str]
    """How each limit would end it: `stop` or `escalate`."""
