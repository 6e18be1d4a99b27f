"""Stops: a row for whoever is about to act, an event for the log, and a wake-up for what was held."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ripieno.journal.keys import MasterKey
from ripieno.journal.sql import tenants
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sql.database import Reader
from ripieno.journal.sql.ownership import now
from ripieno.journal.sql.standing import STANDING, above
from ripieno.journal.sql.writer import Writer
from ripieno.journal.stops import Stops
from ripieno.journal.store import Store
from ripieno.model.event import Json, Kind
from ripieno.model.stop import Place, Stop, Stoppable
from ripieno.model.value import decode, encode

__all__ = ["SqlStops"]

Key = tuple[str, Stoppable, str]
"""Tenant, what, and its name."""


class SqlStops(Store):
    """Stops in a store."""

    _reader: Reader
    _writer: Writer
    _master: MasterKey
    _stops: Stops

    @property
    def stops(self) -> Stops:
        """What stands stopped, as this process knows it."""
        return self._stops

    async def stop(self, tenant: str, what: Stoppable, name: str, *, by: str, reason: str) -> bool:
        """Let nothing new begin in what is named, with an event; False when it was stopped already."""
        done = await self._writer.perform(
            lambda batch: stop(batch, self._master, (tenant, what, name), by, reason)
        )
        self._stops.refresh()
        return done

    async def let_go(self, tenant: str, what: Stoppable, name: str, *, by: str, reason: str | None) -> bool:
        """Release a stop, with an event, and wake the runs that it held; False when there was none."""
        done = await self._writer.perform(
            lambda batch: release(batch, self._master, (tenant, what, name), by, reason)
        )
        self._stops.refresh()
        return done

    def above(self, run: str) -> Sequence[Place]:
        """Give where a run stands in the run that it is part of, and so on up."""
        return above(self._reader.one, run)

    def why(self, stop: Stop) -> str:
        """Give the reason of a stop; raises `StoreError` when it is gone or damaged."""
        (stream,) = self._reader.one("SELECT stream FROM tenants WHERE name = ?", stop.tenant) or (b"",)
        return decode(self.payload(stream.hex(), stop.reason))

    def _standing(self) -> Sequence[Stop]:
        return [Stop(*row) for row in self._reader.all(STANDING)]


def stop(batch: Batch, master: MasterKey, key: Key, by: str, reason: str) -> bool:
    """Stop something, with an event; False when it was stopped already."""
    if stands(batch, key):
        return False
    at = now()
    commitment = note(batch, master, "stop.set", key, (by, reason), at=at)
    batch.connection.execute(
        "INSERT INTO stops (tenant, what, name, by, at, reason) VALUES (?, ?, ?, ?, ?, ?)",
        (*key, by, at, commitment),
    )
    return True


def release(batch: Batch, master: MasterKey, key: Key, by: str, reason: str | None) -> bool:
    """Release a stop, with an event, and have the runs that it held looked at again."""
    if not stands(batch, key):
        return False
    note(batch, master, "stop.released", key, (by, reason))
    execute = batch.connection.execute
    execute("DELETE FROM stops WHERE tenant = ? AND what = ? AND name = ?", key)
    execute(
        "UPDATE runs SET wanted = wanted + 1, status = 'waiting', detail = NULL"
        " WHERE status = 'stopped' AND instr(detail, ?) AND (tenant = ? OR ? = '*')",
        (Stop(*key, "", 0, "").label, key[0], key[0]),
    )
    return True


def stands(batch: Batch, key: tuple[Any, ...]) -> bool:
    """Tell whether a stop stands, as this transaction sees it."""
    found = batch.connection.execute(
        "SELECT 1 FROM stops WHERE tenant = ? AND what = ? AND name = ?", key
    ).fetchone()
    return found is not None


def note(
    batch: Batch, master: MasterKey, kind: Kind, key: Key, said: tuple[str, str | None], **more: Json
) -> str | None:
    """Record it in the tenant's stream, or the system's; give the commitment of the reason."""
    tenant, what, name = key
    by, reason = said
    body: dict[str, Json] = {"what": what, "name": name, "by": by, **more}
    commitment = None if reason is None else tenants.keep(batch, master, tenant, encode(reason))
    if commitment is not None:
        body["reason"] = commitment
    tenants.record(batch, master, tenant, (kind, "", body))
    return commitment
