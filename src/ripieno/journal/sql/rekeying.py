"""Operations by which another master key takes the place of one. Each runs inside the group commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ripieno.journal.keys import MasterKey, StreamKey, wrapped_by
from ripieno.journal.masters import MasterRow
from ripieno.journal.sql import tenants
from ripieno.journal.sql.batch import Batch
from ripieno.model.errors import RefusedError
from ripieno.model.event import Json
from ripieno.model.stop import EVERYTHING
from ripieno.model.value import encode

__all__ = [
    "begin",
    "encrypt_anew",
    "end",
    "newly_wrapped",
    "put_back_runs",
    "put_back_tenants",
]

PIECE: Final = 20
"""Bytes of a value by which it is looked for in the file afterwards."""

Body = Mapping[str, Json]

INSERT: Final = "INSERT INTO masters (tenant, id, generation, before, state, by) VALUES (?, ?, ?, ?, ?, ?)"


def begin(batch: Batch, master: MasterKey, row: MasterRow, body: Body, reason: str) -> None:
    """Have every key that is made from here on wrapped by another master key, with an event."""
    execute = batch.connection.execute
    (newest,) = execute("SELECT coalesce(max(generation), 1) FROM masters").fetchone()
    if newest != row.generation - 1:
        msg = f"the master key of generation {newest} took its place meanwhile"
        raise RefusedError(msg, remedy="ripieno doctor tells how things stand; say it again if need be")
    execute(INSERT, (EVERYTHING, row.id, row.generation, row.before, row.state, row.by))
    said = {**body, "reason": tenants.keep(batch, master, EVERYTHING, encode(reason))}
    tenants.record(batch, master, EVERYTHING, ("master.rotating", "", said))


def end(batch: Batch, master: MasterKey, row: MasterRow, body: Body) -> None:
    """Record that nothing is wrapped by the one before any more."""
    batch.connection.execute("UPDATE masters SET state = 'settled' WHERE id = ?", (row.id,))
    tenants.record(batch, master, EVERYTHING, ("master.rotated", "", {**body, "state": "settled"}))


def newly_wrapped(batch: Batch, master: MasterKey, keys: tuple[bytes, StreamKey]) -> bytes:
    """Give the key of a new run as it is to be kept: wrapped by the master key that this transaction sees.

    Whoever made it may have another one still.
    """
    wrapped, key = keys
    newest = batch.master()
    if newest is None or wrapped_by(wrapped) == newest:
        return wrapped
    wrapped = master.wrap(key, newest)
    master.choose(newest)
    return wrapped


def encrypt_anew(batch: Batch, master: MasterKey, run: str, number: int) -> tuple[int, list[bytes]] | None:
    """Encrypt all values of a run that has ended by another secret, which its key has from then on.

    None where it was done in this round, or there is nothing to do. Gives how many values there were, and
    what stood in their places and the key's. Raises `StoreError` for a key or value that was changed.
    """
    execute, stream = batch.connection.execute, bytes.fromhex(run)
    wrapped, ended = execute("SELECT wrapped, ended_at FROM runs WHERE id = ?", (run,)).fetchone()
    if ended is None or not wrapped:
        return None
    key = master.unwrap(stream, wrapped)
    if key.round >= number:
        return None
    renewed, before = key.renewed(number), [wrapped]
    for commitment, sealed in execute(
        "SELECT commitment, sealed FROM payloads WHERE stream = ?", (stream,)
    ).fetchall():
        before.append(sealed[:PIECE])
        anew = renewed.seal(commitment, key.open(commitment, sealed))
        execute(
            "UPDATE payloads SET sealed = ? WHERE stream = ? AND commitment = ?", (anew, stream, commitment)
        )
    again = master.wrap(renewed, batch.master() or master.id)
    execute("UPDATE runs SET wrapped = ? WHERE id = ?", (again, run))
    return len(before) - 1, before


def put_back_runs(batch: Batch, rows: Sequence[tuple[str, bytes, bytes]]) -> None:
    """Put keys that are wrapped anew in their places: run, before and now; not where one was erased."""
    for run, before, now in rows:
        batch.connection.execute(
            "UPDATE runs SET wrapped = ? WHERE id = ? AND wrapped = ?", (now, run, before)
        )


def put_back_tenants(
    batch: Batch, master: MasterKey, rows: Sequence[tuple[str, bytes, bytes, int]], body: Body, reason: str
) -> None:
    """Do the same for tenants: name, before, now and number of its runs; with an event in each one's log."""
    for tenant, before, now, runs in rows:
        changed = batch.connection.execute(
            "UPDATE tenants SET wrapped = ? WHERE name = ? AND wrapped = ?", (now, tenant, before)
        ).rowcount
        if changed and tenant != EVERYTHING:  # the system's own log tells of it all
            said = {**body, "runs": runs, "reason": tenants.keep(batch, master, tenant, encode(reason))}
            tenants.record(batch, master, tenant, ("master.rewrapped", "", said))
