"""The part of a store that has another master key take the place of one."""

# ruff: noqa: S608 - only our own names are put into statements

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ripieno.journal.keys import WRAPPED_BYTES, MasterKey, wrapped_by
from ripieno.journal.master_file import ID_BYTES
from ripieno.journal.masters import MasterRow, Rewrapped
from ripieno.journal.sql import rekeying
from ripieno.journal.sql.database import Connection, Reader
from ripieno.journal.sql.writer import Writer
from ripieno.journal.store import Store
from ripieno.model.errors import StoreError
from ripieno.model.event import Json
from ripieno.model.ids import short

__all__ = ["KEYED", "SqlMasters", "check_master"]

NEWEST: Final = "SELECT id FROM masters ORDER BY generation DESC LIMIT 1"
"""The master key that wraps; none where the first one does."""

KEYED: Final = "SELECT id, wrapped FROM runs WHERE wrapped <> x'' ORDER BY id DESC LIMIT 1"
"""The newest run whose key was not destroyed."""

OTHER: Final = (
    f"wrapped <> x'' AND (length(wrapped) < {WRAPPED_BYTES} OR substr(wrapped, 1, {ID_BYTES}) <> ?)"
)


def check_master(connection: Connection, master: MasterKey) -> None:
    """Have a master key wrap as its newest from now on; raises `StoreError` where it is not the log's."""
    newest = connection.execute(NEWEST).fetchone()
    if newest is not None:
        master.choose(bytes.fromhex(newest[0]))
    row = connection.execute(KEYED).fetchone()
    if row is not None:
        master.unwrap(bytes.fromhex(row[0]), row[1])


class SqlMasters(Store):
    """Master keys in the tables of a store."""

    _reader: Reader
    _writer: Writer
    _master: MasterKey
    _scrubbing: asyncio.Lock
    """Protects that whoever has destroyed something looks for it before anybody else says that it is gone."""

    def _check_master(self, connection: Connection) -> None:
        """Wrap by the newest master key from now on; raises `StoreError` where ours is not the log's."""
        check_master(connection, self._master)

    def masters(self) -> Sequence[MasterRow]:
        """Give the master keys that took another's place, in their order."""
        rows = self._reader.all("SELECT id, generation, before, state, by FROM masters ORDER BY generation")
        return [MasterRow(*row) for row in rows]

    async def renew_master(self) -> str:
        """Read the file of the master key again, and give the id of the one that wraps, in hexadecimal."""
        await asyncio.to_thread(self._master.renew)
        row = self._reader.one(NEWEST)
        if row is not None:
            self._master.choose(bytes.fromhex(row[0]))
        return self._master.id.hex()

    async def begin_rotation(self, row: MasterRow, body: Mapping[str, Json], reason: str) -> None:
        """Wrap every new key by another master key from now on, with an event."""
        await asyncio.to_thread(self._master.renew)
        await self._writer.perform(lambda batch: rekeying.begin(batch, self._master, row, body, reason))
        self._master.choose(bytes.fromhex(row.id))

    async def rewrap_runs(self, after: str, limit: int) -> Rewrapped:
        """Wrap the keys of up to `limit` runs behind one by the newest master key, in one commit."""
        rows = self._reader.all(
            f"SELECT id, wrapped FROM runs WHERE id > ? AND {OTHER} ORDER BY id LIMIT ?",
            after,
            self._master.id,
            limit,
        )
        found = [(f"run {short(run)}", run, bytes.fromhex(run), wrapped) for run, wrapped in rows]
        anew, done = self._anew(found)
        await self._writer.perform(lambda batch: rekeying.put_back_runs(batch, anew))
        return done

    async def rewrap_tenants(
        self, after: str, limit: int, body: Mapping[str, Json], reason: str
    ) -> Rewrapped:
        """Do the same for tenants, with an event in each one's log."""
        rows = self._reader.all(
            f"SELECT name, stream, wrapped FROM tenants WHERE name > ? AND {OTHER} ORDER BY name LIMIT ?",
            after,
            self._master.id,
            limit,
        )
        anew, done = self._anew([(f"tenant {name}", name, *rest) for name, *rest in rows])
        counted = [(name, before, now, self._runs_of(name)) for name, before, now in anew]
        await self._writer.perform(
            lambda batch: rekeying.put_back_tenants(batch, self._master, counted, body, reason)
        )
        return done

    def ended_behind(self, after: str, limit: int) -> Sequence[str]:
        """Give runs that have ended and are not erased, behind one, in their order."""
        rows = self._reader.all(
            "SELECT id FROM runs WHERE id > ? AND ended_at IS NOT NULL AND wrapped <> x''"
            " ORDER BY id LIMIT ?",
            after,
            limit,
        )
        return [run for (run,) in rows]

    async def encrypt_anew(self, run: str, number: int) -> tuple[int, Sequence[bytes]] | None:
        """Encrypt all values of a run that has ended by another secret, in one commit."""
        return await self._writer.perform(
            lambda batch: rekeying.encrypt_anew(batch, self._master, run, number)
        )

    async def scrub_values(self, before: Sequence[bytes] | None) -> bool:
        """Take what values were before they were encrypted anew out of every free byte of the files."""
        async with self._scrubbing:
            return await self._clean(before)

    def _anew(self, rows: Sequence[Any]) -> tuple[list[tuple[str, bytes, bytes]], Rewrapped]:
        """Wrap keys anew; those that cannot be unwrapped are told, and stay as they are."""
        anew: list[tuple[str, bytes, bytes]] = []
        broken: list[str] = []
        for called, name, stream, wrapped in rows:
            try:
                key = self._master.unwrap(stream, wrapped)
            except StoreError as error:
                broken.append(f"{called}: {error.message}")
            else:
                anew.append((name, wrapped, self._master.wrap(key, self._master.id)))
        earlier = any(wrapped_by(wrapped) is None for _, _, _, wrapped in rows)
        return anew, Rewrapped(len(rows), rows[-1][1] if rows else "", earlier, broken)

    def _runs_of(self, tenant: str) -> int:
        (count,) = self._reader.one("SELECT count(*) FROM runs WHERE tenant = ? AND wrapped <> x''", tenant)
        return count

    def wrapped_by_others(self) -> Mapping[str, int]:
        """Give how many keys of `runs` and `tenants` another than the newest master key has wrapped."""
        return {table: self._count(table, OTHER, self._master.id) for table in ("runs", "tenants")}

    def wrapped(self) -> Mapping[str, int]:
        """Give how many keys of `runs` and `tenants` there are."""
        return {table: self._count(table, "wrapped <> x''") for table in ("runs", "tenants")}

    def _count(self, table: str, condition: str, *values: Any) -> int:
        (count,) = self._reader.one(f"SELECT count(*) FROM {table} WHERE {condition}", *values)
        return count

    async def scrub_rewrapped(self, before: str | None) -> bool:
        """Take what a master key has wrapped out of every free byte of the store's files."""
        needles = None if before is None else [bytes.fromhex(before)]
        async with self._scrubbing:
            return await self._clean(needles)

    @abstractmethod
    async def _clean(self, needles: Sequence[bytes] | None) -> bool:
        """Take what is not there any more out of every free byte of the store."""

    async def end_rotation(self, row: MasterRow, body: Mapping[str, Json]) -> None:
        """Record that nothing is wrapped by the one before any more, and that it was destroyed."""
        await self._writer.perform(lambda batch: rekeying.end(batch, self._master, row, body))
