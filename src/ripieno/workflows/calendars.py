"""Business calendars as a workflow file declares them: as they stand, in a file, or in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, ValidationError, WithJsonSchema

from ripieno.model.errors import DefinitionError
from ripieno.model.working_time import Calendar
from ripieno.workflows.fields import Document, Import
from ripieno.workflows.objects import import_from
from ripieno.workflows.text import read_text

__all__ = ["CalendarEntry", "CalendarFile", "CalendarSettings", "calendar"]


class CalendarSettings(Document):
    """When people work; a duration of whoever is asked under it is working time."""

    zone: str = Field(default="UTC", description="time zone by its name in the IANA database")
    hours: dict[str, str | list[str]] | None = Field(
        default=None,
        description="spans by day or days, such as `{mon-fri: ['09:00-12:30', '13:30-17:00']}`;"
        " `{mon-fri: '09:00-17:00'}` when left out",
    )
    holidays: list[str] = Field(
        default_factory=list[str], description="dates such as `2026-12-24`, or `12-25` for every year"
    )


class CalendarFile(Document):
    """A calendar in a file of its own."""

    file: str = Field(min_length=1, description="a YAML file beside this one with these settings")


def calendar_shape(value: Any) -> str:
    """Tell the three ways of giving a calendar apart."""
    keys: set[str] = set(value) if isinstance(value, dict) else set()  # pyright: ignore[reportUnknownArgumentType] - keys are strings
    return "<import>" if keys == {"import"} else "<file>" if keys == {"file"} else "<settings>"


CalendarEntry = Annotated[
    Annotated[CalendarSettings, Tag("<settings>")]
    | Annotated[CalendarFile, Tag("<file>")]
    | Annotated[Import, Tag("<import>")],
    Discriminator(calendar_shape),
    WithJsonSchema(
        {
            "anyOf": [
                CalendarSettings.model_json_schema(),
                CalendarFile.model_json_schema(),
                Import.model_json_schema(),
            ]
        }
    ),
]


def calendar(name: str, entry: CalendarSettings | CalendarFile | Import, folder: Path) -> Calendar:
    """Give the calendar that an entry declares; raises `DefinitionError` for one that cannot be used."""
    if isinstance(entry, Import):
        return imported(name, entry, folder)
    settings = in_file(folder / entry.file) if isinstance(entry, CalendarFile) else entry
    return Calendar(name, zone=settings.zone, hours=settings.hours, holidays=settings.holidays)


def imported(name: str, entry: Import, folder: Path) -> Calendar:
    """Give a calendar that is declared in Python."""
    found: object = import_from(folder, entry.object)
    if not isinstance(found, Calendar):
        msg = f"expected a Calendar at {entry.object!r}, found {type(found).__name__}"
        raise DefinitionError(msg)
    if found.name != name:
        msg = f"{entry.object!r} is called {found.name!r}, not {name!r}"
        raise DefinitionError(msg, remedy=f"declare it here as {found.name!r}")
    return found


def in_file(file: Path) -> CalendarSettings:
    """Read a calendar's file."""
    text = read_text(file)
    try:
        return CalendarSettings.model_validate(text.data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise DefinitionError(first["msg"], place=text.place(first["loc"])) from error
