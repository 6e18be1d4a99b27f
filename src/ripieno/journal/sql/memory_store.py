"""The part of a store that knows what is remembered, and where that stands."""

# ruff: noqa: S608 - only our own column names are put into statements

from __future__ import annotations

from collections.abc import Sequence

from ripieno.journal.keys import MasterKey
from ripieno.journal.memory import MemoryChange, MemoryRow, MemoryStore, Space
from ripieno.journal.sql import memories
from ripieno.journal.sql.database import Reader
from ripieno.journal.sql.memories import COLUMNS
from ripieno.journal.sql.writer import Writer

__all__ = ["SqlMemories"]

KEPT = "state = 'kept' AND (expires IS NULL OR expires > ?)"


class SqlMemories(MemoryStore):
    """What is remembered, in a table of a store."""

    _reader: Reader
    _writer: Writer
    _master: MasterKey

    async def remember(self, row: MemoryRow, space: Space) -> MemoryRow:
        """Enter something, with an event; give it as it stands where it was entered before."""
        return await self._writer.perform(lambda batch: memories.remember(batch, self._master, row, space))

    def memory(self, tenant: str, id: str) -> MemoryRow | None:  # noqa: A002 - what it is
        """Give what was remembered under an id, whatever became of it."""
        row = self._reader.one(f"SELECT {COLUMNS} FROM memories WHERE tenant = ? AND id = ?", tenant, id)
        return None if row is None else MemoryRow(*row)

    def memories(
        self, tenant: str, space: Space | None, now: int, limit: int, *, memory: str | None = None
    ) -> Sequence[MemoryRow]:
        """Give what is kept and has not expired, the latest first."""
        where, values = [f"tenant = ? AND {KEPT}"], [tenant, now]
        if space is not None:
            named = self._space(tenant, space)
            if named is None:
                return []
            where, values = [*where, "space = ?"], [*values, named]
        if memory is not None:
            where, values = [*where, "memory = ?"], [*values, memory]
        rows = self._reader.all(
            f"SELECT {COLUMNS} FROM memories WHERE {' AND '.join(where)} ORDER BY at DESC, id LIMIT ?",
            *values,
            limit,
        )
        return [MemoryRow(*row) for row in rows]

    async def change_memories(
        self, tenant: str, changes: Sequence[MemoryChange], space: Space | None = None
    ) -> Sequence[MemoryRow]:
        """Bring things that are remembered into other states, with an event each."""
        return await self._writer.perform(
            lambda batch: memories.change(batch, self._master, tenant, changes, space)
        )

    def memories_over(self, tenant: str, now: int, limit: int) -> Sequence[MemoryRow]:
        """Give what is kept although its time is over, the longest first."""
        rows = self._reader.all(
            f"SELECT {COLUMNS} FROM memories WHERE tenant = ? AND state = 'kept' AND expires <= ?"
            " ORDER BY expires, id LIMIT ?",
            tenant,
            now,
            limit,
        )
        return [MemoryRow(*row) for row in rows]

    def _space(self, tenant: str, space: Space) -> str | None:
        """Give what stands for a space; None where nothing was ever done in the tenant, or it was deleted."""
        row = self._reader.one("SELECT stream, wrapped FROM tenants WHERE name = ?", tenant)
        if row is None or not row[1]:
            return None
        return memories.space_in(self._master.reach(row[0], row[1]), space)
