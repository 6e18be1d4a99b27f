"""Workflows of which no new run starts. Each operation runs inside the group commit."""

from __future__ import annotations

from ripieno.journal.keys import MasterKey
from ripieno.journal.records import NewRun
from ripieno.journal.sql import tenants
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sql.ownership import now
from ripieno.model.errors import RefusedError
from ripieno.model.event import Json, Kind
from ripieno.model.value import decode, encode

__all__ = ["admit", "drain", "undrain"]

Drained = tuple[str, str]
"""Tenant and workflow."""


def drain(batch: Batch, master: MasterKey, what: Drained, by: str, reason: str) -> bool:
    """Keep new runs from starting, with an event; False when they were kept already."""
    if standing(batch, what) is not None:
        return False
    at = now()
    commitment = note(batch, master, "workflow.drained", what, (by, reason), at=at)
    batch.connection.execute(
        "INSERT INTO drains (tenant, workflow, by, at, reason) VALUES (?, ?, ?, ?, ?)",
        (*what, by, at, commitment),
    )
    return True


def undrain(batch: Batch, master: MasterKey, what: Drained, by: str, reason: str | None) -> bool:
    """Let new runs start again, with an event; False when nothing kept them."""
    if standing(batch, what) is None:
        return False
    note(batch, master, "workflow.undrained", what, (by, reason))
    batch.connection.execute("DELETE FROM drains WHERE tenant = ? AND workflow = ?", what)
    return True


def admit(batch: Batch, master: MasterKey, new: NewRun) -> None:
    """Raise `RefusedError` for a new run of a drained workflow, saying by whom it was drained, and why."""
    what = (new.tenant, new.workflow)
    if new.owed or what in batch.admitted:
        return
    found = standing(batch, what)
    if found is None:
        gone = "SELECT 1 FROM tenants WHERE name = ? AND wrapped = x''"
        if batch.connection.execute(gone, (new.tenant,)).fetchone():
            raise tenants.deleted(new.tenant)
        batch.admitted.add(what)
        return
    by, commitment = found
    execute = batch.connection.execute
    stream, wrapped = execute("SELECT stream, wrapped FROM tenants WHERE name = ?", (new.tenant,)).fetchone()
    raw = bytes.fromhex(commitment)
    (sealed,) = execute(
        "SELECT sealed FROM payloads WHERE stream = ? AND commitment = ?", (stream, raw)
    ).fetchone()
    reason = decode(master.unwrap(stream, wrapped).open(raw, sealed))
    msg = f"no new run of {new.workflow} starts: it was drained by {by}: {reason}"
    raise RefusedError(msg, remedy=f"ripieno workflows undrain {new.workflow} lets them start again")


def standing(batch: Batch, what: Drained) -> tuple[str, str] | None:
    """Give by whom a workflow is drained, and the commitment of why."""
    return batch.connection.execute(
        "SELECT by, reason FROM drains WHERE tenant = ? AND workflow = ?", what
    ).fetchone()


def note(
    batch: Batch, master: MasterKey, kind: Kind, what: Drained, said: tuple[str, str | None], **more: Json
) -> str | None:
    """Record it in the tenant's stream, by whom and why; give the commitment of the reason."""
    tenant, workflow = what
    by, reason = said
    body: dict[str, Json] = {"workflow": workflow, "by": by, **more}
    commitment = None if reason is None else tenants.keep(batch, master, tenant, encode(reason))
    if commitment is not None:
        body["reason"] = commitment
    tenants.record(batch, master, tenant, (kind, "", body))
    return commitment
