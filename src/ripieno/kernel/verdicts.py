"""A decision as the log tells it."""

from __future__ import annotations

from typing import Final

from ripieno.model.event import Json
from ripieno.model.gate import Decision

__all__ = ["AWAITS", "START", "VERSION_DIGITS", "told"]

AWAITS: Final = "awaits"
"""What the first event says of a start that policies ask about."""

START: Final = "start"
"""The path of what is decided about a start within its own run."""

VERSION_DIGITS: Final = 16
"""So much of a version's digest stands in the log."""


def told(decision: Decision) -> dict[str, Json]:
    """Give what an event says of a decision: the policies that determined it, and the version of them all."""
    body: dict[str, Json] = {
        "policies": list(decision.policies),
        "policy": decision.version[:VERSION_DIGITS],
    }
    if decision.approval:
        body["approval"] = decision.approval
    return body
