"""In what a call ended that was not done, by class: what it takes to have it done differs between them."""

from __future__ import annotations

from typing import Final, Literal, get_args

__all__ = ["FAILURES", "LASTING", "Failure", "failure_of"]

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


def failure_of(error: BaseException) -> Failure | None:
    """Give the class that an error bears, or that its type says; None where neither does."""
    known: Failure | None = getattr(error, "failure", None)
    if known in FAILURES:
        return known
    if isinstance(error, TimeoutError):
        return "timeout"
    return "connection" if isinstance(error, ConnectionError) else None
