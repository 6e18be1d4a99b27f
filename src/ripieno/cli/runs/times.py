"""Times as people type them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import Final

from ripieno.kernel.clock import MICROSECONDS, SystemClock
from ripieno.model.durations import seconds
from ripieno.model.errors import DefinitionError, InputError

__all__ = ["when"]

AGO: Final = re.compile(r"(\d+(?:\.\d+)?(?:s|m|h|d|w))(?: ago)?")
OF_DAY: Final = re.compile(r"\d\d:\d\d(?::\d\d)?")


def when(text: str) -> int:
    """Read a time as microseconds: ISO 8601, local unless it says otherwise, or as long ago as `2h`.

    A time of day alone, such as `14:00`, is when it was that last.
    """
    try:
        ago = AGO.fullmatch(text)
        if ago is not None:
            return SystemClock().now() - int(seconds(ago[1]) * MICROSECONDS)
        if OF_DAY.fullmatch(text):
            return last_time(time.fromisoformat(text))
        at = datetime.fromisoformat(text)
    except (ValueError, DefinitionError):
        msg = f"expected a time such as '14:00', '2026-11-22T17:00' or '2h' (ago), got {text!r}"
        raise InputError(msg) from None
    return int(at.astimezone(UTC).timestamp() * MICROSECONDS)


def last_time(of_day: time) -> int:
    """Give when it was this time of day last, today or yesterday, in local time."""
    now = datetime.fromtimestamp(SystemClock().now() / MICROSECONDS, UTC).astimezone()
    at = datetime.combine(now.date(), of_day)
    if at.astimezone() > now:
        at = datetime.combine(now.date() - timedelta(days=1), of_day)
    return int(at.astimezone(UTC).timestamp() * MICROSECONDS)
