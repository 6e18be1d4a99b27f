"""When clinics are open: weekdays, hours, slots, public holidays. Pure calendar arithmetic.

All times are the clinic's own local time, without an offset.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

__all__ = ["CLINIC_HOURS", "WorkingHours"]

_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """Opening hours of all clinics of one house."""

    zone: tzinfo = UTC
    """Where the clinics are: which day it is there. Times stand without an offset."""
    opens: time = time(9)
    closes: time = time(17)
    slot: timedelta = timedelta(minutes=30)
    yearly_holidays: frozenset[tuple[int, int]] = frozenset({(1, 1), (12, 25), (12, 26)})
    """Month and day of holidays that fall on the same day each year."""
    other_holidays: frozenset[date] = frozenset()
    """Days of holidays that move, such as Easter Monday."""

    def is_open(self, day: date) -> bool:
        """Tell whether the clinics work on `day`."""
        yearly = (day.month, day.day) in self.yearly_holidays
        return day.weekday() < _SATURDAY and not yearly and day not in self.other_holidays

    def on_or_after(self, day: date) -> date:
        """Give the first working day from `day` on."""
        while not self.is_open(day):
            day += timedelta(days=1)
        return day

    def on_or_before(self, day: date) -> date:
        """Give the last working day up to `day`."""
        while not self.is_open(day):
            day -= timedelta(days=1)
        return day

    def slots(self, start: datetime) -> Iterator[datetime]:
        """Give the starts of slots at or after `start`, without end."""
        day = start.date()
        while True:
            day = self.on_or_after(day)
            at = datetime.combine(day, self.opens)
            while at + self.slot <= datetime.combine(day, self.closes):
                if at >= start:
                    yield at
                at += self.slot
            day += timedelta(days=1)


CLINIC_HOURS = WorkingHours()
