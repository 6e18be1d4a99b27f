"""Where the values came from of acts that are done, found by the log as it was before them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ripieno.mediation.provenance.histories import Histories
from ripieno.mediation.provenance.history import AGENTS, History
from ripieno.mediation.provenance.tracing import Trace
from ripieno.mediation.provenance.visits import visit_of
from ripieno.model.event import Event
from ripieno.model.provenance import Carried, RunLog, Traced
from ripieno.model.value import Value

__all__ = ["PastSources"]


class PastSources:
    """Finds where the values of a run's past acts came from; in the order of the log it reads that once."""

    def __init__(self, log: RunLog, run: str, events: Sequence[Event]) -> None:
        self._log = log
        self._run = run
        self._histories = Histories(log)
        self._history: History | None = None
        ends = [event for event in events if event.kind in ("step", "scope")]
        self._kinds = {event.path: str(event.body["participant"]) for event in ends}
        self._inputs: Mapping[str, Mapping[str, str]] = {event.path: event.body["inputs"] for event in ends}

    async def at(self, seq: int, path: str, arguments: Mapping[str, Any]) -> Traced:
        """Find where the arguments of an act came from, by what the log held before the event `seq`."""
        history = self._history = await self._histories.of(self._run, seq - 1, self._kinds)
        visit = visit_of(path)
        read = [Value(ref, None, self._load) for ref in self._inputs.get(visit, {}).values()]
        above = visit_of(visit)
        own = self._kinds.get(visit) in AGENTS or self._kinds.get(above) == "single_agent"
        carried = Carried(path, arguments, read, own_accord=own, open=self._kinds, detect=True)
        return Trace(history, carried).whole()

    def _load(self, ref: str) -> bytes:
        return self._log.payload(self._run, ref)
