"""A stop: what begins nothing new until it is released, from one run to the whole system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from ripieno.model.ids import short

__all__ = ["EVERYTHING", "STOPPABLE", "Place", "Stop", "Stoppable"]

Stoppable = Literal["run", "workflow", "participant", "tool", "tenant", "everything"]
"""What can be stopped."""

STOPPABLE: Final[tuple[Stoppable, ...]] = (
    "run",
    "workflow",
    "participant",
    "tool",
    "tenant",
    "everything",
)

UNDO: Final = "/undo"
"""What the path of an act ends with that takes another back."""

EVERYTHING: Final = "*"
"""Stands where the tenant stands in a stop of the whole system; no tenant can have this name."""


class Place(NamedTuple):
    """Where an act is about to happen, in its run or in one that this run is part of."""

    run: str
    workflow: str
    path: str

    def within(self, participant: str) -> bool:
        """Tell whether it is the visit of a participant or lies in one; `workflow/participant` names both.

        Taking back what it did is no act of its own: who is stopped for an error can have it undone.
        """
        if self.path.endswith(UNDO):
            return False
        workflow, _, name = participant.rpartition("/")
        if workflow not in ("", self.workflow):
            return False
        return any(part.partition("@")[0] == name for part in self.path.split("/") if "@" in part)


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop that stands."""

    tenant: str
    """`*` for a stop of everything."""
    what: Stoppable
    name: str
    """A run's id, the name of a workflow or tool, `participant` or `workflow/participant`, the tenant's
    name; empty for everything."""
    by: str
    """The principal's id."""
    at: int
    """Microseconds since 1970-01-01 UTC."""
    reason: str
    """Commitment of why, as the tenant's stream has it."""

    @property
    def label(self) -> str:
        """What is stopped, as people call it."""
        if self.what == "everything":
            return self.what
        return f"{self.what} {short(self.name) if self.what == 'run' else self.name}"

    @property
    def said(self) -> str:
        """What holds an act, in a phrase."""
        return f"{self.label} is stopped by {self.by}"

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from every other stop."""
        return (self.tenant, self.what, self.name)

    def covers(self, tenant: str, line: Sequence[Place], tool: str | None) -> bool:
        """Tell whether an act is stopped; `line` is its place, and those of the runs that it is part of."""
        if self.tenant not in (tenant, EVERYTHING):
            return False
        match self.what:
            case "run":
                return any(place.run == self.name for place in line)
            case "workflow":
                return any(place.workflow == self.name for place in line)
            case "participant":
                return any(place.within(self.name) for place in line)
            case "tool":
                return tool == self.name
            case _:
                return True
