"""How things stand with each system: for all runs of a process that serve one log, as long as it does.

Nothing of it is in a run's chain: what became of a call is, and what it was that was not called. That a
breaker opened, lets one call through or has closed is in the log of its tenant.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import structlog

from ripieno.journal.store import Store
from ripieno.kernel.clock import MICROSECONDS, Clock
from ripieno.model.durations import seconds
from ripieno.model.errors import RipienoError
from ripieno.model.event import Json, Kind
from ripieno.resilience.circuit import Circuit, State
from ripieno.resilience.queues import Queues
from ripieno.resilience.slots import Slots
from ripieno.resilience.window import Window

if TYPE_CHECKING:
    from ripieno.resilience.policy import Breaker, Bulkhead, RateLimit

__all__ = ["KINDS", "Latencies", "Systems", "told"]

KINDS: Final[dict[State, Kind]] = {
    "open": "breaker.opened",
    "half_open": "breaker.half_opened",
    "closed": "breaker.closed",
}

REMEMBERED: Final = 200
ENOUGH: Final = 20

log = structlog.get_logger(__name__)


class Latencies:
    """How long the latest calls of one system took that were answered."""

    def __init__(self) -> None:
        self._latest: deque[float] = deque(maxlen=REMEMBERED)

    def note(self, took: float) -> None:
        """Remember how long a call took, in seconds."""
        self._latest.append(took)

    def percentile(self, percent: int) -> float | None:
        """Give the time within which so many of a hundred were answered; None of fewer than twenty."""
        if len(self._latest) < ENOUGH:
            return None
        ordered = sorted(self._latest)
        return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]


class Systems:
    """The breakers, windows, places and latencies of one log in this process."""

    def __init__(self, clock: Clock) -> None:
        self.queues = Queues(clock)
        self._circuits: dict[tuple[str, str, Breaker], Circuit] = {}
        self._windows: dict[tuple[str, str, str, RateLimit, str], Window] = {}
        self._slots: dict[tuple[str, Bulkhead], Slots] = {}
        self._latencies: dict[str, Latencies] = {}

    @classmethod
    def of(cls, store: Store, clock: Clock) -> Systems:
        """Give how things stand by this log."""
        found = KNOWN.get(store)
        if found is None:
            found = KNOWN[store] = cls(clock)
        return found

    def circuit(self, tenant: str, target: str, declared: Breaker) -> Circuit:
        """Give the breaker of a system, one for each tenant: what one has spent is not another's."""
        key = (tenant, target, declared)
        found = self._circuits.get(key)
        if found is None:
            found = self._circuits[key] = Circuit(declared)
        return found

    def slots(self, system: str, declared: Bulkhead) -> Slots:
        """Give the places of a system, which all tenants share."""
        key = (system, declared)
        found = self._slots.get(key)
        if found is None:
            found = self._slots[key] = Slots(system, declared)
        return found

    def latencies(self, target: str) -> Latencies:
        """Give how long the calls of a system took."""
        return self._latencies.setdefault(target, Latencies())

    def windows(
        self, tenant: str, system: str, target: str, declared: Sequence[RateLimit]
    ) -> list[tuple[Window, str]]:
        """Give the windows that a call has to have room in, each with what it counts."""
        found: list[tuple[Window, str]] = []
        for limit in declared:
            whose, what = tenant if limit.each_tenant else "", target if limit.of == "target" else ""
            for counts, most in (("requests", limit.requests), ("tokens", limit.tokens)):
                if most is not None:
                    key = (whose, system, what, limit, counts)
                    window = self._windows.get(key)
                    if window is None:
                        window = self._windows[key] = Window(most, int(seconds(limit.per) * MICROSECONDS))
                    found.append((window, counts))
        return found


KNOWN: WeakKeyDictionary[Store, Systems] = WeakKeyDictionary()


async def told(store: Store, tenant: str, target: str, circuit: Circuit) -> None:
    """Record what has changed at a breaker; what a store cannot keep is no reason to lose a call's answer."""
    changes, circuit.changes = circuit.changes, []
    for change in changes:
        body: dict[str, Json] = {"target": target}
        if change.failure is not None:
            body["failure"] = change.failure
        if change.until is not None:
            body["until"] = change.until
        if change.failures:
            body["failures"] = change.failures
        try:
            await store.record(tenant, KINDS[change.state], body)
        except RipienoError as error:
            log.warning("a breaker's change is not recorded", target=target, why=str(error))
