"""What stands stopped: what a store does about it, and what a process knows of it without asking."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress

from ripieno.model.errors import StoreError
from ripieno.model.stop import Place, Stop, Stoppable

__all__ = ["StopStore", "Stops"]


class Stops:
    """The stops that stand, kept in memory and read again whenever the store may have changed.

    A process that has not heard of a stop yet is refused its next claim by the store itself.
    """

    __slots__ = ("_listeners", "_read", "rows", "standing", "waiting")

    def __init__(self, read: Callable[[], Sequence[Stop]]) -> None:
        self._read = read
        self._listeners: list[Callable[[], None]] = []
        self.rows: Sequence[Stop] = ()
        self.waiting: list[Callable[[], None]] = []
        """Called whenever anything was committed: by whoever waits for room in a budget."""
        self.standing = False
        """True while anything at all is stopped: the one thing that is looked at before each act."""

    def refresh(self) -> None:
        """Read them again, and tell whoever listens when others stand; raises `StoreError`."""
        for look in list(self.waiting):
            look()
        rows = self._read()
        if rows == self.rows:
            return
        self.rows = rows
        self.standing = bool(rows)
        for listener in list(self._listeners):
            listener()

    def look(self) -> None:
        """Read them again if that is possible; where it is not, nothing can be claimed either."""
        with suppress(StoreError):
            self.refresh()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever others stand than before."""
        self._listeners.append(listener)

    def forget(self, listener: Callable[[], None]) -> None:
        """Call it no more."""
        self._listeners.remove(listener)

    def in_the_way(self, tenant: str, line: Sequence[Place], tool: str | None) -> Stop | None:
        """Give a stop that an act is covered by; None when it may begin."""
        return next((stop for stop in self.rows if stop.covers(tenant, line, tool)), None)


class StopStore(ABC):
    """What a store does about stops."""

    @property
    @abstractmethod
    def stops(self) -> Stops:
        """What stands stopped, as this process knows it."""

    @abstractmethod
    async def stop(self, tenant: str, what: Stoppable, name: str, *, by: str, reason: str) -> bool:
        """Let nothing new begin in what is named, with an event; False when it was stopped already."""

    @abstractmethod
    async def let_go(self, tenant: str, what: Stoppable, name: str, *, by: str, reason: str | None) -> bool:
        """Release a stop, with an event, and wake the runs that it held; False when there was none."""

    @abstractmethod
    def why(self, stop: Stop) -> str:
        """Give the reason of a stop; raises `StoreError` when it is gone or damaged."""

    @abstractmethod
    def above(self, run: str) -> Sequence[Place]:
        """Give where a run stands in the run that it is part of, and so on up."""
