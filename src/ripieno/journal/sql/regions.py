"""Regions of tenants: a row for whoever decides, an event for the log."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

from ripieno.journal.keys import MasterKey
from ripieno.journal.regions import Pin, Regions
from ripieno.journal.sql import tenants
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sql.database import Reader, put
from ripieno.journal.sql.writer import Writer
from ripieno.journal.store import Store
from ripieno.model.errors import RefusedError
from ripieno.model.event import Json, Kind
from ripieno.model.value import encode

__all__ = ["SqlRegions"]

PINNED = "SELECT tenant, region, by FROM tenant_regions"


class SqlRegions(Store):
    """Regions of tenants in the tables of a store."""

    _reader: Reader
    _writer: Writer
    _master: MasterKey
    _regions: Regions

    @property
    def regions(self) -> Regions:
        """Where tenants are pinned, as this process knows it."""
        return self._regions

    async def pin(self, tenant: str, region: str, *, by: str, reason: str) -> bool:
        """Keep and serve a tenant in one region alone, with an event; False when it was so."""
        storage = self._regions.storage
        if storage != region:
            where = "does not say in which region it is" if storage is None else f"is in region {storage}"
            msg = f"tenant {tenant!r} cannot be pinned to region {region} here: its storage {where}"
            raise RefusedError(msg, remedy="keep it where it is to be; docs/scaling.md, Regions, says how")

        def write(batch: Batch) -> bool:
            row = batch.connection.execute(f"{PINNED} WHERE tenant = ?", (tenant,)).fetchone()
            if row is not None and row[1] == region:
                return False
            note(batch, self._master, tenant, ("tenant.pinned", {"region": region, "by": by}), reason)
            batch.connection.execute(put("tenant_regions", "tenant", "region, by"), (tenant, region, by))
            return True

        done = await self._writer.perform(write)
        self._regions.refresh()
        return done

    async def unpin(self, tenant: str, *, by: str, reason: str) -> bool:
        """Let it be in any region, with an event; False when it was so."""

        def write(batch: Batch) -> bool:
            cursor = batch.connection.execute("DELETE FROM tenant_regions WHERE tenant = ?", (tenant,))
            if cursor.rowcount == 0:
                return False
            note(batch, self._master, tenant, ("tenant.unpinned", {"by": by}), reason)
            return True

        done = await self._writer.perform(write)
        self._regions.refresh()
        return done

    @abstractmethod
    def _storage_region(self) -> str | None:
        """Tell in which region the store is, by what it says itself."""

    def _pins(self) -> Mapping[str, Pin]:
        return {row[0]: Pin(*row) for row in self._reader.all(PINNED)}


def note(
    batch: Batch, master: MasterKey, tenant: str, what: tuple[Kind, dict[str, Json]], reason: str
) -> None:
    """Record it in the tenant's stream, the reason beside it."""
    kind, body = what
    commitment = tenants.keep(batch, master, tenant, encode(reason))
    tenants.record(batch, master, tenant, (kind, "", {**body, "reason": commitment}))
