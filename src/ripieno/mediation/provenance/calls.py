"""A call that was begun, and a value that the log holds, as far as they say where values come from."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from ripieno.mediation.provenance.index import Source
from ripieno.model.provenance import Label

__all__ = ["Call", "Known"]


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was begun."""

    tool: str
    passed: Label | None = None
    """Of what it was passed by reference; None where that is nothing."""
    short: AbstractSet[str] = frozenset()
    """Values it was given that are too short to be looked up."""
    model: bool = False
    """True for a call of a model: what it says is as little trusted as the least of what it was shown."""


@dataclass(frozen=True, slots=True)
class Known:
    """A value that the log holds, as a whole."""

    label: Label
    source: Source
