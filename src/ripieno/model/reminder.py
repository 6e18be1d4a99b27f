"""Reminders of a task: so long before it is due, or every so often."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ripieno.model.durations import in_seconds, seconds
from ripieno.model.errors import DefinitionError
from ripieno.model.working_time import Calendar

__all__ = ["MOST_REMINDERS", "Reminder", "reminder_times"]

MOST_REMINDERS: Final = 50
"""Of one task, so that one that is never answered does not fill the log."""

MICROSECONDS: Final = 1_000_000
BEFORE: Final = re.compile(r"(\S+) before")
EVERY: Final = re.compile(r"every (\S+)")


@dataclass(frozen=True, slots=True)
class Reminder:
    """One rule of when people are reminded."""

    rule: Literal["before", "every"]
    seconds: float

    @classmethod
    def read(cls, text: str) -> Reminder:
        """Read a rule such as `1h before` or `every 2d`; raises `DefinitionError`."""
        before, every = BEFORE.fullmatch(text), EVERY.fullmatch(text)
        if before is not None:
            return cls("before", seconds(before[1]))
        if every is not None:
            return cls("every", seconds(every[1]))
        msg = f"expected a reminder such as '1h before' or 'every 2d', got {text!r}"
        raise DefinitionError(msg)

    def __str__(self) -> str:
        lasting = in_seconds(self.seconds)
        return f"{lasting} before" if self.rule == "before" else f"every {lasting}"


def reminder_times(
    reminders: Sequence[Reminder], now: int, due: int | None, calendar: Calendar | None
) -> tuple[int, ...]:
    """Give when people are reminded of a task asked `now`: microseconds, in order, all before it is due.

    Durations are working time of the calendar, where there is one. A time that has passed already is
    left out, and of all the first `MOST_REMINDERS` are kept.
    """
    times: set[int] = set()
    for reminder in reminders:
        length = int(reminder.seconds * MICROSECONDS)
        if reminder.rule == "every":
            times.update(every(length, now, due, calendar))
        elif due is not None:
            times.add(due - length if calendar is None else calendar.before(due, length))
    return tuple(sorted(at for at in times if now < at and (due is None or at < due))[:MOST_REMINDERS])


def every(length: int, now: int, due: int | None, calendar: Calendar | None) -> list[int]:
    """Give the times of a reminder that repeats, as far as they may count."""
    times: list[int] = []
    at = now
    while len(times) < MOST_REMINDERS and (due is None or at < due):
        at = at + length if calendar is None else calendar.after(at, length)
        times.append(at)
    return times
