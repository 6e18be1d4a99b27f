"""The terms of one visit, set by whoever calls it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ripieno.model.effect_rule import EffectRule
from ripieno.model.limits import Limits

__all__ = ["AS_ABOVE", "Terms"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for a visit and everything below it, beside what holds for those around it."""

    effects: EffectRule | None = None
    limits: Limits | None = None
    gives_way: bool = False
    """True to end this visit where a limit above has no room, in place of whatever that limit ends."""
    kept_for: bool = False
    """True to let it have what the visit above has kept back."""


AS_ABOVE: Final = Terms()
"""Nothing of its own."""
