"""Times as people type them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from ripieno.kernel.clock import MICROSECONDS, SystemClock
from ripieno.model.durations import seconds
from ripieno.model.errors import DefinitionError, InputError

__all__ = ["when"]

AGO: Final = re.compile(r"\d+(?:\.\d+)?(?:s|m|h|d|w)")


def when(text: str) -> int:
    """Read a time as microseconds: ISO 8601, local unless it says otherwise, or as long ago as `2h`."""
    try:
        if AGO.fullmatch(text):
            return SystemClock().now() - int(seconds(text) * MICROSECONDS)
        at = datetime.fromisoformat(text)
    except (ValueError, DefinitionError):
        msg = f"expected a time such as '2026-11-22T17:00' or '2h' (ago), got {text!r}"
        raise InputError(msg) from None
    return int(at.astimezone(UTC).timestamp() * MICROSECONDS)
