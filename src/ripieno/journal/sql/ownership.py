"""Operations on a run's row: creation, takeover, parking, release. Each runs inside the group commit."""

# ruff: noqa: S608 - only our own column names are put into statements

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from ripieno.journal.budgets import Short
from ripieno.journal.keys import MasterKey, StreamKey
from ripieno.journal.records import Draft, Lease, NewRun, RunRow, RunStatus
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sql.books import lacks
from ripieno.journal.sql.database import Connection, Owners
from ripieno.journal.sql.standing import standing
from ripieno.journal.store import Created
from ripieno.model.errors import InputError, NotFoundError, OutdatedError, RefusedError, StoreError
from ripieno.model.event import GENESIS, Json, Kind
from ripieno.model.ids import short
from ripieno.model.principal import leave_of
from ripieno.model.stop import Stop

__all__ = [
    "COLUMNS",
    "Taken",
    "acquire",
    "create",
    "current",
    "give_back",
    "now",
    "park",
    "read_row",
    "release",
    "repin",
]

COLUMNS = (
    "id, tenant, workflow, version, principal, key, status, parent, requested_at, updated_at, ended_at,"
    " owner, epoch, wanted, seen, head_seq, head_hash, detail"
)

INSERT: Final = (
    f"INSERT INTO runs ({COLUMNS}, wrapped) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Taken:
    """A run taken over: its row as it was, and which events replay reads."""

    lease: Lease
    row: RunRow
    after: int
    """Every event after this one."""
    needed: tuple[int, ...]
    """And of those before it, these."""


def read_row(connection: Connection, run: str) -> RunRow:
    """Give a run's row; raises `NotFoundError`."""
    row = connection.execute(f"SELECT {COLUMNS} FROM runs WHERE id = ?", (run,)).fetchone()
    if row is None:
        msg = f"no run {run!r}"
        raise NotFoundError(msg)
    return RunRow(*row)


def create(
    batch: Batch,
    new: NewRun,
    keys: tuple[bytes, StreamKey],
    started: Sequence[tuple[Kind, str, Mapping[str, Json]]],
    payloads: tuple[tuple[bytes, bytes], ...],
    *,
    owner: str | None,
    wrap: Callable[[tuple[bytes, StreamKey]], bytes],
    admit: Callable[[], None],
) -> Created:
    """Insert a run and its first events, unless its business key is taken, or `admit` refuses a new run.

    Raises `OutdatedError` where rights have changed since it was let begin.

    The row comes last: what fails before it has changed no table.
    """
    execute = batch.connection.execute
    if new.key is not None:
        taken = execute(
            "SELECT id FROM runs WHERE tenant = ? AND workflow = ? AND key = ?",
            (new.tenant, new.workflow, new.key),
        ).fetchone()
        if taken is not None:
            return Created(current(batch, taken[0]), None, existed=True)
    if new.again and execute("SELECT 1 FROM runs WHERE id = ?", (new.id,)).fetchone():
        return Created(current(batch, new.id), None, existed=True)
    if new.under is not None and batch.changed_since(new.under):
        msg = f"rights in {new.tenant} were changed while a run of {new.workflow} was about to start"
        raise OutdatedError(msg)
    admit()
    wrapped = wrap(keys)
    if (
        new.parent is not None
        and execute("SELECT 1 FROM erasures WHERE stream = ?", (new.parent,)).fetchone()
    ):
        msg = f"run {short(new.parent)} was erased meanwhile: nothing begins with what it held"
        raise RefusedError(msg)
    _, key = keys
    lease = Lease(new.id, key.stream, 1, key, 0, GENESIS, asked=False)
    lease.stored.update(commitment.hex() for commitment, _ in payloads)
    batch.lead(lease)
    batch.keep(lease, payloads)
    try:
        for kind, path, body in started:
            batch.append(Draft(lease, now(), kind, path, body))
    except orjson.JSONEncodeError as error:
        msg = f"cannot be recorded: {error}"
        raise InputError(msg) from error
    head = batch.head(new.id)
    assert head is not None, "it was just given one"
    values: tuple[Any, ...] = (
        *(new.id, new.tenant, new.workflow, new.version, new.principal, new.key, "running", new.parent),
        *(new.requested_at, head.at or new.requested_at, None, owner, 1, 0, 0, head.seq, head.hash, None),
    )
    if execute(INSERT, (*values, wrapped)).rowcount == 0:
        msg = f"run {short(new.id)} is in the log already"
        raise StoreError(msg)
    batch.beyond |= owner is None
    return Created(RunRow(*values), lease if owner else None, existed=False)


def current(batch: Batch, run: str) -> RunRow:
    """Give a run's row as this transaction will leave it."""
    batch.settle_ends()
    row = read_row(batch.connection, run)
    head = batch.head(run)
    if head is None or head.at is None:
        return row
    return dataclasses.replace(row, head_seq=head.seq, head_hash=head.hash, updated_at=head.at)


def acquire(batch: Batch, run: str, owners: Owners, master: MasterKey, *, idle: bool = False) -> Taken | None:
    """Take a run over under a new epoch, unless it has ended or another owner of it lives.

    A process may take over from itself: after its store failed, what it owned has to be read anew. With
    `idle` it does not.
    """
    execute = batch.connection.execute
    row = current(batch, run)
    if row.ended or (row.owner == owners.token and idle):
        return None
    if row.owner not in (None, owners.token) and owners.alive(str(row.owner)):
        return None
    wrapped, after, needed = execute(
        "SELECT wrapped, replay_after, replay_needed FROM runs WHERE id = ?", (run,)
    ).fetchone()
    stream = bytes.fromhex(run)
    lease = Lease(run, stream, row.epoch + 1, master.unwrap(stream, wrapped), row.head_seq, row.head_hash)
    execute(
        "UPDATE runs SET owner = ?, epoch = ?, status = 'running', detail = NULL WHERE id = ?",
        (owners.token, lease.epoch, run),
    )
    batch.lead(lease)
    return Taken(lease, row, after, tuple(json.loads(needed)))


def park(batch: Batch, lease: Lease, seen: int, status: RunStatus, held: Sequence[Stop | Short] = ()) -> bool:
    """Let a run rest without an owner, if nothing came in since `seen`, and all that holds it stands."""
    if not batch.owns(lease) or not all(holds(batch, item) for item in held):
        return False
    detail = "; ".join(item.said for item in held) or None
    again = min((item.until for item in held if isinstance(item, Short)), default=None)
    cursor = batch.connection.execute(
        "UPDATE runs SET status = ?, detail = ?, again_at = ?, owner = NULL WHERE id = ? AND wanted = ?",
        ("stopped" if held else status, detail, again, lease.run, seen),
    )
    if cursor.rowcount == 0:
        return False
    batch.give_up(lease)
    return True


def holds(batch: Batch, item: Stop | Short) -> bool:
    """Tell whether what holds a run stands, as this transaction sees it."""
    if isinstance(item, Short):
        return lacks(batch.one, item)
    return any(stop.key == item.key for stop in standing(batch.connection))


def release(batch: Batch, lease: Lease, status: RunStatus, detail: str | None) -> None:
    """Give up ownership, leaving the run to be taken up by whoever can.

    Also for a lease that was lost because the store failed; nothing happens when the run was parked,
    has ended, or is another owner's.
    """
    batch.connection.execute(
        "UPDATE runs SET status = ?, detail = ?, owner = NULL"
        " WHERE id = ? AND epoch = ? AND owner IS NOT NULL",
        (status, detail, lease.run, lease.epoch),
    )
    batch.give_up(lease)


def give_back(batch: Batch, found: Taken | Created | None) -> None:
    """Leave a run to whoever looks for work, where those who made or took it were called off meanwhile.

    Else this process would own for as long as it lives what nobody in it runs.
    """
    if found is not None and found.lease is not None:
        release(batch, found.lease, "running", None)


def repin(batch: Batch, run: str, version: str, *, by: str, owners: Owners, master: MasterKey) -> None:
    """Write `run.migrated` under an epoch of its own and let the run be taken up again."""
    owner = read_row(batch.connection, run).owner
    taken = None if owner == owners.token else acquire(batch, run, owners, master)
    if taken is None:
        msg = f"run {short(run)} has ended, or a process is running it"
        raise RefusedError(msg, remedy="wait until it has parked, or end the process that runs it")
    body: dict[str, Json] = {"from": taken.row.version, "to": version, "by": by, **leave_of(by)}
    batch.append(Draft(taken.lease, now(), "run.migrated", "", body))
    batch.connection.execute("UPDATE runs SET version = ? WHERE id = ?", (version, run))
    release(batch, taken.lease, "running", None)


def now() -> int:
    """Give the time in microseconds."""
    return time.time_ns() // 1000
