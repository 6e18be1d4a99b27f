"""Operations that erase, and those that keep something from being erased. Each runs in the group commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from ripieno.journal.keys import MasterKey
from ripieno.journal.retention import Doomed, HoldRow, RetentionRow
from ripieno.journal.sql import memories, tenants
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sql.database import put
from ripieno.journal.sql.ownership import current, now
from ripieno.model.errors import NotFoundError, RefusedError
from ripieno.model.event import Json, Kind
from ripieno.model.ids import short
from ripieno.model.value import encode

__all__ = [
    "LISTED",
    "NEEDLES",
    "clear_retention",
    "erase",
    "held",
    "hold",
    "refuse_erased",
    "scrubbed",
    "set_retention",
    "unhold",
]

LISTED: Final = 1000
"""So many effects that cannot be undone any more are named in the event of an erasure; all are counted."""

NEEDLES: Final = 32
"""So many pieces of what was destroyed are looked for in the file afterwards."""

PIECE: Final = 20
"""Bytes of each."""

HELD: Final = """
WITH RECURSIVE line (id, key, workflow, parent) AS (
    SELECT id, key, workflow, parent FROM runs WHERE id = ?
    UNION SELECT r.id, r.key, r.workflow, r.parent FROM runs r JOIN line ON r.id = line.parent
)
SELECT DISTINCT h.tenant, h.what, h.name, h.by, h.at, h.reason FROM holds h, line
WHERE h.tenant = ? AND (h.what = 'tenant'
    OR (h.what = 'run' AND h.name = line.id)
    OR (h.what = 'key' AND h.name = line.key)
    OR (h.what = 'workflow' AND h.name = line.workflow))
ORDER BY h.at, h.what, h.name
"""
"""A hold reaches what began from what it names: child runs, forks and retries."""

Said = tuple[str, str]
"""By whom, and why."""


def erase(
    batch: Batch, master: MasterKey, tenant: str, doomed: Sequence[Doomed], said: Said, *, token: str
) -> tuple[int, list[bytes]]:
    """Destroy values and keys, with an event for each run, or raise before anything is destroyed.

    Gives how many values there were, and pieces of what was destroyed, by which it can be looked for.
    """
    by, reason = said
    for one in doomed:
        refuse(batch, tenant, one.run)
        if one.rule is not None and kept(batch, tenant, one.rule.data) != (one.rule.keep, one.rule.at_least):
            msg = f"for how long {one.rule.data} data is kept was changed meanwhile"
            raise RefusedError(msg)
    commitment = tenants.keep(batch, master, tenant, encode(reason))
    count, keys, heads = 0, list[bytes](), list[bytes]()
    for one in doomed:
        values = destroy(batch, one.run, keys, heads)
        memories.erase_of(batch, master, one.run, by)
        count += values
        at = now()
        body: dict[str, Json] = {
            "run": one.run,
            "by": by,
            "at": at,
            "reason": commitment,
            "values": values,
            "lost": len(one.lost),
            "undo": [{"path": path, "tool": tool} for path, tool in one.lost[:LISTED]],
        }
        if one.part_of is not None:
            body["with"] = one.part_of
        if one.rule is not None:
            body |= {"data": one.rule.data, "keep": one.rule.keep, "set_by": one.rule.by}
        tenants.record(batch, master, tenant, ("run.erased", "", body))
        batch.connection.execute(
            "INSERT INTO erasures (stream, tenant, by, at, reason, scrubbing) VALUES (?, ?, ?, ?, ?, ?)",
            (one.run, tenant, by, at, commitment, token),
        )
    batch.forget({bytes.fromhex(one.run) for one in doomed})
    return count, [*keys, *heads][:NEEDLES]


def refuse(batch: Batch, tenant: str, run: str) -> None:
    """Raise for a run that is not to be erased, as this transaction sees it."""
    execute = batch.connection.execute
    row = current(batch, run)
    if row.tenant != tenant:
        msg = f"no run {run!r}"
        raise NotFoundError(msg)
    if not row.ended:
        msg = f"run {short(run)} has not ended ({row.status}): what it holds is needed"
        raise RefusedError(msg, remedy=f"ripieno runs cancel {short(run)} ends it")
    refuse_erased(batch, run, "it is not erased twice")

    def rows(statement: str, *values: str) -> list[Any]:
        return execute(statement, values).fetchall()

    holds = held(rows, run, tenant)
    if holds:
        first = holds[0]
        named = short(first.name) if first.what == "run" else first.name
        msg = f"run {short(run)} is under a hold on {first.what} {named}, set by {first.by}"
        raise RefusedError(msg, remedy="ripieno holds list says why; nothing under a hold is erased")
    undoing = execute(
        "SELECT id FROM runs WHERE tenant = ? AND workflow = ? AND key > ? AND key < ? AND ended_at IS NULL",
        (row.tenant, row.workflow, f"undo of {run},", f"undo of {run},~"),
    ).fetchone()
    if undoing is not None:
        msg = (
            f"what run {short(run)} did is being undone by run {short(undoing[0])}, which needs what it holds"
        )
        raise RefusedError(msg, remedy="wait until it has ended")


def refuse_erased(batch: Batch, run: str, why: str) -> None:
    """Raise `RefusedError` for a run whose values were erased."""
    if batch.connection.execute("SELECT 1 FROM erasures WHERE stream = ?", (run,)).fetchone():
        msg = f"run {short(run)} was erased: {why}"
        raise RefusedError(msg, remedy=f"ripieno runs show {short(run)} says when, by whom and why")


def destroy(batch: Batch, run: str, keys: list[bytes], heads: list[bytes]) -> int:
    """Take away the values of a run and its key; give how many there were, and add pieces of both."""
    execute, stream = batch.connection.execute, bytes.fromhex(run)
    (wrapped,) = execute("SELECT wrapped FROM runs WHERE id = ?", (run,)).fetchone()
    keys.extend(wrapped[at : at + PIECE] for at in range(0, len(wrapped), PIECE))
    some = execute(
        "SELECT substr(sealed, 1, CAST(? AS INTEGER)) FROM payloads WHERE stream = ? LIMIT ?",
        (PIECE, stream, NEEDLES),
    )
    heads.extend(head for (head,) in some.fetchall())
    gone = execute("DELETE FROM payloads WHERE stream = ?", (stream,)).rowcount
    execute("UPDATE runs SET wrapped = x'', detail = NULL WHERE id = ?", (run,))
    return gone


def scrubbed(batch: Batch, runs: Sequence[str]) -> None:
    """Note that nothing of what was erased is left in the files."""
    for run in runs:
        batch.connection.execute("UPDATE erasures SET scrubbing = NULL WHERE stream = ?", (run,))


def held(rows: Callable[..., Sequence[Any]], run: str, tenant: str) -> list[HoldRow]:
    """Give the holds that reach a run."""
    return [HoldRow(*row) for row in rows(HELD, run, tenant)]


# -- holds -----------------------------------------------------------------------------------------------


def hold(batch: Batch, master: MasterKey, key: tuple[str, str, str], said: Said) -> bool:
    """Keep something from being erased, with an event; False when it was kept already."""
    if stands(batch, key):
        return False
    at = now()
    commitment = note(batch, master, "hold.set", key, said, at=at)
    batch.connection.execute(
        "INSERT INTO holds (tenant, what, name, by, at, reason) VALUES (?, ?, ?, ?, ?, ?)",
        (*key, said[0], at, commitment),
    )
    return True


def unhold(batch: Batch, master: MasterKey, key: tuple[str, str, str], said: Said) -> bool:
    """Let it be erased again, with an event; False when nothing kept it."""
    if not stands(batch, key):
        return False
    note(batch, master, "hold.released", key, said)
    batch.connection.execute("DELETE FROM holds WHERE tenant = ? AND what = ? AND name = ?", key)
    return True


def stands(batch: Batch, key: tuple[str, str, str]) -> bool:
    """Tell whether a hold stands, as this transaction sees it."""
    found = batch.connection.execute(
        "SELECT 1 FROM holds WHERE tenant = ? AND what = ? AND name = ?", key
    ).fetchone()
    return found is not None


def note(
    batch: Batch, master: MasterKey, kind: Kind, key: tuple[str, str, str], said: Said, **more: Json
) -> str:
    """Record it in the tenant's stream; give the commitment of the reason."""
    tenant, what, name = key
    by, reason = said
    commitment = tenants.keep(batch, master, tenant, encode(reason))
    body: dict[str, Json] = {"what": what, "name": name, "by": by, "reason": commitment, **more}
    tenants.record(batch, master, tenant, (kind, "", body))
    return commitment


