"""The operation that deletes a tenant whole. Runs inside the group commit."""

from __future__ import annotations

from typing import Final

from ripieno.journal.keys import MasterKey
from ripieno.journal.sql import documents, tenants
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sql.erasures import NEEDLES, PIECE
from ripieno.journal.sql.ownership import now
from ripieno.model.errors import NotFoundError, RefusedError
from ripieno.model.event import Json
from ripieno.model.ids import short
from ripieno.model.stop import EVERYTHING
from ripieno.model.value import encode

__all__ = ["delete_tenant"]

OBSTACLES: Final = {
    "SELECT 'a hold on ' || what || ' ' || name || ', set by ' || by FROM holds WHERE tenant = ? LIMIT 1": (
        "{} keeps it"
    ),
    "SELECT id FROM runs WHERE tenant = ? AND wrapped <> x'' LIMIT 1": "run {} of it is not erased",
}
"""What stands in the way, and how that is said."""


def delete_tenant(
    batch: Batch, master: MasterKey, tenant: str, said: tuple[str, str], *, token: str
) -> tuple[int, list[bytes]]:
    """Destroy the values and the key of a tenant's own stream, with an event there and one of the system.

    Gives how many values there were, and pieces of what was destroyed.
    """
    by, reason = said
    execute = batch.connection.execute
    row = execute("SELECT stream, wrapped FROM tenants WHERE name = ?", (tenant,)).fetchone()
    if row is None:
        msg = f"no tenant {tenant!r}"
        raise NotFoundError(msg)
    stream, wrapped = row
    if not wrapped:
        raise tenants.deleted(tenant)
    for statement, words in OBSTACLES.items():
        found = execute(statement, (tenant,)).fetchone()
        if found is not None:
            named = found[0] if words.startswith("{}") else short(found[0])
            msg = f"tenant {tenant!r} is not deleted: {words.format(named)}"
            raise RefusedError(msg)
    documents.remove_all(batch, master, tenant, (by, reason))
    (count,) = execute("SELECT count(*) FROM payloads WHERE stream = ?", (stream,)).fetchone()
    heads = execute(
        "SELECT substr(sealed, 1, CAST(? AS INTEGER)) FROM payloads WHERE stream = ? LIMIT ?",
        (PIECE, stream, NEEDLES),
    ).fetchall()
    commitment = tenants.keep(batch, master, EVERYTHING, encode(reason))
    at = now()
    last: dict[str, Json] = {"stream": stream.hex(), "by": by, "at": at, "reason": commitment}
    tenants.record(batch, master, tenant, ("tenant.deleted", "", last))
    body: dict[str, Json] = {"name": tenant, "by": by, "reason": commitment, "values": count}
    tenants.record(batch, master, EVERYTHING, ("deletion", "", {**body, "stream": stream.hex()}))
    execute("DELETE FROM payloads WHERE stream = ?", (stream,))
    execute("UPDATE tenants SET wrapped = x'' WHERE name = ?", (tenant,))
    execute(
        "INSERT INTO erasures (stream, tenant, by, at, reason, scrubbing) VALUES (?, ?, ?, ?, ?, ?)",
        (stream.hex(), tenant, by, at, commitment, token),
    )
    pieces = [wrapped[at : at + PIECE] for at in range(0, len(wrapped), PIECE)]
    return count, [*pieces, *(head for (head,) in heads)][:NEEDLES]
