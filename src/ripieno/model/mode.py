"""Who acts in a participant's place: a person, the participant, or both; and a change of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["MODES", "Mode", "ModeChange"]

Mode = Literal["manual", "shadow", "suggest", "auto"]
"""`manual`: a person acts. `shadow`: a person acts, the participant's answer is recorded beside it.
`suggest`: the participant proposes, a person approves. `auto`: the participant acts."""

MODES: Final[tuple[Mode, ...]] = ("manual", "shadow", "suggest", "auto")


@dataclass(frozen=True, slots=True)
class ModeChange:
    """What somebody said about the mode of a participant, in place of what is declared."""

    mode: Mode
    by: str
    """The principal's id."""
    source: Literal["run", "version"]
    """Said to this run, or to all runs of its version when it started."""
    reason: str | None = None
    """Why; that of a version stands in the tenant's log."""
