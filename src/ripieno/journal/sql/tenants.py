"""Operations on a tenant's own stream: what happens outside runs goes to the same log."""

from __future__ import annotations

from collections.abc import Mapping

from ripieno.journal.keys import MasterKey
from ripieno.journal.records import VersionRow
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sql.tenant_streams import extend
from ripieno.model.errors import RefusedError
from ripieno.model.event import GENESIS, Json, Kind
from ripieno.model.ids import new_id

__all__ = ["declare_compatible", "deleted", "keep", "record", "register"]


def record(batch: Batch, master: MasterKey, tenant: str, event: tuple[Kind, str, Mapping[str, Json]]) -> int:
    """Append an event to a tenant's stream and give its number, creating the stream at its first event.

    A tenant's stream has no owner: the transaction that appends is alone with the database.
    """
    return append(batch, tenant, head(batch, master, tenant), event)[1]


def keep(batch: Batch, master: MasterKey, tenant: str, data: bytes) -> str:
    """Store a value beside a tenant's stream and give its commitment."""
    stream, _, _ = head(batch, master, tenant)
    execute = batch.connection.execute
    (wrapped,) = execute("SELECT wrapped FROM tenants WHERE name = ?", (tenant,)).fetchone()
    key = master.unwrap(stream, wrapped)
    commitment = key.commit(data)
    execute(
        "INSERT INTO payloads (stream, commitment, sealed) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (stream, commitment, key.seal(commitment, data)),
    )
    return commitment.hex()


def head(batch: Batch, master: MasterKey, tenant: str) -> tuple[bytes, int, str]:
    """Give the stream of a tenant, its last number and hash, creating it where there is none."""
    execute = batch.connection.execute
    row = execute(
        "SELECT stream, head_seq, head_hash, wrapped FROM tenants WHERE name = ?", (tenant,)
    ).fetchone()
    if row is not None:
        if not row[3]:
            raise deleted(tenant)
        row = row[:3]
    if row is None:
        stream = bytes.fromhex(new_id())
        execute(
            "INSERT INTO tenants (name, stream, wrapped, head_seq, head_hash) VALUES (?, ?, ?, 0, ?)",
            (tenant, stream, master.new_under(stream, batch.master()), GENESIS),
        )
        row = (stream, 0, GENESIS)
        row = append(batch, tenant, row, ("tenant.created", "", {"name": tenant}))
    return row


def deleted(tenant: str) -> RefusedError:
    """Give the error for a tenant that was deleted."""
    msg = f"tenant {tenant!r} was deleted: nothing is done in it any more"
    return RefusedError(msg, remedy="use another name: its own stays taken, since its proofs name it")


def append(
    batch: Batch, tenant: str, last: tuple[bytes, int, str], event: tuple[Kind, str, Mapping[str, Json]]
) -> tuple[bytes, int, str]:
    """Seal one event behind the last, insert it, and give the new head."""
    return extend(batch.connection, tenant, last, event)


def register(batch: Batch, master: MasterKey, version: VersionRow, by: str) -> bool:
    """Enter a version of a workflow, with an event; False when it was there."""
    cursor = batch.connection.execute(
        "INSERT INTO versions (version, tenant, workflow, source, pins, registered_at, about)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            version.version,
            version.tenant,
            version.workflow,
            version.source,
            version.pins,
            version.registered_at,
            version.about,
        ),
    )
    if cursor.rowcount == 0:
        return False
    body: dict[str, Json] = {"workflow": version.workflow, "version": version.version, "by": by}
    body |= {"pins": version.pins, "about": version.about, "registered": version.registered_at}
    body["source"] = version.source
    record(batch, master, version.tenant, ("workflow.registered", "", body))
    return True


def declare_compatible(batch: Batch, master: MasterKey, tenant: str, pair: tuple[str, str], by: str) -> None:
    """Let runs of one version go on with another's code; runs that waited for it become ready."""
    old, new = pair
    batch.connection.execute(
        "INSERT INTO compatible (tenant, old, new) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (tenant, old, new),
    )
    record(batch, master, tenant, ("versions.compatible", "", {"old": old, "new": new, "by": by}))
