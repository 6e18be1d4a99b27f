"""Durations as people write them: `90s`, `30m`, `4h`, `2d`, `1h30m`, or a number of seconds."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from ripieno.model.decimals import decimal
from ripieno.model.errors import DefinitionError

__all__ = ["Duration", "in_seconds", "seconds"]

Duration = str | float | timedelta
"""A duration as accepted by every option that takes one."""

UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)", re.ASCII)


def seconds(duration: Duration) -> float:
    """Give `duration` in seconds.

    Raises `DefinitionError` when it is not a positive duration.
    """
    if isinstance(duration, timedelta):
        value = duration.total_seconds()
    elif isinstance(duration, str):
        value = parse(duration)
    else:
        try:
            value = float(duration)
        except (TypeError, ValueError, OverflowError):  # from a file, it may be anything
            value = 0.0
    if not 0 < value < float("inf"):
        msg = f"expected a positive duration such as '30m' or '1h30m', got {duration!r}"
        raise DefinitionError(msg)
    return value


def in_seconds(duration: Duration) -> str:
    """Give `duration` as it stands in a definition, such as `5400s`; it reads back as the same time."""
    return f"{decimal(seconds(duration))}s"


def parse(text: str) -> float:
    """Give the seconds that a text such as `1h30m` says."""
    parts = PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        msg = f"expected a duration such as '90s', '30m', '4h', '2d' or '1h30m', got {text!r}"
        raise DefinitionError(msg)
    return sum(float(number) * UNITS[unit] for number, unit in parts)
