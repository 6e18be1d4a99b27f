"""A clock that stands still until a test turns it."""

from __future__ import annotations

from ripieno.kernel.clock import MICROSECONDS

__all__ = ["HandClock"]

START = 1_800_000_000 * MICROSECONDS


class HandClock:
    """Tells the time that the test has set; fits `ripieno.kernel.clock.Clock`."""

    def __init__(self) -> None:
        self._now = START

    def now(self) -> int:
        return self._now

    def turn(self, seconds: float) -> None:
        self._now += int(seconds * MICROSECONDS)
