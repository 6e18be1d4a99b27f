"""For how long an answer asks not to be called again, in all the ways in which servers say that.

RFC 9110 10.2.3 knows seconds and dates. Beside that there are milliseconds (Azure, OpenAI), the moment at
which a limit has room again (`x-ratelimit-reset`, in seconds, as a Unix time, or as `6m0s`; Anthropic's in
RFC 3339), a `RetryInfo` in the body (Google), and a day in plain words (Anthropic, once nothing is left to
pay with).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from ripieno.model.failure import LONGEST_SECONDS

__all__ = ["retry_after", "told_in_text"]

MILLISECONDS: Final = ("retry-after-ms", "x-ms-retry-after-ms")

RESETS: Final = (
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    ("anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"),
    ("anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("x-rate-limit-remaining", "x-rate-limit-reset"),
    ("ratelimit-remaining", "ratelimit-reset"),
)
"""What is left of a limit, and when it has room again."""

UNIX_TIME: Final = 1_000_000_000.0
"""From here on a number is a moment, and not a time to wait."""

PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
REGAIN: Final = re.compile(r"regain access on (\d{4}-\d{2}-\d{2})", re.ASCII)
RETRY_DELAY: Final = re.compile(r"['\"]retryDelay['\"]:\s*['\"](\d+(?:\.\d+)?)s['\"]", re.ASCII)


def retry_after(headers: Mapping[str, str], now: float, *, limited: bool) -> float | None:
    """Give the seconds that headers ask for; `now` is the Unix time at which they came.

    Where the answer bears a date, times are reckoned from that: the clocks of two machines differ. The
    moments at which limits have room again count for an answer that says that one was passed.
    """
    known = {str(name).lower(): str(value).strip() for name, value in headers.items()}
    for name in MILLISECONDS:
        found = number(known.get(name))
        if found is not None:
            return bounded(found / 1000)
    there = moment(known.get("date"), now)
    base = now if there is None else there
    said = known.get("retry-after")
    found = number(said)
    if found is None and said is not None:
        until = moment(said, base)
        found = None if until is None else until - base
    if found is not None:
        return bounded(found)
    return soonest(reset(known, base)) if limited else None


def told_in_text(text: str, now: float) -> float | None:
    """Give the seconds that a message or a body asks for."""
    delay = RETRY_DELAY.search(text)
    if delay is not None:
        return bounded(float(delay[1]))
    day = REGAIN.search(text)
    until = None if day is None else moment(day[1], now)
    return None if until is None else bounded(until - now)


def reset(known: Mapping[str, str], now: float) -> Iterable[float]:
    """Give the seconds until each limit of which nothing is left has room again."""
    for left, name in RESETS:
        said = known.get(name)
        if said is None or number(known.get(left, "0")) != 0:
            continue
        until = moment(said, now)
        if until is not None:
            yield until - now


def soonest(waits: Iterable[float]) -> float | None:
    """Give the longest of the waits: until all of the limits have room; None for none."""
    found = list(waits)
    return bounded(max(found)) if found else None


def moment(said: str | None, now: float) -> float | None:
    """Give a moment as a Unix time: from seconds, `6m0s`, a Unix time, RFC 3339 or an HTTP date."""
    if not said:
        return None
    found = number(said)
    if found is not None:
        if found >= UNIX_TIME * 1000:
            return found / 1000
        return found if found >= UNIX_TIME else now + found
    parts = PART.findall(said)
    if parts and "".join(amount + unit for amount, unit in parts) == said:
        return now + sum(float(amount) * UNITS[unit] for amount, unit in parts)
    return dated(said)


def dated(said: str) -> float | None:
    """Give the Unix time of RFC 3339 or an HTTP date; without a zone it is UTC."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(said)
            return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError, TypeError):
            continue
    return None


def number(said: str | None) -> float | None:
    """Give a finite number of seconds from 0 on; None for anything else."""
    try:
        found = float(said or "")
    except ValueError:
        return None
    return found if math.isfinite(found) and found >= 0 else None


def bounded(wait: float) -> float:
    """Give a wait as it is believed."""
    return min(max(wait, 0.0), LONGEST_SECONDS)
