"""Business calendars: working time across nights, weekends, holidays and changes of the clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno.model.errors import DefinitionError
from ripieno.model.reminder import MOST_REMINDERS, Reminder, reminder_times
from ripieno.model.working_time import Calendar

HOUR = 3_600_000_000
BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Calendar("office", zone="Europe/Berlin", holidays=["12-25", date(2026, 12, 24)])
NIGHTS = Calendar(
    "nights", zone="America/New_York", hours={"mon-sun": ["22:00-24:00", "00:00-06:00"], "wed": "12:00-13:00"}
)
ROUND_THE_CLOCK = Calendar("always", zone="Africa/Cairo", hours={"mon-sun": "00:00-24:00"})
GAP = Calendar("gap", zone="Europe/Berlin", hours={"sun": ["01:00-02:30", "02:45-03:00", "03:00-05:00"]})
ALL = [OFFICE, NIGHTS, ROUND_THE_CLOCK, GAP]


def at(text: str, zone: ZoneInfo = BERLIN) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1_000_000)


def wall(moment: int, zone: ZoneInfo = BERLIN) -> str:
    return datetime.fromtimestamp(moment // 1_000_000, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2026-11-23 10:00", 4, "2026-11-23 14:00"),
        ("2026-11-23 15:00", 4, "2026-11-24 11:00"),
        ("2026-11-23 09:00", 8, "2026-11-23 17:00"),
        ("2026-11-23 06:00", 1, "2026-11-23 10:00"),
        ("2026-11-27 16:30", 1, "2026-11-30 09:30"),
        ("2026-11-28 12:00", 2, "2026-11-30 11:00"),
        ("2026-12-23 16:00", 2, "2026-12-28 10:00"),
        ("2026-11-23 09:00", 40, "2026-11-27 17:00"),
        ("2026-11-23 09:00", 41, "2026-11-30 10:00"),
        ("2026-03-27 16:00", 9, "2026-03-30 17:00"),
        ("2025-12-24 16:00", 2, "2025-12-26 10:00"),
    ],
    ids=[
        "within a day",
        "over night",
        "to the last minute",
        "before hours",
        "over a weekend",
        "from a weekend",
        "over Christmas",
        "a week",
        "more than a week",
        "clocks change on the weekend",
        "a date of one year is no holiday of another",
    ],
)
def test_so_much_working_time_later(start: str, hours: float, due: str) -> None:
    assert wall(OFFICE.after(at(start), int(hours * HOUR))) == due


def test_so_much_working_time_earlier_leaves_out_the_hours_that_are_still_to_come() -> None:
    assert wall(OFFICE.before(at("2026-11-24 06:00"), 2 * HOUR)) == "2026-11-23 15:00"
    assert wall(OFFICE.before(at("2026-11-24 10:00"), 2 * HOUR)) == "2026-11-23 16:00"
    assert OFFICE.before(at("2026-11-24 06:00"), 0) == at("2026-11-24 06:00")


@pytest.mark.parametrize(
    ("start", "passed"),
    [("2026-03-28 22:00", 7), ("2026-10-24 22:00", 9), ("2026-10-25 22:00", 8)],
    ids=["an hour is missing", "an hour comes twice", "an ordinary night"],
)
def test_a_night_in_which_clocks_change_counts_as_long_as_it_lasts(start: str, passed: int) -> None:
    guard = Calendar("guard", zone="Europe/Berlin", hours={"mon-sun": ["22:00-24:00", "00:00-06:00"]})
    assert wall(guard.after(at(start), passed * HOUR))[11:] == "06:00"


def test_a_day_that_begins_with_the_change_of_clocks_loses_nothing_else() -> None:
    """In Cairo summer time begins at midnight: the day has no 00:00."""
    start = at("2026-04-23 12:00", ZoneInfo("Africa/Cairo"))
    assert ROUND_THE_CLOCK.after(start, 48 * HOUR) == start + 48 * HOUR


moments = st.integers(at("2026-01-01 00:00"), at("2027-12-31 00:00"))
lengths = st.integers(0, 120 * HOUR)
calendars = st.sampled_from(ALL)


@given(calendars, moments, lengths, lengths)
@settings(deadline=None, max_examples=60)
def test_more_working_time_is_never_over_sooner_and_none_stays(
    calendar: Calendar, start: int, one: int, other: int
) -> None:
    ends = [calendar.after(start, length) for length in sorted((0, one, other))]
    assert ends == sorted(ends)
    assert calendar.after(start, 0) == calendar.before(start, 0) == start
    begins = [calendar.before(start, length) for length in sorted((0, one, other))]
    assert begins == sorted(begins, reverse=True)


@given(calendars, moments, lengths, lengths)
@settings(deadline=None, max_examples=60)
def test_working_time_adds_up(calendar: Calendar, start: int, one: int, other: int) -> None:
    assert calendar.after(calendar.after(start, one), other) == calendar.after(start, one + other)
    end = calendar.after(start, one + other)
    if one and other:
        assert calendar.after(calendar.before(end, other), other) == end


@given(moments, st.integers(1, 60 * HOUR))
@settings(deadline=None, max_examples=60)
def test_nothing_is_due_outside_of_working_time(start: int, length: int) -> None:
    due = datetime.fromtimestamp(OFFICE.after(start, length) / 1_000_000, UTC).astimezone(BERLIN)
    assert due.weekday() < 5
    assert (due.month, due.day) != (12, 25)
    assert due.date() != date(2026, 12, 24)
    assert timedelta(hours=9) < timedelta(hours=due.hour, minutes=due.minute, seconds=due.second + 1)
    assert (due.hour, due.minute) <= (17, 0)


@given(moments, moments)
@settings(deadline=None, max_examples=60)
def test_who_begins_later_is_not_done_sooner(one: int, other: int) -> None:
    for calendar in ALL:
        first, second = (calendar.after(start, 5 * HOUR) for start in sorted((one, other)))
        assert first <= second


def test_a_calendar_reads_back_from_its_own_description() -> None:
    for calendar in ALL:
        described = calendar.describe()
        again = Calendar(calendar.name, **described)  # pyright: ignore[reportArgumentType] - what a definition holds
        assert again.describe() == described
    assert OFFICE.describe() == {
        "zone": "Europe/Berlin",
        "hours": {day: ["09:00-17:00"] for day in ("mon", "tue", "wed", "thu", "fri")},
        "holidays": ["12-25", "2026-12-24"],
    }
    assert OFFICE.weekly == 40 * 3600


@pytest.mark.parametrize(
    ("settings_", "says"),
    [
        ({"name": "two words"}, "calendar name 'two words' must be"),
        ({"zone": "Europe/Berln"}, "no time zone 'Europe/Berln' (did you mean 'Europe/Berlin'?)"),
        ({"zone": "../etc"}, "no time zone '../etc'"),
        ({"hours": {}}, "a calendar without working hours"),
        ({"hours": {"mon": []}}, "a calendar without working hours"),
        ({"hours": {"moon": "09:00-17:00"}}, "expected a day or days in order, such as 'mon'"),
        ({"hours": {"fri-mon": "09:00-17:00"}}, "expected a day or days in order"),
        ({"hours": {"mon": "9-17"}}, "expected hours such as '09:00-17:00', got '9-17'"),
        ({"hours": {"mon": "22:00-06:00"}}, "end before they begin"),
        ({"hours": {"mon": "09:00-09:00"}}, "end before they begin"),
        ({"hours": {"mon": ["09:00-12:00", "11:00-17:00"]}}, "working hours of mon overlap"),
        ({"hours": {"mon-fri": "09:00-17:00", "fri": "12:00-13:00"}}, "working hours of fri overlap"),
        ({"holidays": ["christmas"]}, "expected a holiday as '2026-12-24', or '12-25'"),
        ({"holidays": ["02-30"]}, "expected a holiday as"),
        (
            {"holidays": [f"{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 29)]},
            "336 holidays a year leave no working time",
        ),
    ],
    ids=str,
)
def test_a_calendar_that_cannot_be_is_refused(settings_: dict[str, object], says: str) -> None:
    with pytest.raises(DefinitionError) as raised:
        Calendar(**{"name": "office", **settings_})  # pyright: ignore[reportArgumentType] - mistakes of users
    assert says in str(raised.value)


def test_where_there_is_not_so_much_working_time_it_is_said() -> None:
    rare = Calendar("rare", hours={"mon": "00:00-00:01"})
    with pytest.raises(DefinitionError, match="calendar 'rare' has not so much working time around 20"):
        rare.after(at("2026-01-01 00:00"), 1000 * HOUR)
    with pytest.raises(DefinitionError, match="calendar 'rare' has not so much working time around 20"):
        rare.before(at("2026-01-01 00:00"), 1000 * HOUR)


def test_the_last_holiday_given_with_its_year_is_known() -> None:
    assert (OFFICE.last_holiday, NIGHTS.last_holiday) == (date(2026, 12, 24), None)


# -- reminders -------------------------------------------------------------------------------------------


def times(*texts: str, due: int | None = None, calendar: Calendar | None = None) -> list[float]:
    """Give when one is reminded, in hours after the task was asked."""
    start = at("2026-11-23 09:00")
    found = reminder_times(
        [Reminder.read(text) for text in texts], start, due and start + due * HOUR, calendar
    )
    return [(moment - start) / HOUR for moment in found]


def test_people_are_reminded_before_it_is_due_and_every_so_often() -> None:
    assert times("1h before", due=8) == [7]
    assert times("every 3h", due=8) == [3, 6]
    assert times("every 2h", "1h before", "2h before", due=8) == [2, 4, 6, 7]
    assert times("9h before", due=8) == []
    assert times("1h before") == []
    assert times("every 8h", due=8) == []
    assert times("every 1h") == [float(hour) for hour in range(1, MOST_REMINDERS + 1)]


def test_with_a_calendar_reminders_come_in_working_time() -> None:
    due = OFFICE.after(at("2026-11-23 09:00"), 12 * HOUR)
    start = at("2026-11-23 09:00")
    found = reminder_times([Reminder.read("5h before"), Reminder.read("every 6h")], start, due, OFFICE)
    assert [wall(moment) for moment in found] == ["2026-11-23 15:00", "2026-11-23 16:00"]


@given(st.lists(st.integers(1, 400)), st.integers(1, 400), st.integers(1, 400))
@settings(deadline=None, max_examples=60)
def test_reminders_are_in_order_and_before_it_is_due(before: list[int], often: int, due: int) -> None:
    texts = [f"{hours}h before" for hours in before]
    found = times(*texts, f"every {often}h", due=due)
    assert all(0 < one < due for one in found)
    assert all(one < two for one, two in pairwise(found))
    assert len(found) <= MOST_REMINDERS


@pytest.mark.parametrize(
    "text", ["soon", "before", "1h", "every", "every soon", "0h before", "every 1h before"]
)
def test_a_reminder_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(DefinitionError, match="expected a"):
        Reminder.read(text)


def test_a_reminder_says_its_rule_as_a_definition_has_it() -> None:
    assert [str(Reminder.read(text)) for text in ("1h before", "every 1d")] == [
        "3600s before",
        "every 86400s",
    ]
