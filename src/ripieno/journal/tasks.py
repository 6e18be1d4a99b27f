"""Whom a task is with, and who stands in for people who are away: rows, and rules over rows alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Absence", "Holding", "standing_in"]


@dataclass(frozen=True, slots=True)
class Holding:
    """Whom a task is with, as a message leaves it."""

    role: str | None
    person: str | None = None
    """Id of the one principal that it is for; before the role."""
    claimed_by: str | None = None
    delegated_by: str | None = None


@dataclass(frozen=True, slots=True)
class Absence:
    """Somebody is away, and somebody else has their tasks meanwhile."""

    id: str
    tenant: str
    person: str
    """Id of the principal."""
    substitute: str
    """`person:bob`, or `role:clerk`."""
    from_at: int
    until_at: int
    """Microseconds; the first moment at which they are back."""
    set_by: str
    set_at: int


def standing_in(absences: Iterable[Absence], who: str, at: int) -> str:
    """Give who has the tasks of `who` at a time: `who`, or whoever stands in along the chain.

    A substitute who is away as well has one in turn. Where that leads in a circle nobody stands in.
    Of two absences of one person at once the later set counts.
    """
    away: dict[str, Absence] = {}
    for absence in sorted(absences, key=lambda absence: (absence.set_at, absence.id)):
        if absence.from_at <= at < absence.until_at:
            away[absence.person] = absence
    found, passed = who, {who}
    while found in away:
        found = away[found].substitute
        if found in passed:
            return who
        passed.add(found)
    return found