# -- how long it is kept ---------------------------------------------------------------------------------


def set_retention(batch: Batch, master: MasterKey, tenant: str, row: RetentionRow, reason: str) -> bool:
    """Say for how long a class of data is kept, with an event; False when it was so already."""
    execute = batch.connection.execute
    if kept(batch, tenant, row.data) == (row.keep, row.at_least):
        return False
    body: dict[str, Json] = {
        "data": row.data,
        "keep": row.keep,
        "at_least": row.at_least,
        "by": row.by,
        "reason": tenants.keep(batch, master, tenant, encode(reason)),
    }
    tenants.record(batch, master, tenant, ("retention.set", "", body))
    execute(
        put("retention", "tenant, data", "keep, at_least, by"),
        (tenant, row.data, row.keep, row.at_least, row.by),
    )
    return True


def clear_retention(batch: Batch, master: MasterKey, tenant: str, data: str, said: Said) -> bool:
    """Say it no more, with an event; False when nothing was said."""
    if kept(batch, tenant, data) is None:
        return False
    by, reason = said
    body: dict[str, Json] = {
        "data": data,
        "by": by,
        "reason": tenants.keep(batch, master, tenant, encode(reason)),
    }
    tenants.record(batch, master, tenant, ("retention.cleared", "", body))
    batch.connection.execute("DELETE FROM retention WHERE tenant = ? AND data = ?", (tenant, data))
    return True


def kept(batch: Batch, tenant: str, data: str) -> tuple[int | None, int | None] | None:
    """Give for how long a class of data is kept, and for how long at least, as this transaction sees it."""
    return batch.connection.execute(
        "SELECT keep, at_least FROM retention WHERE tenant = ? AND data = ?", (tenant, data)
    ).fetchone()
