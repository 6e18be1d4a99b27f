"""The databases that can be reached, and how each is kept from being written to, and from taking too long."""

from __future__ import annotations

import re
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Literal, cast
from urllib.parse import quote

from ripieno.model.errors import DefinitionError, ToolError

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.engine import URL

__all__ = ["Database", "open_database"]

STEPS: Final = 10_000
"""Of SQLite's machine, between two looks at the clock."""

LONGEST_VALUE: Final = 50_000_000
"""Bytes of one value or row: what a statement makes up of nothing may be no larger either."""

READ_ACTIONS: Final = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)
WRITE_ACTIONS: Final = READ_ACTIONS | {
    sqlite3.SQLITE_INSERT,
    sqlite3.SQLITE_UPDATE,
    sqlite3.SQLITE_DELETE,
    sqlite3.SQLITE_TRANSACTION,
}
FUNCTIONS_REFUSED: Final = frozenset({"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"})
CATALOGUE: Final = frozenset({"table_info", "table_xinfo", "table_list", "foreign_key_list", "index_list"})
"""Pragmas that tell what tables there are."""

INSTALL: Final = 'pip install "ripieno[sql]"'


class Database(ABC):
    """One database, by a URL without its password."""

    dialect: Literal["SQLite", "PostgreSQL"]

    def __init__(self, name: str, url: URL) -> None:
        self.name, self.url = name, url

    @property
    def shown(self) -> str:
        """Which database it is, as a definition holds it."""
        return self.url.render_as_string(hide_password=True)

    @abstractmethod
    def connect(self, password: str | None, seconds: float, *, writes: bool) -> Connection:
        """Open a connection within a transaction, which only reads unless it `writes`, for so long."""

    def tables(self, connection: Connection, only: Sequence[str]) -> list[dict[str, Any]]:
        """Give tables with their columns."""
        from sqlalchemy import inspect  # noqa: PLC0415 - an extra

        found = inspect(connection)
        names = [
            one for one in (*found.get_table_names(), *found.get_view_names()) if not only or one in only
        ]
        return [
            {
                "table": name,
                "columns": {one["name"]: str(one["type"]) for one in found.get_columns(name)},
                "refers": {
                    ", ".join(key["constrained_columns"]): key["referred_table"]
                    for key in found.get_foreign_keys(name)
                },
            }
            for name in names
        ]


class Sqlite(Database):
    """A file, opened so that SQLite itself writes nothing; each step of a statement is decided upon."""

    dialect = "SQLite"

    def __init__(self, name: str, url: URL) -> None:
        super().__init__(name, url)
        if not url.database or url.database == ":memory:":
            msg = f"{name}: a database in memory ends with its connection; name a file"
            raise DefinitionError(msg, remedy="sqlite:///orders.db")
        self.file = Path(url.database)

    @property
    def shown(self) -> str:
        """Name the file, wherever it is."""
        return f"sqlite:///{self.file.name}"

    def connect(self, password: str | None, seconds: float, *, writes: bool) -> Connection:
        """Open the file; it is never made."""
        from sqlalchemy import create_engine  # noqa: PLC0415 - an extra
        from sqlalchemy.pool import NullPool  # noqa: PLC0415 - the same

        del password
        until = monotonic() + seconds
        if not self.file.is_file():
            msg = f"{self.name}: there is no database at {self.file.name!r}"
            raise ToolError(msg, failure="bad_request")

        def opened() -> sqlite3.Connection:
            mode = "rw" if writes else "ro"
            address = f"file:{quote(str(self.file.resolve()))}?mode={mode}"
            return sqlite3.connect(address, uri=True, timeout=seconds, check_same_thread=False)

        connection = create_engine("sqlite://", creator=opened, poolclass=NullPool).connect()
        own = cast("sqlite3.Connection", connection.connection.driver_connection)
        own.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
        own.set_authorizer(permits(WRITE_ACTIONS if writes else READ_ACTIONS))
        own.set_progress_handler(lambda: monotonic() > until, STEPS)
        return connection


def permits(actions: frozenset[int]) -> Any:
    """Give what decides for SQLite what a statement may do."""

    def decide(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in FUNCTIONS_REFUSED:
            return sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_PRAGMA and first in CATALOGUE:
            return sqlite3.SQLITE_OK
        return sqlite3.SQLITE_OK if action in actions else sqlite3.SQLITE_DENY

    return decide


class Postgres(Database):
    """A server, asked in a transaction that only reads, under its own limit of time."""

    dialect = "PostgreSQL"

    def connect(self, password: str | None, seconds: float, *, writes: bool) -> Connection:
        """Open a connection; what takes longer is ended by the server."""
        from sqlalchemy import create_engine, text  # noqa: PLC0415 - an extra
        from sqlalchemy.pool import NullPool  # noqa: PLC0415 - the same

        url = self.url.set(drivername="postgresql+psycopg")
        arguments: dict[str, Any] = {
            "connect_timeout": max(1, int(seconds)),
            "options": f"-c default_transaction_read_only={'off' if writes else 'on'}",
            "application_name": "ripieno",
            **({} if password is None else {"password": password}),
        }
        engine = create_engine(url, connect_args=arguments, poolclass=NullPool)
        connection = engine.connect()
        connection.execute(text(f"SET LOCAL statement_timeout = {max(1, int(seconds * 1000))}"))
        if not writes:
            connection.execute(text("SET TRANSACTION READ ONLY"))
        return connection


def open_database(name: str, url: str) -> Database:
    """Give the database of a URL; nothing is opened yet. Raises `DefinitionError`."""
    try:
        from sqlalchemy import make_url  # noqa: PLC0415 - an extra
        from sqlalchemy.exc import ArgumentError  # noqa: PLC0415 - the same
    except ImportError as error:
        msg = f"{name}: databases need SQLAlchemy, which is not installed"
        raise DefinitionError(msg, remedy=INSTALL) from error
    try:
        known = make_url(url)
    except (ArgumentError, ValueError):
        msg = f"{name}: expected a URL such as sqlite:///orders.db or postgresql://user@host/database"
        raise DefinitionError(msg) from None
    if known.password is not None:
        msg = f"{name}: a password never stands in a URL"
        raise DefinitionError(msg, remedy="password='secret://env/ORDERS_PASSWORD'")
    kinds: dict[str, type[Database]] = {"sqlite": Sqlite, "postgresql": Postgres, "postgres": Postgres}
    kind = kinds.get(re.split(r"\+", known.drivername)[0])
    if kind is None:
        msg = f"{name}: databases are reached by sqlite:// and postgresql://, got {known.drivername!r}"
        raise DefinitionError(msg)
    return kind(name, known)
