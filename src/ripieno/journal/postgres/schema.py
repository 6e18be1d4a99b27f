"""The tables of a database, and whether this version can work with them."""

from __future__ import annotations

from ripieno.journal.postgres.connection import PostgresConnection
from ripieno.journal.postgres.database import ALONE
from ripieno.journal.postgres.formats import FORMAT, STEPS, Formats, formats_of, oldest_after, tables
from ripieno.model.errors import StoreError

__all__ = ["FORMAT", "check", "create", "made"]


def create(connection: PostgresConnection) -> None:
    """Create the tables where there are none; whole or not at all.

    Raises `StoreError` for tables that this version cannot work with, or of another program.
    """
    check(connection.place, made(connection))


def made(connection: PostgresConnection) -> Formats:
    """Tell for whom the tables are, creating them where there are none."""
    with connection.raw.transaction():
        connection.raw.execute(ALONE, [connection.alone])
        found = formats_of(connection)
        if found is None:
            found = Formats(oldest_after(STEPS, FORMAT), FORMAT)
            connection.raw.execute(tables().encode())
            connection.execute("INSERT INTO ripieno (format, reached) VALUES (?, ?)", found)
    return found


def check(place: str, found: Formats) -> None:
    """Raise `StoreError` for tables that are too old for this version, or too new."""
    if found.reached < FORMAT:
        msg = f"{place} has format {found.reached}, this version of Ripieno needs format {FORMAT}"
        remedy = "ripieno db migrate brings it up, while the version before goes on working with it"
        raise StoreError(msg, remedy=remedy)
    if found.oldest > FORMAT:
        msg = (
            f"{place} has format {found.reached}, which is for versions of Ripieno of format {found.oldest}"
            f" and newer: this one is of format {FORMAT}"
        )
        raise StoreError(msg, remedy="use a newer version of Ripieno, or another database")
