"""What is checked of arguments, inputs and results, and what becomes of what does not pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

__all__ = [
    "VERDICTS",
    "CheckLike",
    "Escalate",
    "Given",
    "Judged",
    "Of",
    "Otherwise",
    "Repair",
    "Verdict",
    "verdict",
]

Of = Literal["arguments", "input", "result"]
"""`arguments`: of a call. `input`: of a participant. `result`: of either."""

Verdict = Literal["passed", "rejected", "repair", "escalated"]
VERDICTS: Final[tuple[Verdict, ...]] = ("passed", "rejected", "repair", "escalated")


@dataclass(frozen=True, slots=True)
class Repair:
    """Whoever proposed it is asked again, with the complaint."""

    times: int
    """How often at most; after that it is rejected."""


@dataclass(frozen=True, slots=True)
class Escalate:
    """A person decides."""

    role: str
    due: float | None = None
    """Seconds to answer in; None waits for ever. No answer in time counts as no."""


Otherwise = Literal["reject"] | Repair | Escalate
"""What becomes of what does not pass."""


@dataclass(frozen=True, slots=True)
class Given:
    """What is judged."""

    value: Any
    """Decoded, a copy of its own for each check."""
    evidence: Sequence[Any] = ()
    """What a participant's outcome cites."""


class CheckLike(Protocol):
    """One declared check."""

    @property
    def of(self) -> Of:
        """What it is about."""
        ...

    @property
    def otherwise(self) -> Otherwise:
        """What becomes of what does not pass."""
        ...

    async def complaint(self, given: Given) -> str | None:
        """Say in one line what is wrong, for whoever proposed it; None when it passes. Never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Judged:
    """What the checks of one value came to, taken together."""

    verdict: Verdict
    reason: str = ""
    """All complaints, one after another."""
    by: int = 0
    """Index of the check whose rule decides."""
    failed: tuple[int, ...] = ()


def verdict(checks: Sequence[CheckLike], complaints: Mapping[int, str]) -> Judged:
    """Give what complaints, by the index of their check, come to.

    One that rejects goes before one that has it repaired, and that before one that asks a person.
    """
    if not complaints:
        return Judged("passed")

    def gravity(index: int) -> tuple[int, int]:
        otherwise = checks[index].otherwise
        rank = 0 if otherwise == "reject" else 1 if isinstance(otherwise, Repair) else 2
        return rank, index

    by = min(complaints, key=gravity)
    verdicts: tuple[Verdict, ...] = ("rejected", "repair", "escalated")
    return Judged(verdicts[gravity(by)[0]], "; ".join(complaints.values()), by, tuple(complaints))
