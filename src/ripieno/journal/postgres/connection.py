"""A connection to the database, which takes the statements that SQLite takes as well."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.numeric import Int8BinaryDumper

from ripieno.journal.postgres.failures import misnamed, opening

__all__ = ["PostgresConnection"]

SETTINGS: Final = {
    "application_name": "ripieno",
    "connect_timeout": "10",
    # whoever went away without a word is noticed, and does not hold up others for long
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
"""What a connection is opened with, unless the address says otherwise."""


class PostgresConnection:
    """One connection in autocommit mode: transactions are begun by hand. It is opened anew on `reopen`."""

    channel: str
    """Where commits are told of: those to the same schema of this database."""
    alone: int
    """The number of the lock that whoever writes there holds."""

    def __init__(self, url: str, *settings: str, listening: bool = False) -> None:
        """Open it; `settings` are statements that it begins with, each time. Raises `StoreError`."""
        try:
            parts = conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            raise misnamed() from None
        self.place = place_of(parts)
        self._conninfo = make_conninfo("", **{**SETTINGS, **parts})
        self._settings = settings
        self._listening = listening
        self.changed = False
        """Whether a statement has changed anything since this was last set to false."""
        self.reopen()

    def reopen(self) -> None:
        """Open it, also when it was lost. Raises `StoreError` where that is not possible."""
        try:
            self.raw = psycopg.Connection.connect(self._conninfo, autocommit=True)
            self.raw.adapters.register_dumper(int, Int8BinaryDumper)  # one type, and so one plan, for all
            self.raw.prepare_threshold = 2
            for setting in self._settings:
                self.raw.execute(setting.encode())
            row = self.raw.execute("SELECT hashtext('ripieno ' || current_schema())").fetchone()
            assert row is not None, "an expression has a value"
            self.alone = row[0]
            self.channel = f"ripieno_{row[0] & 0xFFFFFFFF:08x}"
            if self._listening:
                self.raw.execute(f"LISTEN {self.channel}".encode())
        except psycopg.Error as error:
            raise opening(self.place, error) from error

    @property
    def lost(self) -> bool:
        """True once the server or the way to it is gone."""
        return self.raw.closed

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> psycopg.Cursor[Any]:
        """Carry out a statement. Raises `UnicodeError` for a text that no table here can hold."""
        if any(isinstance(value, str) and "\0" in value for value in values):
            msg = "PostgreSQL holds no text with a NUL in it"
            raise UnicodeError(msg)  # here, as the server would give up the whole transaction for it
        cursor = self.raw.execute(translated(statement), values, binary=True)
        if cursor.rowcount > 0 and not (cursor.statusmessage or "").startswith("SELECT"):
            self.changed = True
        return cursor

    def execute_all(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Carry out a statement for each of these rows, all sent together."""
        with self.raw.cursor() as cursor:
            cursor.executemany(translated(statement), rows)

    def close(self) -> None:
        """Close it."""
        with contextlib.suppress(psycopg.Error):
            self.raw.close()


@cache
def translated(statement: str) -> bytes:
    """Give a statement in the words of this database: typed values, and its form of no bytes."""
    return statement.replace("?", "%b").replace("x''", "''::bytea").encode()


def place_of(parts: Mapping[str, Any]) -> str:
    """Name a database for people: where it is, without the password."""
    host, port = parts.get("host", "localhost"), parts.get("port", "5432")
    return f"postgresql://{host}:{port}/{parts.get('dbname', '')}"
