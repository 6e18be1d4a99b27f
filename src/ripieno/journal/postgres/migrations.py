"""Brings a database of an earlier format up to this one, when that is asked for; others go on meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Final

import psycopg

from ripieno.journal.postgres.connection import PostgresConnection
from ripieno.journal.postgres.database import ALONE
from ripieno.journal.postgres.failures import writing
from ripieno.journal.postgres.formats import FIRST, STEPS, Formats, Step
from ripieno.journal.postgres.schema import check, made
from ripieno.model.errors import StoreError

__all__ = ["bring_up", "bring_up_at", "unbuilt"]

WAITING: Final = "SET LOCAL lock_timeout = '2s'"
"""So long a step waits for who reads a table, and holds up who writes; after that nothing of it is done."""

AT_WORK: Final = (
    f"SELECT name FROM owners WHERE coalesce(CAST(to_jsonb(owners) ->> 'format' AS BIGINT), {FIRST}) < ?"  # noqa: S608 - ours
    " AND until_at > clock_timestamp() ORDER BY name"
)
VALID: Final = (
    "SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
    " WHERE indisvalid AND relnamespace = CAST(current_schema() AS regnamespace)"
)
BUILDING: Final = "SELECT pg_try_advisory_lock(hashtext('indexes'), CAST(? AS INTEGER))"
BUILT: Final = "SELECT pg_advisory_unlock(hashtext('indexes'), CAST(? AS INTEGER))"


def bring_up_at(url: str, tell: Callable[[str], None]) -> None:
    """Bring a database up to this version's format; `bring_up` says how."""
    with closing(PostgresConnection(url, "SET lock_timeout = '30s'")) as connection:
        check(connection.place, bring_up(connection, tell))


def bring_up(
    connection: PostgresConnection, tell: Callable[[str], None], steps: Mapping[int, Step] = STEPS
) -> Formats:
    """Bring a database up to the newest format, step by step, and say what was done.

    Each step is done whole or not at all, and once, however many do this at a time. Raises `StoreError`
    where a step has to wait: for somebody who reads a table for long, or for a program that is too old for
    what comes.
    """
    try:
        found = made(connection)
        while found.reached in steps:
            found = step_up(connection, found.reached, steps[found.reached], tell)
        build(connection, steps, tell)
    except psycopg.Error as error:
        raise writing(connection.place, error) from error
    return found


def step_up(connection: PostgresConnection, start: int, step: Step, tell: Callable[[str], None]) -> Formats:
    """Do one step, where nobody else did it meanwhile; tell for whom the tables are then."""
    with connection.raw.transaction():
        connection.raw.execute(ALONE, [connection.alone])
        connection.raw.execute(WAITING)
        found = made(connection)
        if found.reached != start:
            return found
        if step.oldest > found.oldest:
            none_older(connection, step.oldest, start + 1)
        connection.raw.execute(step.statements.encode())
        found = Formats(step.oldest, start + 1)
        connection.execute("UPDATE ripieno SET format = ?, reached = ?", found)
    tell(f"format {start} to {found.reached}: done; programs of format {found.oldest} and newer fit it")
    return found


def none_older(connection: PostgresConnection, oldest: int, format_: int) -> None:
    """Raise `StoreError` where a program is at work that what is taken away now would leave without it."""
    names = [name for (name,) in connection.execute(AT_WORK, (oldest,)).fetchall()]
    if names:
        msg = (
            f"{connection.place} is not brought up to format {format_} yet: it takes away what programs"
            f" before format {oldest} use, and such are at work: {'; '.join(names)}"
        )
        raise StoreError(msg, remedy="end them, or bring them up to a newer version of Ripieno; then again")


def unbuilt(connection: PostgresConnection, steps: Mapping[int, Step] = STEPS) -> Sequence[tuple[str, str]]:
    """Give the indexes, by name and on what, that are to be there and are not, or not whole."""
    there = {name for (name,) in connection.execute(VALID).fetchall()}
    wanted = [index for step in steps.values() for index in step.indexes.items()]
    return [(name, on) for name, on in wanted if name not in there]


def build(connection: PostgresConnection, steps: Mapping[int, Step], tell: Callable[[str], None]) -> None:
    """Build the indexes that are missing, while everybody reads and writes."""
    missing = unbuilt(connection, steps)
    if not missing:
        return
    if connection.execute(BUILDING, (connection.alone,)).fetchone() != (True,):
        tell("another process is building indexes: ripieno db status says when that is done")
        return
    try:
        for name, on in unbuilt(connection, steps):
            connection.raw.execute(f"DROP INDEX IF EXISTS {name}".encode())  # what somebody began who died
            connection.raw.execute(f"CREATE INDEX CONCURRENTLY {name} {on}".encode())
            tell(f"index {name}: built")
    finally:
        connection.execute(BUILT, (connection.alone,))
