"""The store of many machines, put together: a writer thread, a reader's connection, a lease."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Final

from ripieno.journal.key_services import chosen
from ripieno.journal.keys import MasterKey
from ripieno.journal.postgres.connection import PostgresConnection
from ripieno.journal.postgres.database import PostgresDatabase
from ripieno.journal.postgres.leases import LEASE_SECONDS, Leases
from ripieno.journal.postgres.reader import PostgresReader
from ripieno.journal.postgres.schema import FORMAT, create
from ripieno.journal.sql.store import SqlStore
from ripieno.journal.sql.writer import Writer
from ripieno.model.gate import SHUT, Gate

__all__ = ["REGION", "PostgresStore"]

REGION: Final = "SELECT current_setting('ripieno.region', true)"
"""In which region a database is, by what it says itself."""

BUSY_SECONDS: Final = 30.0
"""How long a write waits for those of other workers, unless told otherwise."""

SETTINGS: Final = (
    # a commit that was told of is on disk, whatever is usual on this server
    (
        "SELECT set_config('synchronous_commit', 'on', false)"
        " WHERE current_setting('synchronous_commit') = 'off'"
    ),
    # whoever stands still while it is the only writer loses what it has not committed
    "SET idle_in_transaction_session_timeout = '10s'",
)


class PostgresStore(SqlStore):
    """Journal and tables in a PostgreSQL database; safe with many processes on many machines.

    Reads take the loop's thread for the way there and back; all writes go through one thread.
    """

    def __init__(
        self,
        home: Path,
        url: str,
        gate: Gate = SHUT,
        *,
        busy_seconds: float = BUSY_SECONDS,
        lease_seconds: float = LEASE_SECONDS,
        key_service: str | None = None,
    ) -> None:
        """`home` holds the master key, as for SQLite; each machine needs the same.

        `busy_seconds`: how long a write waits for another process's before it fails.
        `lease_seconds`: how long an owner of runs may be silent before others take them over.
        """
        self.home = home
        self.gate = gate
        self.url = url
        self._busy_seconds = busy_seconds
        self._lease_seconds = lease_seconds
        self._master = MasterKey.at(home / "master.key", chosen(key_service))
        self._scrubbing = asyncio.Lock()
        self._owned = AsyncExitStack()

    async def open(self) -> None:
        """Open the database, creating its tables when there are none; whatever fails leaves nothing open."""
        async with AsyncExitStack() as owned:
            connection = await asyncio.to_thread(self._prepare)
            owned.callback(connection.close)
            reader = PostgresReader(await asyncio.to_thread(PostgresConnection, self.url))
            owned.callback(reader.close)
            leasing = await asyncio.to_thread(lambda: PostgresConnection(self.url, listening=True))
            self._leases = Leases(leasing, reader, self._lease_seconds)
            owned.push_async_callback(self._leases.close)
            self._owners, self._reader = self._leases, reader
            self._writer = Writer(
                PostgresDatabase(connection, self._leases.token),
                self._leases.ring,
                lambda: None,  # a commit itself tells of it
                renew=self._master.renew,
            )
            owned.push_async_callback(self._writer.close)
            self._follow()
            await self.scrub()  # what a process has erased that died before its end
            self._owned = owned.pop_all()

    def _prepare(self) -> PostgresConnection:
        """Give the writer's connection to tables of our format, written under our key."""
        connection = PostgresConnection(
            self.url, *SETTINGS, f"SET lock_timeout = {round(self._busy_seconds * 1000)}"
        )
        try:
            create(connection)
            self._check_master(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def described(self) -> str:
        """Say for people in which format it is, and where."""
        return f"format {FORMAT}, in {self._writer.place}"

    def _storage_region(self) -> str | None:
        """Give what is set for the database itself, and so is neither dumped nor moved with what is in it."""
        return self._reader.one(REGION)[0] or None

    async def close(self) -> None:
        """Commit what is queued, close the connections and give up ownership."""
        await self._owned.aclose()

    def on_change(self, ring: Callable[[], None], *, own: bool = True) -> None:
        """Ring on every commit, in this process or another."""
        self._leases.listen(self._look, own=False)
        self._leases.listen(ring, own=own)
        self._look()

    async def _clean(self, needles: Sequence[bytes] | None) -> bool:
        """Give back the room of what is not there any more, to be written over."""
        del needles  # nothing can be looked for in the files of a server
        await asyncio.to_thread(self._vacuum)
        return True

    def _vacuum(self) -> None:
        with closing(PostgresConnection(self.url)) as connection:
            connection.raw.execute("VACUUM payloads, runs, tenants")
