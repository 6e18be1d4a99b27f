"""Loops of many rounds, and what a waking costs in them."""

from __future__ import annotations

from ripieno.participants.base import BaseParticipant
from ripieno.participants.function import Function
from ripieno.patterns.loop import Loop, loop

__all__ = ["count", "counting"]


def count(given: object, previous: object) -> int:
    """Count on from the round before."""
    del given
    return previous + 1 if isinstance(previous, int) else 1


def counting(name: str, rounds: int) -> Loop:
    """Give a loop that counts its own rounds, each a recorded step."""
    body: BaseParticipant = Function(count, name=name, pure=True)
    return loop(body, until=f"previous >= {rounds}", rounds=rounds + 1, name=f"{name}-loop")
