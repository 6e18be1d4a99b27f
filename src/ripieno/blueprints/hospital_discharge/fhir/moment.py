"""FHIR dates and times, which may be partial, as one comparable value.

Source: FHIR R4, Datatypes, `date`, `dateTime` and `instant` (https://hl7.org/fhir/R4/datatypes.html).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import total_ordering
from typing import Annotated

from pydantic import BeforeValidator

__all__ = ["FhirMoment", "Moment"]

_YEARS = range(1800, 2201)
"""Nothing in a living or recent person's record is dated outside; anything else is damage."""

_SHAPE = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2})"
    r"(?P<time>T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})?)?)?)?",
    re.ASCII,
)


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """A point in time as precise as the record states it; ordered by its earliest instant in UTC."""

    text: str
    """As it stands in the record."""
    day: date
    """The calendar day where it was written; the first of the month or year when partial."""
    instant: datetime
    """Aware, in UTC; a time without an offset counts as UTC."""

    @staticmethod
    def parse(text: str) -> Moment:
        """Read `2012`, `2012-05`, `2012-05-04` or a dateTime; raises ValueError for anything else."""
        match = _SHAPE.fullmatch(text)
        if match is None:
            msg = f"{text!r} is not a FHIR date or dateTime such as '2026-11-22' or '2026-11-22T14:30:00Z'"
            raise ValueError(msg)
        if int(match["year"]) not in _YEARS:
            msg = f"{text!r} lies outside the years {_YEARS[0]} to {_YEARS[-1]}"
            raise ValueError(msg)
        day = date(int(match["year"]), int(match["month"] or 1), int(match["day"] or 1))
        if match["time"] is None:
            return Moment(text, day, datetime(day.year, day.month, day.day, tzinfo=UTC))
        written = datetime.fromisoformat(_microseconds(text))
        aware = written.replace(tzinfo=UTC) if written.tzinfo is None else written
        return Moment(text, day, aware.astimezone(UTC))

    def __eq__(self, other: object) -> bool:
        """Equal when the instants are, however they were written."""
        return isinstance(other, Moment) and self.instant == other.instant

    def __hash__(self) -> int:
        """Hash by the instant, as equality does."""
        return hash(self.instant)

    def __lt__(self, other: Moment) -> bool:
        """Earlier instants come first."""
        return self.instant < other.instant


def _microseconds(text: str) -> str:
    """Cut fractions of a second to what `datetime` holds."""
    return re.sub(r"(\.\d{6})\d+", r"\1", text)


def _moment(value: object) -> Moment | None:
    if value is None or isinstance(value, Moment):
        return value
    if not isinstance(value, str):
        msg = f"expected a date or dateTime as text, got {type(value).__name__}"
        raise ValueError(msg)  # noqa: TRY004 - pydantic turns ValueError, not TypeError, into a finding
    return Moment.parse(value)


FhirMoment = Annotated[Moment | None, BeforeValidator(_moment)]
"""A Pydantic field that holds a `Moment`, or None when absent."""
