"""What may be done to the world: tools as typed declarations, and one call of a tool."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

__all__ = ["Call", "Effect", "OnUncertain"]

Effect = Literal["read", "write"]

OnUncertain = Literal["retry", "verify", "ask"]
"""What to do when a crash leaves it unknown whether a call took effect.

`retry`: call again with the same idempotency key. `verify`: ask the system whether it happened.
`ask`: a person finds out.
"""


@dataclass(frozen=True, slots=True)
class Call:
    """What a tool is told about the one call it serves; asked for by a parameter of this type."""

    key: str
    """Idempotency key: the same for every attempt that may be the same act, 40 ASCII characters."""
    run: str
    """The run's id."""
    path: str
    """The step's path within the run."""
    attempt: int
    """Counted from 1."""
    deadline: datetime
    """The moment, in UTC, after which the call must not be sent."""
