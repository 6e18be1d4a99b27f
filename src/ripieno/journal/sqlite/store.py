"""The embedded store, put together: a writer thread, a reader's connection, a doorbell."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ripieno.journal.keys import MasterKey, StreamKey
from ripieno.journal.records import (
    Draft,
    Lease,
    Message,
    NewRun,
    QuestionState,
    RunStatus,
    VersionRow,
)
from ripieno.journal.sqlite import inbox, ownership, tenants
from ripieno.journal.sqlite.doorbell import Doorbell
from ripieno.journal.sqlite.owners import Owners
from ripieno.journal.sqlite.reads import SqliteReads
from ripieno.journal.sqlite.schema import connect, create
from ripieno.journal.sqlite.writer import Writer, store_error
from ripieno.journal.store import Created, Payloads, Replayable
from ripieno.model.event import Json, Kind

__all__ = ["SqliteStore"]


class SqliteStore(SqliteReads):
    """Journal and tables in `journal.sqlite` of a data folder; safe with many processes at once.

    Reads take the loop's thread for the tens of microseconds that SQLite needs; all writes go
    through one thread.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = home / "journal.sqlite"
        self._master = MasterKey.at(home / "master.key")

    async def open(self) -> None:
        """Open the file, creating it when it is not there."""
        await asyncio.to_thread(self._create)
        self._reader = connect(self.path)
        self._owners = Owners(self.home / "owners")
        self._doorbell = Doorbell(self.home / "doorbells", self._owners.token, self._reader)
        self._writer = Writer(self.path, self._doorbell.ring)

    def _create(self) -> None:
        connection: sqlite3.Connection | None = None
        try:
            connection = connect(self.path)
            create(connection, self.path)
        except sqlite3.Error as error:
            raise store_error(error, self.path) from error
        finally:
            if connection is not None:
                connection.close()

    async def close(self) -> None:
        """Commit what is queued, close the file and give up ownership."""
        await self._writer.close()
        self._doorbell.close()
        self._reader.close()
        self._owners.close()

    def on_change(self, ring: Callable[[], None]) -> None:
        """Ring on every commit, in this process or another."""
        self._doorbell.listen(ring)

    # -- appending --------------------------------------------------------------------------------

    def append(self, draft: Draft) -> None:
        """Queue an event for the next commit."""
        self._writer.append(draft)

    async def durable(self, draft: Draft) -> None:
        """Wait until `draft` is on disk, bounced or lost."""
        await self._writer.durable(draft)

    async def record(self, tenant: str, kind: Kind, body: Mapping[str, Json], *, path: str = "") -> None:
        """Append an event to the tenant's own stream."""
        await self._writer.perform(lambda batch: tenants.record(batch, self._master, tenant, (kind, path, body)))

    # -- runs and their owners --------------------------------------------------------------------

    def new_key(self, stream: bytes) -> tuple[bytes, StreamKey]:
        """Give a new key for a run, wrapped and ready for use."""
        wrapped = self._master.new(stream)
        return wrapped, self._master.unwrap(stream, wrapped)

    async def create(
        self,
        new: NewRun,
        keys: tuple[bytes, StreamKey],
        started: Sequence[tuple[Kind, str, Mapping[str, Json]]],
        payloads: Payloads,
        *,
        own: bool,
    ) -> Created:
        """Create a run with its first events, or give the one that has its business key."""
        owner = self._owners.token if own else None
        return await self._writer.perform(
            lambda batch: ownership.create(batch, new, keys, started, tuple(payloads), owner)
        )

    async def acquire(self, run: str) -> Replayable | None:
        """Become the owner of a run that has none alive; None when it has one or has ended."""
        taken = await self._writer.perform(lambda batch: ownership.acquire(batch, run, self._owners, self._master))
        if taken is None:
            return None
        lease, row, after, needed = taken
        return Replayable(lease, row, self._replayed(run, after, needed), row.epoch)

    async def fold(self, lease: Lease) -> tuple[Sequence[Message], int]:
        """Take the inbox into the chain, in order."""
        return await self._writer.perform(lambda batch: inbox.fold(batch, lease))

    async def park(self, lease: Lease, seen: int) -> bool:
        """Give up a waiting run unless the inbox holds more than `seen`."""
        return await self._writer.perform(lambda batch: ownership.park(batch, lease, seen))

    async def release(self, lease: Lease, status: RunStatus, detail: str | None = None) -> None:
        """Give up a run that is not waiting."""
        await self._writer.perform(lambda batch: ownership.release(batch, lease, status, detail))

    async def repin(self, run: str, version: str, by: str) -> None:
        """Record that a run goes on under another version of its workflow."""
        await self._writer.perform(
            lambda batch: ownership.repin(batch, run, version, by, self._owners, self._master)
        )

    # -- the inbox --------------------------------------------------------------------------------

    async def send(
        self, message: Message, payloads: Payloads = (), *, closes: QuestionState | None = None
    ) -> None:
        """Put a message into a run's inbox, closing its question in the same commit."""
        await self._writer.perform(
            lambda batch: inbox.send(batch, self._master, message, tuple(payloads), closes)
        )

    async def fire_timers(self, now: int) -> int | None:
        """Send the messages of all timers that are due; give the time of the next, if any."""
        if self.next_timer() is not None:
            await self._writer.perform(lambda batch: inbox.fire(batch, now))
        return self.next_timer()

    # -- versions ---------------------------------------------------------------------------------

    async def register(self, version: VersionRow, by: str) -> bool:
        """Enter a version of a workflow; False when it was there already."""
        return await self._writer.perform(lambda batch: tenants.register(batch, self._master, version, by))

    async def declare_compatible(self, tenant: str, old: str, new: str, by: str) -> None:
        """Let runs of version `old` go on with the code of version `new`."""
        await self._writer.perform(
            lambda batch: tenants.declare_compatible(batch, self._master, tenant, (old, new), by)
        )
