"""`ripieno db`: the database that holds the log, for whoever operates the machine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Final

from cyclopts import Parameter

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, note, write
from ripieno.cli.settings import Settings
from ripieno.journal.places import DATABASE_URL, bring_up, database_url, missing, status_at
from ripieno.journal.status import DatabaseStatus
from ripieno.mediation.on_demand import governed
from ripieno.model.errors import NotAllowedError, SettingsError
from ripieno.model.event import Json
from ripieno.model.stop import EVERYTHING

__all__ = ["migrate", "move", "show_status"]

TABLES_SHOWN: Final = 5


def show_status(*, options: Options = DEFAULTS) -> int:
    """Show which database holds the log: its format and the one that is needed, who works with it, its size.

    Also of a database that is too old for this version, or too new. Exit code 1 where something is to be
    done before this version can work with it.
    """
    settings = operated(options)
    found = status_at(settings.home)
    needs, does = standing(found)
    table = listing("", "")
    table.add_row("database", clean(found.place))
    table.add_row("kept by", clean(found.server))
    table.add_row("format", clean(does, style="" if needs else "yellow"))
    for pending in found.pending:
        table.add_row("pending", clean(pending, style="yellow"))
    for owner in found.owners:
        which = "" if owner.format is None else f", format {owner.format}"
        table.add_row("at work", clean(f"{owner.name}{which}"))
    table.add_row("size", f"{found.bytes / 1e6:,.1f} MB")
    for one in found.tables[:TABLES_SHOWN]:
        table.add_row("", clean(f"{one.name} {one.bytes / 1e6:,.1f} MB"))
    write(settings.output, asdict(found), table)
    return Exit.OK if needs else Exit.FAILED


def standing(found: DatabaseStatus) -> tuple[bool, str]:
    """Tell whether this version can work with a database, and say so."""
    if found.moved is not None:
        return False, f"moved to {found.moved}, or begun to be: set {DATABASE_URL}"
    if found.format is None or found.oldest is None:
        return True, "nothing has run in it yet"
    said = f"{found.format}; this version needs {found.needed}"
    if found.format < found.needed:
        return False, f"{said}: ripieno db migrate brings it up"
    if found.oldest > found.needed:
        return False, f"{said}, and it is for those that need {found.oldest} or more: use a newer version"
    if found.oldest < found.format:
        said += f"; programs of format {found.oldest} and newer fit it"
    return True, said


def migrate(*, options: Options = DEFAULTS) -> int:
    """Bring the database that holds the log up to the format of this version, and say what was done.

    Only ever forward, each step whole or not at all, and once, however many do this at a time. Programs of
    the version before go on working with a PostgreSQL database meanwhile; a data folder is brought up
    whenever this version opens it.
    """
    settings = operated(options)
    before = status_at(settings.home)
    done: list[str] = []
    bring_up(settings.home, done.append)
    found = status_at(settings.home)
    if done:
        asyncio.run(record(settings, {"what": "migrate database", "from": before.format, "to": found.format}))
    table = listing("", "")
    for one in done:
        table.add_row("done", clean(one))
    table.add_row("format", clean(standing(found)[1] if done or before.format is None else "nothing to do"))
    document = {"place": found.place, "before": before.format, "format": found.format, "done": done}
    write(settings.output, document, table)
    return Exit.OK


def move(
    *,
    with_findings: Annotated[bool, Parameter(negative="")] = False,
    call_off: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> int:
    """Move the log of the data folder into the empty PostgreSQL database that RIPIENO_DATABASE_URL names.

    All or nothing: it is verified, moved, read again and compared, and only then counts. Nobody may work
    with either meanwhile. The file of the folder stays as it is, and is opened no more, so that no run goes
    on in two places; keys and policies in the folder are used as before. Where it breaks off, the same
    command does it.

    Parameters
    ----------
    with_findings
        Move the log as it is, also where it does not hold together.
    call_off
        Use the folder again, where a move broke off and nothing has arrived in the database.

    """
    settings = operated(options)
    url = database_url()
    if url is None:
        msg = f"{DATABASE_URL} does not say where the log is to be moved"
        raise SettingsError(
            msg, remedy="set it to an empty database: postgresql://user:password@host/database"
        )
    try:
        from ripieno.journal import moving  # noqa: PLC0415 - only who has such a database
    except ModuleNotFoundError as error:
        raise missing() from error
    table = listing("", "")
    if call_off:
        place = moving.call_off(settings.home, url)
        table.add_row("called off", clean(f"nothing is in {place}; the log is in {settings.home}"))
        write(settings.output, {"called_off": place, "home": str(settings.home)}, table)
        return Exit.OK
    moved = moving.move(settings.home, url, note, with_findings=with_findings)
    proof = moved.proof
    if moved.rows:
        said: dict[str, Json] = {"what": "move log", "events": proof.events, "digest": proof.digest}
        asyncio.run(record(settings, said | {"root": proof.root, "leaves": proof.leaves}))
    table.add_row("moved" if moved.rows else "had been moved", clean(f"to {moved.place}"))
    table.add_row("events", f"{proof.events:,} in {proof.chains:,} chains, as before: {proof.digest}")
    table.add_row("tree", f"{proof.leaves:,} leaves, as before: {proof.root}")
    write(settings.output, {"place": moved.place, "rows": moved.rows, **proof._asdict()}, table)
    note(f"the log is there from now on, for all who set {DATABASE_URL}; keep the keys in {settings.home}")
    return Exit.OK


async def record(settings: Settings, said: Mapping[str, Json]) -> None:
    """Let the system's log tell of it, by whoever the machine says; without the keys nobody writes there."""
    if not (settings.home / "master.key").exists():
        note(f"no master.key in {settings.home}: the system's log does not tell of it")
        return
    store = governed(settings.home)
    await store.open()
    try:
        await store.record(EVERYTHING, "operation", {**said, "by": settings.claimed.id})
    finally:
        await store.close()


def operated(options: Options) -> Settings:
    """Give the settings of whoever operates the machine; raises `NotAllowedError` for a key or token."""
    settings = options.settle()
    if settings.credential is not None:
        msg = "a database holds every tenant: it is for whoever operates the machine, without key or token"
        raise NotAllowedError(msg, remedy="unset RIPIENO_API_KEY and RIPIENO_TOKEN")
    return settings
