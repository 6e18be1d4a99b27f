"""What is remembered beyond a run, and what becomes of it; each operation within a group commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, replace
from typing import Final

from ripieno.journal.keys import MasterKey, StreamKey
from ripieno.journal.memory import MemoryChange, MemoryRow, Space
from ripieno.journal.sql import tenants
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sql.database import marks
from ripieno.model.errors import NotFoundError
from ripieno.model.event import Json
from ripieno.model.value import encode

__all__ = ["COLUMNS", "TOLD", "change", "erase_of", "remember", "space_in"]

COLUMNS: Final = (
    "tenant, id, space, memory, participant, about, run, path, value, sources, at, expires, replaces, by,"
    " state, call"
)
TOLD: Final = tuple(name for name in COLUMNS.split(", ") if name != "tenant")
"""What the event says of a row: all of it."""


def space_in(key: StreamKey, space: Space) -> str:
    """Give what stands for a space in a tenant: the same for every run, and telling of no subject."""
    words = encode([space.memory, space.subject, space.participant]).decode()
    return key.derive(f"memory {words}").hex()


def remember(batch: Batch, master: MasterKey, row: MemoryRow, space: Space) -> MemoryRow:
    """Enter something, with an event, unless it was entered before."""
    known = found(batch, row.tenant, row.id)
    if known is not None:
        return known
    row = replace(row, space=named(batch, master, row.tenant, space))
    if row.replaces is not None:
        given = MemoryChange(row.replaces, "replaced", row.by, row.call)
        before = one(batch, row.tenant, given, row.space)
        if before.state != "kept":
            raise missing(row.replaces, f"it was {before.state}")
        put(batch, master, before, given)
    body: dict[str, Json] = dict(zip(COLUMNS.split(", "), astuple(row), strict=True))
    tenants.record(batch, master, row.tenant, ("memory.kept", "", {name: body[name] for name in TOLD}))
    batch.connection.execute(
        f"INSERT INTO memories ({COLUMNS}) VALUES ({marks(len(body))})",  # noqa: S608 - ours
        astuple(row),
    )
    return row


def change(
    batch: Batch, master: MasterKey, tenant: str, changes: Sequence[MemoryChange], space: Space | None
) -> list[MemoryRow]:
    """Bring rows into other states, with an event each; what is so already, or erased, stays as it is."""
    within = None if space is None else named(batch, master, tenant, space)
    changed: list[MemoryRow] = []
    for given in changes:
        row = one(batch, tenant, given, within)
        if row.state not in {given.state, "erased"}:
            changed.append(put(batch, master, row, given))
    return changed


def erase_of(batch: Batch, master: MasterKey, run: str, by: str) -> None:
    """Note that what a run had remembered is erased with it."""
    rows = batch.connection.execute(
        f"SELECT {COLUMNS} FROM memories WHERE run = ? AND state <> 'erased' ORDER BY id",  # noqa: S608 - ours
        (run,),
    ).fetchall()
    for values in rows:
        row = MemoryRow(*values)
        put(batch, master, row, MemoryChange(row.id, "erased", by, by))


def put(batch: Batch, master: MasterKey, row: MemoryRow, given: MemoryChange) -> MemoryRow:
    """Bring a row into another state, with an event."""
    body: dict[str, Json] = {"id": row.id, "state": given.state, "by": given.by, "call": given.call}
    if given.reason is not None:
        body["reason"] = tenants.keep(batch, master, row.tenant, encode(given.reason))
    tenants.record(batch, master, row.tenant, ("memory.changed", "", body))
    batch.connection.execute(
        "UPDATE memories SET state = ?, call = ? WHERE tenant = ? AND id = ?",
        (given.state, given.call, row.tenant, row.id),
    )
    return replace(row, state=given.state, call=given.call)


def one(batch: Batch, tenant: str, given: MemoryChange, space: str | None) -> MemoryRow:
    """Give a row as this transaction sees it; raises `NotFoundError`."""
    row = found(batch, tenant, given.id)
    if row is None or (space is not None and row.space != space):
        raise missing(given.id, "nothing is remembered under it")
    return row


def missing(id: str, why: str) -> NotFoundError:  # noqa: A002 - what it is
    """Give the error for what is not there to be changed."""
    return NotFoundError(f"no memory {id!r}: {why}")


def found(batch: Batch, tenant: str, id: str) -> MemoryRow | None:  # noqa: A002 - what it is
    """Give a row as this transaction sees it."""
    values = batch.connection.execute(
        f"SELECT {COLUMNS} FROM memories WHERE tenant = ? AND id = ?",  # noqa: S608 - ours
        (tenant, id),
    ).fetchone()
    return None if values is None else MemoryRow(*values)


def named(batch: Batch, master: MasterKey, tenant: str, space: Space) -> str:
    """Give what stands for a space, by the tenant's key as this transaction sees it."""
    stream, _, _ = tenants.head(batch, master, tenant)
    (wrapped,) = batch.connection.execute("SELECT wrapped FROM tenants WHERE name = ?", (tenant,)).fetchone()
    return space_in(master.unwrap(stream, wrapped), space)
