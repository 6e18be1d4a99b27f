"""The tables of a database, and whether they are of our format."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ripieno.journal.postgres.connection import PostgresConnection
from ripieno.journal.postgres.database import ALONE
from ripieno.model.errors import StoreError

__all__ = ["FORMAT", "create"]

FORMAT: Final = 7
"""Kept in the table `ripieno`; the tables are those of this format of SQLite's."""

TABLES: Final = Path(__file__).with_name("tables.sql")


def create(connection: PostgresConnection) -> None:
    """Create the tables where there are none; whole or not at all.

    Raises `StoreError` for tables of another format, or of another program.
    """
    with connection.raw.transaction():
        connection.raw.execute(ALONE, [connection.alone])
        (ours, tables) = connection.execute(
            "SELECT to_regclass('ripieno') IS NOT NULL,"
            " (SELECT count(*) FROM pg_tables WHERE schemaname = current_schema())"
        ).fetchone() or (False, 0)
        if not ours and tables:
            msg = f"{connection.place} has tables of another program"
            raise StoreError(msg, remedy="name another database, or a schema: ?options=-csearch_path%3Dname")
        if not ours:
            connection.raw.execute(TABLES.read_bytes())
            connection.execute("INSERT INTO ripieno (format) VALUES (?)", (FORMAT,))
        (found,) = connection.execute("SELECT format FROM ripieno").fetchone() or (0,)
    if found != FORMAT:
        msg = f"{connection.place} has format {found}, this version of Ripieno reads format {FORMAT}"
        raise StoreError(msg, remedy="use the version of Ripieno that wrote it, or another database")
