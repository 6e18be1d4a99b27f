"""Appending to a tenant's own stream, within whatever transaction is open."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping

from ripieno.journal.sql.database import Connection
from ripieno.model.event import Event, Json, Kind, encoded
from ripieno.model.principal import leave_of

__all__ = ["extend"]


def extend(
    connection: Connection,
    tenant: str,
    last: tuple[bytes, int, str],
    event: tuple[Kind, str, Mapping[str, Json]],
) -> tuple[bytes, int, str]:
    """Seal one event behind the last (stream, number and hash), insert it, and give the new head."""
    stream, seq, prev = last
    kind, path, body = event
    body = {**leave_of(body.get("by")), **body}
    at = time.time_ns() // 1000
    envelope = Event.seal(
        stream=stream.hex(), seq=seq + 1, prev=prev, at=at, epoch=0, kind=kind, path=path, body=encoded(body)
    )
    new = (stream, seq + 1, hashlib.sha256(envelope).hexdigest())
    connection.execute(
        "INSERT INTO events (stream, seq, kind, envelope) VALUES (?, ?, ?, ?)",
        (stream, new[1], kind, envelope),
    )
    connection.execute(
        "UPDATE tenants SET head_seq = ?, head_hash = ? WHERE name = ?", (new[1], new[2], tenant)
    )
    return new
