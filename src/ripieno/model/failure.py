"""In what a call ended that was not done, by class: what it takes to have it done differs between them."""

from __future__ import annotations

from typing import Final, Literal, get_args

__all__ = ["FAILURES", "LASTING", "LONGEST_SECONDS", "Failure", "failure_of", "wait_of"]

Failure = Literal[
    "timeout",
    "connection",
    "rate_limited",
    "overloaded",
    "server",
    "auth",
    "budget_exhausted",
    "bad_request",
    "refused_content",
    "unknown",
]
"""`timeout`: no answer in time. `connection`: none could be made, or it was cut. `rate_limited`: too many
calls. `overloaded`: too busy for this one. `server`: the other side failed at it. `auth`: it does not know or
let in who calls. `budget_exhausted`: nothing is left to pay it with. `bad_request`: it cannot be done as it
was asked for. `refused_content`: a filter of the other side does not let it pass."""

FAILURES: Final = frozenset(get_args(Failure))

LASTING: Final = frozenset[Failure]({"auth", "budget_exhausted", "bad_request", "refused_content"})
"""What the very same call would end in again: it is not repeated."""

LONGEST_SECONDS: Final = 31 * 86400.0
"""Nothing is believed that asks for longer; a month is how budgets are renewed."""


def failure_of(error: BaseException) -> Failure | None:
    """Give the class that an error bears, or that its type says; None where neither does."""
    known: Failure | None = getattr(error, "failure", None)
    if known in FAILURES:
        return known
    if isinstance(error, TimeoutError):
        return "timeout"
    return "connection" if isinstance(error, ConnectionError) else None


def wait_of(error: BaseException) -> float | None:
    """Give the seconds that an error asks for before it is tried again, a month at most; None for no wait."""
    found: object = getattr(error, "retry_after", None)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return float(min(found, LONGEST_SECONDS)) if found >= 0 else None  # what is no number is not either
