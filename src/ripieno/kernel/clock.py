"""Time as the kernel sees it: microseconds since 1970-01-01 UTC, from a clock that tests can turn."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final, Protocol

__all__ = ["MICROSECONDS", "Clock", "SystemClock", "moment"]

MICROSECONDS: Final = 1_000_000


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> int:
        """Give microseconds since 1970-01-01 UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> int:
        """Give microseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1000


def moment(microseconds: int) -> datetime:
    """Give a time as a `datetime` in UTC."""
    return datetime.fromtimestamp(microseconds / MICROSECONDS, UTC)
