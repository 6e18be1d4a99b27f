"""Business calendars: when people work, and what time it is after so much working time.

Pure arithmetic on microseconds since 1970. Whoever computes a due time with it records the result, so
that a calendar that changes later changes nothing that was promised already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from ripieno.model.errors import DefinitionError, nearest
from ripieno.model.event import Json

__all__ = ["DAYS", "Calendar"]

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OFFICE_HOURS: Final[Mapping[str, str]] = {"mon-fri": "09:00-17:00"}

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+.-]{0,63}")
SPAN: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)", re.ASCII)
YEARLY: Final = re.compile(r"(\d\d)-(\d\d)", re.ASCII)

LEAP_YEAR: Final = 2024
DAY_MINUTES: Final = 24 * 60
MOST_YEARLY: Final = 300
"""So many holidays that come every year are taken for a mistake: they leave hardly any day to work."""
FURTHEST_DAYS: Final = 30 * 366
"""How far working time is looked for."""

MICROSECONDS: Final = 1_000_000
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """Working time within one day: minutes after midnight, by the clock on the wall."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.start // 60:02}:{self.start % 60:02}-{self.end // 60:02}:{self.end % 60:02}"


class Calendar:
    """Working hours per weekday in one time zone, less holidays; used by name.

    `hours` maps days to spans, such as `{"mon-thu": ["08:00-12:00", "13:00-17:00"], "fri": "08:00-14:00"}`;
    Monday to Friday, 09:00 to 17:00 when left out. `holidays` are dates such as `2026-12-24`, or `12-25`
    for every year. Raises `DefinitionError` for what cannot be read, or leaves no working time.
    """

    __slots__ = ("_dates", "_week", "_yearly", "_zone", "name", "zone")

    def __init__(
        self,
        name: str,
        *,
        zone: str = "UTC",
        hours: Mapping[str, str | Sequence[str]] | None = None,
        holidays: Sequence[str | date] = (),
    ) -> None:
        if not NAME.fullmatch(name):
            rule = "a letter, then up to 63 letters, digits, `_`, `+`, `.` or `-`"
            msg = f"calendar name {name!r} must be {rule}"
            raise DefinitionError(msg)
        self.name = name
        self.zone = zone
        self._zone = zone_of(zone)
        self._week = week_of(OFFICE_HOURS if hours is None else hours)
        self._dates: frozenset[date] = frozenset()
        self._yearly: frozenset[tuple[int, int]] = frozenset()
        for holiday in holidays:
            self._keep_free(holiday)
        if len(self._yearly) > MOST_YEARLY:
            msg = f"{len(self._yearly)} holidays a year leave no working time"
            raise DefinitionError(msg)

    def _keep_free(self, holiday: str | date) -> None:
        text = str(holiday)
        yearly = YEARLY.fullmatch(text)
        try:
            day = date.fromisoformat(f"{LEAP_YEAR}-{text}" if yearly else text)
        except ValueError as error:
            msg = f"expected a holiday as '2026-12-24', or '12-25' for every year, got {text!r}"
            raise DefinitionError(msg) from error
        if yearly:
            self._yearly |= {(day.month, day.day)}
        else:
            self._dates |= {day}

    def describe(self) -> dict[str, Json]:
        """Give the settings as they stand in a definition; they read back as the same calendar."""
        hours: dict[str, Json] = {
            name: [str(span) for span in spans] for name, spans in zip(DAYS, self._week, strict=True) if spans
        }
        yearly = [f"{month:02}-{day:02}" for month, day in sorted(self._yearly)]
        holidays: list[Json] = [*yearly, *(day.isoformat() for day in sorted(self._dates))]
        return {"zone": self.zone, "hours": hours, **({"holidays": holidays} if holidays else {})}

    @property
    def weekly(self) -> int:
        """Working seconds of a week without holidays, by the clock on the wall."""
        return sum(span.end - span.start for spans in self._week for span in spans) * 60

    @property
    def last_holiday(self) -> date | None:
        """The last holiday given with its year; None where there is none."""
        return max(self._dates, default=None)

    # -- working time ---------------------------------------------------------------------------------

    def after(self, at: int, duration: int) -> int:
        """Give the time when `duration` microseconds of working time have passed since `at`.

        Zero stays where it is. Time spent counts as it passes, so a span is an hour longer or shorter
        where clocks change within it. Raises `DefinitionError` where there is no so much working time.
        """
        left, now = duration, at
        for start, end in self._spans(at, 1) if duration else ():
            begin = max(start, now)
            if left <= end - begin:
                return begin + left
            if end > begin:
                left -= end - begin
                now = end
        return at if not duration else self._none(at)

    def before(self, at: int, duration: int) -> int:
        """Give the time from which `duration` microseconds of working time are left until `at`."""
        left, now = duration, at
        for start, end in self._spans(at, -1) if duration else ():
            last = min(end, now)
            if left <= last - start:
                return last - left
            if last > start:
                left -= last - start
                now = start
        return at if not duration else self._none(at)

    def _none(self, at: int) -> int:
        msg = f"calendar {self.name!r} has not so much working time around {moment(at):%Y-%m-%d}"
        raise DefinitionError(msg)

    def _spans(self, at: int, step: int) -> Iterator[tuple[int, int]]:
        """Give the spans of the day of `at`, and of the days after it or, with -1, before it."""
        day = moment(at).astimezone(self._zone).date()
        for _ in range(FURTHEST_DAYS):
            free = day in self._dates or (day.month, day.day) in self._yearly
            for span in () if free else self._week[day.weekday()][::step]:
                yield self._instant(day, span.start), self._instant(day, span.end)
            day += timedelta(days=step)

    def _instant(self, day: date, minutes: int) -> int:
        """Give a time on the wall in microseconds; the first, where clocks show it twice."""
        wall = datetime(day.year, day.month, day.day, tzinfo=self._zone) + timedelta(minutes=minutes)
        return (wall.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)


