"""How the breakers of a tenant stand, as its log tells: also those of other processes, and of before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ripieno.journal.store import Store
from ripieno.model.errors import NotFoundError
from ripieno.model.failure import Failure
from ripieno.resilience.circuit import State
from ripieno.resilience.systems import KINDS

__all__ = ["BreakerState", "breakers"]

Standing = Literal["open", "due", "half_open", "closed"]
"""`due`: its time is over, and the next call is let through."""

STATES: Final[dict[str, State]] = {kind: state for state, kind in KINDS.items()}


@dataclass(frozen=True, slots=True)
class BreakerState:
    """One breaker, as it was told of last."""

    target: str
    """The tool or model."""
    state: Standing
    at: int
    """Microseconds; since when."""
    failure: Failure | None = None
    """For what it is open."""
    until: int | None = None
    """Microseconds; until when nothing is let through."""
    opened: int = 0
    """How often it has opened."""


async def breakers(store: Store, tenant: str, now: int) -> list[BreakerState]:
    """Give the breakers of which the log tells, by target; none where it tells of none."""
    try:
        stream = await store.tenant_stream(tenant)
    except NotFoundError:
        return []
    found: dict[str, BreakerState] = {}
    for event in await store.events(stream):
        if event.kind not in STATES:
            continue
        state = STATES[event.kind]
        target, until = event.body["target"], event.body.get("until")
        known = found.get(target)
        over = state == "open" and until is not None and until <= now
        standing: Standing = "due" if over else state
        found[target] = BreakerState(
            target,
            standing,
            event.at,
            event.body.get("failure"),
            until,
            (0 if known is None else known.opened) + (state == "open"),
        )
    return [found[target] for target in sorted(found)]
