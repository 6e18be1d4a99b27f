"""Mistakes in whom a file asks, when and under which calendar: each refused with its line and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from ripieno import Calendar, Workflow, concurrent, human, merge, person, role
from ripieno.model.errors import DefinitionError
from ripieno.workflows.load import load
from ripieno.workflows.problems import WorkflowFileError

CALENDARS = "{office: {zone: Europe/Berlin}}"


def refused(tmp_path: Path, entry: str, calendars: str = CALENDARS) -> tuple[int | None, str | None, str]:
    """Give line, field and text of the one problem of a file that asks a person."""
    file = tmp_path / "orders.yaml"
    file.write_text(
        f"workflow: orders\ncalendars: {calendars}\nparticipants:\n  ask: {{human: {entry}}}\nflow: ask\n"
    )
    with pytest.raises(WorkflowFileError) as raised:
        load(str(file))
    [problem] = raised.value.problems
    assert problem.place is not None
    return problem.place.line, problem.place.field, str(problem)


@pytest.mark.parametrize(
    ("entry", "field", "says"),
    [
        ("{role: a, person: b}", "participants.ask.human", "either a role or a person"),
        ("{person: two words}", "participants.ask", "must be the name of a principal, such as 'ada'"),
        (
            "{role: a, due: 1h, then: [{due: 1h}]}",
            "participants.ask.human.then.0",
            "either a role or a person",
        ),
        (
            "{role: a, due: 1h, then: [{role: b}, {role: c}]}",
            "participants.ask",
            "nobody but 'b' is ever asked",
        ),
        ("{role: a, due: 1h, then: []}", "participants.ask.human.then", "at least 1 item"),
        (
            "{role: a, due: 1h, calendar: ofice}",
            "participants.ask.human.calendar",
            "(did you mean 'office'?)",
        ),
        ("{role: a, calendar: office}", "participants.ask", "'office' reckons nothing without `due`"),
        (
            "{role: a, due: 900w, calendar: office}",
            "participants.ask",
            "more than ten years of calendar 'office'",
        ),
        ("{role: a, due: 1h, remind: [2h before]}", "participants.ask", "is never given"),
        ("{role: a, remind: [1h before]}", "participants.ask", "is never given"),
        ("{role: a, due: 1h, remind: [soon]}", "participants.ask", "expected a reminder such as '1h before'"),
    ],
    ids=str,
)
def test_who_cannot_be_asked_like_that_is_named_with_the_place(
    tmp_path: Path, entry: str, field: str, says: str
) -> None:
    line, at, text = refused(tmp_path, entry)
    assert (line, at) == (4, field)
    assert says in text


@pytest.mark.parametrize(
    ("calendars", "field", "says"),
    [
        ("{office: {zone: Mars/Base}}", "calendars.office", "no time zone 'Mars/Base'"),
        ("{office: {hours: {}}}", "calendars.office", "a calendar without working hours"),
        ("{office: {hours: {mon: '17:00-09:00'}}}", "calendars.office", "end before they begin"),
        ("{office: {holidays: [christmas]}}", "calendars.office", "expected a holiday"),
        ("{office: {days: 5}}", "calendars.office.days", "unknown field"),
        ("{office: {file: nowhere.yaml}}", "calendars.office", "cannot read"),
        ("{office: {import: 'workflow_parts:NUMBER'}}", "calendars.office", "expected a Calendar"),
        (
            "{office: {import: 'workflow_parts:CALENDAR'}}",
            "calendars.office",
            "is called 'night', not 'office'",
        ),
    ],
    ids=str,
)
def test_a_calendar_that_cannot_be_is_named_once_with_its_place(
    tmp_path: Path, calendars: str, field: str, says: str
) -> None:
    line, at, text = refused(tmp_path, "{role: a, due: 1h, calendar: office}", calendars)
    assert (line, at) == (2, field)
    assert says in text


def test_a_calendar_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "office.yaml").write_text("zone: Europe/Berlin\nholidays: ['12-25']\n")
    file = tmp_path / "orders.yaml"
    file.write_text(
        "workflow: orders\ncalendars: {office: {file: office.yaml}}\n"
        "participants:\n  ask: {human: {role: a, due: 1h, calendar: office}}\nflow: ask\n"
    )
    office = Calendar("office", zone="Europe/Berlin", holidays=["12-25"])
    same = Workflow("orders", human("ask", role="a", due="1h", calendar=office))
    assert load(str(file)).workflow.digest == same.digest
    (tmp_path / "office.yaml").write_text("zone: Europe/Berlin\nholiday: ['12-25']\n")
    with pytest.raises(DefinitionError, match=r"office\.yaml:2"):
        load(str(file))


def test_two_calendars_of_one_name_are_refused() -> None:
    one, other = Calendar("office"), Calendar("office", zone="Europe/Berlin")
    flow = concurrent(
        human("a", role="x", due="1h", calendar=one),
        human("b", role="x", due="1h", calendar=other),
        resolve=merge(),
    )
    with pytest.raises(DefinitionError, match="two calendars are called 'office'"):
        Workflow("orders", flow)


def test_a_chain_of_one_is_the_same_workflow_as_the_one_alone() -> None:
    alone = human("ask", role="a", due="1h", then=role("b"))
    listed = human("ask", role="a", due="1h", then=[role("b")])
    assert alone.describe() == listed.describe()
    assert (
        human("ask", person="ada", due="1h", then=person("bob")).describe()["human"]
        != alone.describe()["human"]
    )
    with pytest.raises(DefinitionError, match="either a role or a person"):
        human("ask")