def moment(at: int) -> datetime:
    """Give microseconds since 1970 as a time in UTC."""
    return EPOCH + timedelta(microseconds=at)


def zone_of(name: str) -> ZoneInfo:
    """Give a time zone by its name in the IANA database."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        msg = f"no time zone {name!r}{nearest(name, available_timezones())}"
        raise DefinitionError(msg, remedy="time zones are named as 'Europe/Berlin' or 'UTC'") from error


def week_of(hours: Mapping[str, str | Sequence[str]]) -> tuple[tuple[Span, ...], ...]:
    """Give the spans of each weekday, from Monday on."""
    week: list[list[Span]] = [[] for _ in DAYS]
    for days, written in hours.items():
        spans = [span_of(text) for text in ([written] if isinstance(written, str) else written)]
        for index in days_of(days):
            week[index].extend(spans)
    for name, spans in zip(DAYS, week, strict=True):
        spans.sort(key=lambda span: span.start)
        for one, next_one in pairwise(spans):
            if next_one.start < one.end:
                msg = f"working hours of {name} overlap: {one} and {next_one}"
                raise DefinitionError(msg)
    if not any(week):
        msg = "a calendar without working hours: nothing would ever be due"
        raise DefinitionError(msg, remedy="give hours such as {mon-fri: '09:00-17:00'}")
    return tuple(tuple(spans) for spans in week)


def days_of(text: str) -> range:
    """Give the weekdays that `mon` or `mon-fri` names, 0 for Monday."""
    first, _, last = text.partition("-")
    if first not in DAYS or (last or first) not in DAYS or DAYS.index(last or first) < DAYS.index(first):
        msg = f"expected a day or days in order, such as 'mon' or 'mon-fri', got {text!r}"
        raise DefinitionError(msg, remedy=f"the days are {', '.join(DAYS)}")
    return range(DAYS.index(first), DAYS.index(last or first) + 1)


def span_of(text: str) -> Span:
    """Read working hours such as `09:00-17:00`."""
    found = SPAN.fullmatch(text)
    if found is None:
        msg = f"expected hours such as '09:00-17:00', got {text!r}"
        raise DefinitionError(msg)
    start = int(found[1]) * 60 + int(found[2])
    end = DAY_MINUTES if found[3] is None else int(found[3]) * 60 + int(found[4])
    if end <= start:
        msg = f"working hours {text!r} end before they begin"
        raise DefinitionError(msg, remedy="hours over midnight are two: until 24:00, and from 00:00")
    return Span(start, end)
