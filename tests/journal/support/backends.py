"""The stores that keep the contract, each over data that can be opened more than once."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier
from tests.journal.support.postgres import fresh_schema

from ripieno.journal.postgres import PostgresStore
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sql.store import SqlStore
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.store import Store

__all__ = ["BACKENDS", "Backend", "OneCommitStore"]

PATIENCE_SECONDS = 120.0
TABLES_OF_SCHEMA = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"


class Backend(ABC):
    """One kind of store over one set of data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def store(self) -> Store:
        """Give another store over the same data, as another process would have it."""

    async def together(self, store: Store, *acts: Awaitable[Any]) -> list[Any]:
        """Do all of it in one commit, in this order; give results and errors."""
        assert isinstance(store, OneCommit), "opened by this backend"
        return await store.together(*acts)

    @abstractmethod
    def on_disk(self) -> bytes:
        """Give everything that the store has written, as bytes."""

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Store]:
        store = self.store()
        await store.open()
        try:
            yield store
        finally:
            await store.close()


class OneCommit(SqlStore):
    """A store whose writer can be made to wait until there is enough to commit."""

    async def together(self, *acts: Awaitable[Any]) -> list[Any]:
        entered, leave = threading.Event(), threading.Event()

        def wait(_: Batch) -> None:
            entered.set()
            leave.wait(PATIENCE_SECONDS)

        plug = asyncio.ensure_future(self._writer.perform(wait))
        await asyncio.to_thread(entered.wait, PATIENCE_SECONDS)
        under_way = [asyncio.ensure_future(act) for act in acts]
        await asyncio.sleep(0)  # each runs to its first wait, which is for the writer
        leave.set()
        await plug
        return await asyncio.gather(*under_way, return_exceptions=True)


class OneCommitStore(OneCommit, SqliteStore):
    """The embedded store, which waits so."""


class OneCommitPostgresStore(OneCommit, PostgresStore):
    """The store of many machines, which waits so."""


class SqliteBackend(Backend):
    """`journal.sqlite` in a folder."""

    def store(self) -> OneCommitStore:
        return OneCommitStore(self.folder)

    def on_disk(self) -> bytes:
        return b"".join(file.read_bytes() for file in sorted(self.folder.glob("journal.sqlite*")))


class PostgresBackend(Backend):
    """A schema of its own, in the database of the server that the tests share."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.url = fresh_schema()

    def store(self) -> OneCommitPostgresStore:
        return OneCommitPostgresStore(self.folder, self.url)

    def on_disk(self) -> bytes:
        with psycopg.connect(self.url) as connection:
            return b"".join(
                value if isinstance(value, bytes) else str(value).encode()
                for (table,) in connection.execute(TABLES_OF_SCHEMA).fetchall()
                for row in connection.execute(SQL("SELECT * FROM {}").format(Identifier(table)))
                for value in row
            )


BACKENDS: dict[str, type[Backend]] = {"sqlite": SqliteBackend, "postgres": PostgresBackend}
