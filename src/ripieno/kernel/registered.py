"""Who may act at all: whoever the version of the workflow was registered with, unless retired since.

What a participant does within its own visit is its own; one that it calls is looked at in turn. Acts in a
visit that has begun are denied where they are proposed (`proposals.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ripieno.model.outcome import Outcome
from ripieno.model.participant import Participant

if TYPE_CHECKING:
    from ripieno.kernel.execution import Execution

__all__ = ["barred"]

MADE_BY_PATTERNS: Final = frozenset({"timer", "tool", "allowance", "deadline"})
"""Kinds of visits that patterns and the kernel make for themselves: they wait, or make a call."""


def barred(execution: Execution, participant: Participant, path: str) -> Outcome | None:
    """Give how a visit ends that may not begin; None where it may, and where it had begun before.

    The end is recorded, so that a replay reads it whatever was decided since.
    """
    name = participant.name
    stranger = name not in execution.participants and participant.kind not in MADE_BY_PATTERNS
    if not stranger and not execution.roll.standing:
        return None
    if execution.recording.entered(path):
        return None
    row = execution.row
    if stranger:
        version = f"{row.workflow} {execution.definition.version[:12]}"
        return Outcome("failed", reason=f"{name} is not registered with {version}, and so cannot act")
    gone = execution.roll.retired(row.tenant, row.workflow, name)
    if gone is None:
        return None
    return Outcome("escalated", reason=f"{name} was retired by {gone.by}: {gone.reason}")
