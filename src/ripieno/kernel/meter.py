"""Active time: how long something within a limited visit was at work, by the kernel's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from ripieno.kernel.clock import MICROSECONDS, Clock

__all__ = ["Meter"]

SHORTEST_SECONDS: Final = 0.01
"""An alarm by the event loop's time may come a little early by the kernel's."""


class Meter:
    """Runs while at least one branch of its visit is at work; stands still in waits and while replaying."""

    __slots__ = ("_alarm", "_at_work", "_clock", "_since", "_used", "limit", "on_over", "path", "running")

    def __init__(self, path: str, clock: Clock, limit: int, used: int, on_over: Callable[[], None]) -> None:
        self.path = path
        self.limit = limit
        """Microseconds."""
        self.on_over = on_over
        """Called each time that the limit is found to be passed."""
        self.running = False
        self._clock = clock
        self._used = used
        self._at_work = 0
        self._since = 0
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def used(self) -> int:
        """Microseconds so far."""
        return self._used + (self._clock.now() - self._since if self._counting else 0)

    @property
    def _counting(self) -> bool:
        return self.running and self._at_work > 0

    def enter(self) -> None:
        """Count one more branch at work."""
        self._at_work += 1
        if self._at_work == 1 and self.running:
            self._go()

    def leave(self) -> None:
        """Count one less."""
        if self._at_work == 1:
            self._pause()
        self._at_work -= 1
        self.look()

    def start(self) -> None:
        """Run from now on: what is recorded was let out."""
        self.running = True
        if self._at_work:
            self._go()

    def stop(self) -> None:
        """Stand still for good."""
        self._pause()
        self.running = False

    def look(self) -> None:
        """Tell when the limit is passed."""
        if self.running and self.used >= self.limit:
            self.on_over()

    def _go(self) -> None:
        self._since = self._clock.now()
        self._arm()

    def _pause(self) -> None:
        self._used = self.used
        self._since = self._clock.now()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _arm(self) -> None:
        left = max(SHORTEST_SECONDS, (self.limit - self.used) / MICROSECONDS)
        self._alarm = asyncio.get_running_loop().call_later(left, self._ring)

    def _ring(self) -> None:
        if self.used < self.limit:
            self._arm()
        self.look()
