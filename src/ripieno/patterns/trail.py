"""The way of a case through a handoff, and the guards against its going in circles."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from ripieno.model.errors import nearest
from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.value import Value

__all__ = ["Guards", "Trail", "Wish", "state_digest", "wish"]

PING_PONG = 4
"""So many turns that alternate between the same two are a circle: A, B, A, B."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a participant says in place of a result: to whom the case goes, why, and what was found."""

    to: str | None
    """None for a case that ends here."""
    because: str
    output: Any


def wish(outcome: Outcome) -> Wish | None:
    """Read an output with a field `hand_over`; None for any other, which is a result.

    Beside it stand `because` and `output`; without `output`, the other fields are what was found.
    """
    given: Any = outcome.output
    if not isinstance(given, dict) or "hand_over" not in given:
        return None
    fields = dict(cast("dict[str, Any]", given))
    to, because = fields.pop("hand_over"), fields.pop("because", None)
    found = fields.get("output", fields or None)
    return Wish(None if to is None or to == "" else str(to), str(because or ""), found)


@dataclass(slots=True)
class Trail:
    """Who has the case, who had it, and how often each edge was taken."""

    at: str
    path: list[str] = field(default_factory=list[str])
    """The latest who had it before, oldest first."""
    edges: dict[str, int] = field(default_factory=dict[str, int])
    knew: dict[str, str] = field(default_factory=dict[str, str])
    """Digest of all that was known when each participant last handed over."""
    began: int = 0
    """Microseconds since 1970; 0 where no time is limited."""
    found: dict[str, int] = field(default_factory=dict[str, int])
    """After how many hand-overs each participant found what it found last."""

    @property
    def count(self) -> int:
        """Hand-overs so far."""
        return sum(self.edges.values())

    @property
    def came_from(self) -> str | None:
        """Who handed the case over last."""
        return self.path[-1] if self.path else None

    def taken(self, to: str) -> int:
        """Give how often the edge from here was taken."""
        return self.edges.get(f"{self.at}>{to}", 0)

    def go(self, to: str, known: str) -> None:
        """Take an edge, with so much known."""
        self.edges[f"{self.at}>{to}"] = self.taken(to) + 1
        self.knew[self.at] = known
        self.found[self.at] = self.count
        self.path = [*self.path, self.at][-PING_PONG:]
        self.at = to

    def document(self) -> dict[str, Json]:
        """Give it as a segment keeps it."""
        return {
            "at": self.at,
            "path": list(self.path),
            "edges": dict(self.edges),
            "knew": dict(self.knew),
            "began": self.began,
            "found": dict(self.found),
        }

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Trail:
        """Read what a segment kept."""
        edges, knew, found = dict(kept["edges"]), dict(kept["knew"]), dict(kept.get("found", {}))
        return cls(kept["at"], list(kept["path"]), edges, knew, kept["began"], found)


@dataclass(frozen=True, slots=True)
class Guards:
    """What stands against taking an edge."""

    limit: int
    """Hand-overs in all."""
    per_edge: int
    within: float | None
    """Seconds from the first turn to the last hand-over."""

    def tripped(
        self, trail: Trail, to: str, *, allowed: Sequence[str], known: str, elapsed: float
    ) -> str | None:
        """Say which guard stands against handing over to somebody, if any does."""
        last = [*trail.path, trail.at, to][-PING_PONG:]
        back_and_forth = len(last) == PING_PONG and last[:2] == last[2:]
        late = self.within is not None and elapsed >= self.within
        guards = (
            (to not in allowed, f"{trail.at} may not hand over to {to}{nearest(to, allowed)}"),
            (late, f"not done within {self.within or 0:g} s"),
            (trail.count >= self.limit, f"the case was handed over {self.limit} times"),
            (
                trail.taken(to) >= self.per_edge,
                f"{trail.at} handed over to {to} {self.per_edge} times already",
            ),
            (back_and_forth, f"the case goes back and forth between {last[0]} and {last[1]}"),
            (trail.knew.get(trail.at) == known, f"nothing new was found since {trail.at} last had the case"),
        )
        return next((why for tripped, why in guards if tripped), None)


def state_digest(known: Mapping[str, Outcome]) -> str:
    """Give a digest of what all participants found; the same only when nobody found anything else."""
    found = {name: outcome.parts[0] for name, outcome in sorted(known.items())}
    said = (f"{name}={value.ref if isinstance(value, Value) else ''}" for name, value in found.items())
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:32]
