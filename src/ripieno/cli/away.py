"""`ripieno inbox away`: who is out of office from when until when, and who has their tasks meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from cyclopts import Parameter

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import listing, note, write
from ripieno.cli.session import opened
from ripieno.cli.settings import Settings
from ripieno.journal.tasks import Absence
from ripieno.kernel.absences import clear_absences, set_absence
from ripieno.kernel.clock import MICROSECONDS, SystemClock, moment
from ripieno.model.errors import InputError

__all__ = ["clear_away", "list_away", "set_away"]

DATE_LETTERS = len("2026-11-22")


def set_away(
    substitute: str,
    /,
    *,
    until: str,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    person: str | None = None,
    options: Options = DEFAULTS,
) -> int:
    """Let somebody else have your tasks while you are away, those that wait already as well.

    Parameters
    ----------
    substitute
        Such as bob, person:bob or role:nurse.
    until
        The last day, such as 2026-12-31, or a time such as 2026-12-31T12:00.
    from_
        The first day or time; now unless given.
    person
        Who is away; you, unless given. For others that is for operators.

    """
    settings = options.settle()
    now = SystemClock().now()
    start = now if from_ is None else time_of(from_)
    end = time_of(until, end=True)

    async def act() -> Absence:
        async with opened(settings) as store:
            by = settings.principal
            return await set_absence(
                store,
                SystemClock(),
                by=by,
                person=person or by.id,
                substitute=substitute,
                from_at=start,
                until_at=end,
            )

    absence = asyncio.run(act())
    write(settings.output, document_of(absence), None)
    note(f"{absence.substitute} stands in for {absence.person} until {shown(absence.until_at)}")
    return Exit.OK


def list_away(*, options: Options = DEFAULTS) -> int:
    """List who is away, or will be."""
    settings = options.settle()
    found = asyncio.run(_absences(settings))
    table = listing("person", "from", "until", "stands in")
    for absence in found:
        table.add_row(
            absence.person.removeprefix("person:"),
            shown(absence.from_at),
            shown(absence.until_at),
            absence.substitute,
        )
    write(settings.output, [document_of(absence) for absence in found], table if found else None)
    if not found:
        note("nobody is away")
    return Exit.OK


async def _absences(settings: Settings) -> Sequence[Absence]:
    async with opened(settings) as store:
        return await store.absences(settings.principal.tenant, after=SystemClock().now())


def clear_away(*, person: str | None = None, options: Options = DEFAULTS) -> int:
    """Be back: end your absences, present and to come.

    Parameters
    ----------
    person
        Who is back; you, unless given. For others that is for operators.

    """
    settings = options.settle()

    async def act() -> int:
        async with opened(settings) as store:
            by = settings.principal
            return len(await clear_absences(store, SystemClock(), by=by, person=person or by.id))

    count = asyncio.run(act())
    note(f"{count} absence{'' if count == 1 else 's'} cleared")
    return Exit.OK


def document_of(absence: Absence) -> dict[str, Any]:
    """Give an absence as programs read it."""
    return {
        "person": absence.person,
        "substitute": absence.substitute,
        "from": moment(absence.from_at).isoformat(),
        "until": moment(absence.until_at).isoformat(),
        "set_by": absence.set_by,
    }


def shown(at: int) -> str:
    """Give a time as people of this machine read it."""
    return f"{moment(at).astimezone():%Y-%m-%d %H:%M}"


def time_of(text: str, *, end: bool = False) -> int:
    """Read a time in ISO 8601, local unless it says otherwise; of a day its beginning, or its `end`."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        msg = f"expected a day such as '2026-12-31', or a time such as '2026-12-31T12:00', got {text!r}"
        raise InputError(msg) from None
    if end and len(text) == DATE_LETTERS:
        at += timedelta(days=1)
    return int(at.astimezone(UTC).timestamp() * MICROSECONDS)
