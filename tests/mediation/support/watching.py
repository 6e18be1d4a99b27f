"""A gate whose looks for where values come from can be watched."""

from __future__ import annotations

from collections.abc import Callable

from ripieno.mediation.policy import Library, PolicyGate
from ripieno.model.provenance import Carried, RunLog, Traced, Tracer

__all__ = ["Watching"]


class Watched:
    """Finds it as ever, and tells of each time before."""

    def __init__(self, tracer: Tracer, tell: Callable[[Carried], object]) -> None:
        self._tracer = tracer
        self._tell = tell

    async def trace(self, carried: Carried) -> Traced:
        self._tell(carried)
        return await self._tracer.trace(carried)


class Watching(PolicyGate):
    """Decides as ever."""

    def __init__(self, library: Library, tell: Callable[[Carried], object]) -> None:
        super().__init__(library)
        self._tell = tell

    def tracer(self, log: RunLog, run: str) -> Tracer:
        return Watched(super().tracer(log, run), self._tell)
