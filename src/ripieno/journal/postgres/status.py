"""What a database is like, without working with it: also one that is too old for this version, or too new."""

from __future__ import annotations

from contextlib import closing
from typing import Final

import psycopg

from ripieno.journal.postgres.connection import PostgresConnection
from ripieno.journal.postgres.failures import reading
from ripieno.journal.postgres.formats import FIRST, FORMAT, STEPS, formats_of
from ripieno.journal.postgres.migrations import unbuilt
from ripieno.journal.status import DatabaseStatus, OwnerStatus, TableSize

__all__ = ["status"]

OWNERS: Final = (
    f"SELECT name, coalesce(CAST(to_jsonb(owners) ->> 'format' AS BIGINT), {FIRST}) FROM owners"  # noqa: S608 - ours
    " WHERE until_at > clock_timestamp() ORDER BY name"
)
SIZES: Final = (
    "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r'"
    " AND relnamespace = CAST(current_schema() AS regnamespace) ORDER BY 2 DESC, 1"
)


def status(url: str) -> DatabaseStatus:
    """Look at a database. Raises `StoreError` where it cannot be read, or is of another program."""
    with closing(PostgresConnection(url)) as connection:
        try:
            return looked_at(connection)
        except psycopg.Error as error:
            raise reading(connection.place, error) from error


def looked_at(connection: PostgresConnection) -> DatabaseStatus:
    """Look at the database of a connection."""
    found = formats_of(connection)
    sizes = [TableSize(*row) for row in connection.execute(SIZES).fetchall()]
    pending: list[str] = []
    if found is not None:
        pending += [f"format {start} to {start + 1}" for start in STEPS if start >= found.reached]
        pending += [f"index {name}" for name, _ in unbuilt(connection)]
    return DatabaseStatus(
        place=connection.place,
        server=f"PostgreSQL {connection.raw.info.parameter_status('server_version')}",
        format=None if found is None else found.reached,
        oldest=None if found is None else found.oldest,
        needed=FORMAT,
        pending=pending,
        owners=[OwnerStatus(*row) for row in connection.execute(OWNERS).fetchall()] if found else [],
        bytes=sum(table.bytes for table in sizes),
        tables=sizes,
    )
