"""The part of a store that erases, and knows what is kept and for how long."""

# ruff: noqa: S608 - only our own column names are put into statements

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Sequence

from ripieno.journal.keys import MasterKey
from ripieno.journal.records import RunRow
from ripieno.journal.retention import Doomed, Erasure, Holdable, HoldRow, RetentionRow
from ripieno.journal.sql import deletion, erasures
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sql.database import Owners, Reader
from ripieno.journal.sql.ownership import COLUMNS
from ripieno.journal.sql.writer import Writer
from ripieno.journal.store import Store
from ripieno.model.value import decode

__all__ = ["SqlRetention"]

ERASURE = "stream, tenant, by, at, reason"


class SqlRetention(Store):
    """Erasures, holds and times to keep in the tables of a store."""

    _reader: Reader
    _writer: Writer
    _owners: Owners
    _master: MasterKey
    _scrubbing: asyncio.Lock
    """Protects that whoever has destroyed something looks for it before anybody else says that it is gone."""

    async def erase(self, tenant: str, doomed: Sequence[Doomed], *, by: str, reason: str) -> int:
        """Destroy the values and the keys of runs that have ended, with an event each; all, or none."""

        def operation(batch: Batch) -> tuple[int, list[bytes]]:
            return erasures.erase(batch, self._master, tenant, doomed, (by, reason), token=self._owners.token)

        async with self._scrubbing:
            count, pieces = await self._writer.perform(operation)
            await self._scrub(pieces)
        return count

    async def scrub(self) -> bool:
        """Take what was erased out of every free byte of the files; False while an old state is read."""
        async with self._scrubbing:
            return await self._scrub(None)

    async def _scrub(self, pieces: Sequence[bytes] | None) -> bool:
        rows = self._reader.all("SELECT stream, scrubbing FROM erasures WHERE scrubbing IS NOT NULL")
        mine = [stream for stream, token in rows if token == self._owners.token]
        left = [stream for stream, token in rows if not self._owners.alive(token)]
        if not mine and not left:
            return True
        known = None if left else pieces
        done = await self._clean(known)
        if done:
            await self._writer.perform(lambda batch: erasures.scrubbed(batch, [*mine, *left]))
        return done

    def erasure(self, run: str) -> Erasure | None:
        """Give when and why the values of a run were erased; None where they were not."""
        row = self._reader.one(f"SELECT {ERASURE} FROM erasures WHERE stream = ?", run)
        return None if row is None else Erasure(*row)

    def erased_since(self, at: int) -> Sequence[Erasure]:
        """Give what was erased at or after a time, in all tenants, oldest first."""
        rows = self._reader.all(f"SELECT {ERASURE} FROM erasures WHERE at >= ? ORDER BY at, stream", at)
        return [Erasure(*row) for row in rows]

    def reason_of(self, tenant: str, commitment: str) -> str:
        """Give a reason that is kept in a tenant's stream."""
        (stream,) = self._reader.one("SELECT stream FROM tenants WHERE name = ?", tenant)
        return decode(self.payload(stream.hex(), commitment))

    async def hold(self, tenant: str, what: Holdable, name: str, *, by: str, reason: str) -> bool:
        """Let nothing of what is named be erased, with an event; False when it was held already."""
        return await self._writer.perform(
            lambda batch: erasures.hold(batch, self._master, (tenant, what, name), (by, reason))
        )

    async def unhold(self, tenant: str, what: Holdable, name: str, *, by: str, reason: str) -> bool:
        """Let it be erased again, with an event; False when it was not held."""
        return await self._writer.perform(
            lambda batch: erasures.unhold(batch, self._master, (tenant, what, name), (by, reason))
        )

    def holds(self, tenant: str) -> Sequence[HoldRow]:
        """Give what is held, oldest first."""
        rows = self._reader.all(
            "SELECT tenant, what, name, by, at, reason FROM holds WHERE tenant = ? ORDER BY at, what, name",
            tenant,
        )
        return [HoldRow(*row) for row in rows]

    def held(self, run: str) -> Sequence[HoldRow]:
        """Give the holds that keep a run from being erased, oldest first."""
        found = self._reader.one("SELECT tenant FROM runs WHERE id = ?", run)
        return [] if found is None else erasures.held(self._reader.all, run, found[0])

    async def set_retention(self, tenant: str, row: RetentionRow, reason: str) -> bool:
        """Say for how long a class of data is kept, with an event; False when it was so already."""
        return await self._writer.perform(
            lambda batch: erasures.set_retention(batch, self._master, tenant, row, reason)
        )

    async def clear_retention(self, tenant: str, data: str, *, by: str, reason: str) -> bool:
        """Say it no more, with an event; False when nothing was said."""
        return await self._writer.perform(
            lambda batch: erasures.clear_retention(batch, self._master, tenant, data, (by, reason))
        )

    def retention(self, tenant: str) -> Sequence[RetentionRow]:
        """Give for how long each class of data is kept, by class."""
        rows = self._reader.all(
            "SELECT data, keep, at_least, by FROM retention WHERE tenant = ? ORDER BY data", tenant
        )
        return [RetentionRow(*row) for row in rows]

    def over(
        self, tenant: str, version: str, before: int, limit: int, after: tuple[int, str] = (0, "")
    ) -> Sequence[RunRow]:
        """Give runs of a version that ended before a time and are not erased, the oldest first."""
        rows = self._reader.all(
            f"SELECT {COLUMNS} FROM runs WHERE tenant = ? AND version = ? AND ended_at IS NOT NULL"
            " AND wrapped <> x'' AND ended_at <= ? AND (ended_at, id) > (?, ?) ORDER BY ended_at, id LIMIT ?",
            tenant,
            version,
            before,
            *after,
            limit,
        )
        return [RunRow(*row) for row in rows]

    def unerased(self, tenant: str, limit: int) -> Sequence[str]:
        """Give runs of a tenant whose values are there."""
        rows = self._reader.all(
            "SELECT id FROM runs WHERE tenant = ? AND wrapped <> x'' LIMIT ?", tenant, limit
        )
        return [run for (run,) in rows]

    async def delete_tenant(self, tenant: str, *, by: str, reason: str) -> int:
        """Destroy what a tenant's own stream holds, and let nothing be done in it any more."""

        def operation(batch: Batch) -> tuple[int, list[bytes]]:
            return deletion.delete_tenant(batch, self._master, tenant, (by, reason), token=self._owners.token)

        async with self._scrubbing:
            count, pieces = await self._writer.perform(operation)
            await self._scrub(pieces)
        return count

    @abstractmethod
    async def _clean(self, needles: Sequence[bytes] | None) -> bool:
        """Take what is not there any more out of every free byte of the store; False while that cannot be.

        With `needles` only where one of these is found.
        """

    def descended(self, run: str) -> Sequence[RunRow]:
        """Give the runs that began from another: its child runs, what it was forked or retried to."""
        rows = self._reader.all(
            f"SELECT {COLUMNS} FROM runs WHERE tenant = (SELECT tenant FROM runs WHERE id = ?)"
            " AND parent = ? ORDER BY id",
            run,
            run,
        )
        return [RunRow(*row) for row in rows]
