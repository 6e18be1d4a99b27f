"""The embedded store, put together: a writer thread, a reader's connection, a doorbell."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from ripieno.journal.key_services import chosen
from ripieno.journal.keys import MasterKey
from ripieno.journal.sql.store import SqlStore
from ripieno.journal.sql.writer import Writer
from ripieno.journal.sqlite.database import SqliteDatabase
from ripieno.journal.sqlite.doorbell import Doorbell
from ripieno.journal.sqlite.failures import opening
from ripieno.journal.sqlite.moved import check_here
from ripieno.journal.sqlite.owners import FileOwners
from ripieno.journal.sqlite.reader import SqliteReader
from ripieno.journal.sqlite.schema import BUSY_SECONDS, FORMAT, connect, create
from ripieno.journal.sqlite.scrubbing import scrub
from ripieno.journal.sqlite.vouching import vouch_earlier
from ripieno.model.gate import SHUT, Gate

__all__ = ["STORAGE_REGION", "SqliteStore"]

STORAGE_REGION: Final = "RIPIENO_STORAGE_REGION"
"""In which region the data folder is; of a database it says nothing."""


class SqliteStore(SqlStore):
    """Journal and tables in `journal.sqlite` of a data folder; safe with many processes at once.

    Reads take the loop's thread for the tens of microseconds that SQLite needs; all writes go
    through one thread.
    """

    def __init__(
        self,
        home: Path,
        gate: Gate = SHUT,
        *,
        busy_seconds: float = BUSY_SECONDS,
        key_service: str | None = None,
    ) -> None:
        """`busy_seconds`: how long a write waits for another process's before it fails.

        Without a gate the log can be read, and nothing that needs a decision may happen. `key_service` keeps
        the master key of a folder that is made here: such as `awskms:alias/ripieno`, by default as
        `RIPIENO_KEY_SERVICE` says.
        """
        self.home = home
        self.gate = gate
        self.path = home / "journal.sqlite"
        self._busy_seconds = busy_seconds
        key = home / "master.key"
        self._master = MasterKey.read(key) if self.path.exists() else MasterKey.at(key, chosen(key_service))
        self._scrubbing = asyncio.Lock()
        self._owned = AsyncExitStack()

    async def open(self) -> None:
        """Open the file, creating it when it is not there; whatever fails leaves nothing open."""
        async with AsyncExitStack() as owned:
            connection = await asyncio.to_thread(self._prepare)
            owned.callback(connection.close)
            owners = FileOwners(self.home / "owners")
            owned.callback(owners.close)
            check_here(self.home)  # after it is seen to be here: whoever moves the log looks after it says so
            reader = SqliteReader(self.path, connect(self.path, self._busy_seconds))
            owned.callback(reader.close)
            self._doorbell = Doorbell(self.home / "doorbells", owners, reader.connection)
            owned.callback(self._doorbell.close)
            self._owners, self._reader = owners, reader
            self._writer = Writer(
                SqliteDatabase(self.path, connection),
                self._doorbell.ring,
                self._doorbell.ring_elsewhere,
                renew=self._master.renew,
            )
            owned.push_async_callback(self._writer.close)
            self._follow()
            await self.scrub()  # what a process has erased that died before its end
            self._owned = owned.pop_all()

    def _prepare(self) -> sqlite3.Connection:
        """Give the writer's connection to a file of our format, written under our key."""
        try:
            connection = connect(self.path, self._busy_seconds)
            try:
                create(connection, self.path, lambda earlier: vouch_earlier(earlier, self._master))
                self._check_master(connection)
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as error:
            raise opening(self.path, error) from error
        return connection

    def described(self) -> str:
        """Say for people in which format it is, and how large."""
        return f"format {FORMAT}, {self.path.stat().st_size / 1e6:.1f} MB"

    def _storage_region(self) -> str | None:
        """Give what the environment says: a folder is where its machine is."""
        return os.environ.get(STORAGE_REGION) or None

    async def close(self) -> None:
        """Commit what is queued, close the file and give up ownership."""
        await self._owned.aclose()

    def on_change(self, ring: Callable[[], None], *, own: bool = True) -> None:
        """Ring on every commit, in this process or another."""
        self._doorbell.listen(self._look, own=False)
        self._doorbell.listen(ring, own=own)
        self._look()

    async def _clean(self, needles: Sequence[bytes] | None) -> bool:
        """Take what is not there any more out of every free byte of the files."""
        return await asyncio.to_thread(scrub, self.path, needles, self._busy_seconds)
