"""Why a magentic is over. Whatever the reason, an answer is put together of what there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ripieno.model.outcome import Status

__all__ = ["EndedError", "Ending"]

EndingKind = Literal["satisfied", "rounds", "stalled", "time", "budget", "manager", "rejected", "unreviewed"]


@dataclass(frozen=True, slots=True)
class Ending:
    """Why it is over."""

    kind: EndingKind
    status: Status
    why: str


class EndedError(Exception):
    """It is over before the rounds are."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.why)
        self.ending = ending
