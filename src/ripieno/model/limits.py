"""How far a run may go. A limit that trips ends in an outcome, never in an exception."""

from __future__ import annotations

from dataclasses import dataclass

from ripieno.model.durations import Duration, in_seconds, seconds

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a run; None means no limit."""

    active: Duration | None = None
    """Time in which something of the run is at work; waits for people and timers are not counted."""
    deadline: Duration | None = None
    """Wall-clock time from the start of the run to its end, waits included."""

    def __post_init__(self) -> None:
        for duration in (self.active, self.deadline):
            if duration is not None:
                seconds(duration)

    def document(self) -> dict[str, str]:
        """Give the limits as they stand in the definition, in seconds."""
        limits = {"active": self.active, "deadline": self.deadline}
        return {name: in_seconds(value) for name, value in limits.items() if value is not None}
