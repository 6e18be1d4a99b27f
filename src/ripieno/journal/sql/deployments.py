"""Versions that serve new runs, and participants that may not act; each operation within a group commit."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ripieno.journal.deployments import EVERY, AgentState, Deployment, Move
from ripieno.journal.keys import MasterKey
from ripieno.journal.records import NewRun
from ripieno.journal.sql import tenants
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sql.database import put
from ripieno.model.errors import ChangedError, RefusedError
from ripieno.model.event import Json, Kind
from ripieno.model.value import encode

__all__ = ["admit", "change_state", "deploy", "protect", "standing"]

ROW: Final = "workflow, stage, version, share, by, event"


def deploy(
    batch: Batch,
    master: MasterKey,
    tenant: str,
    change: tuple[Deployment, Deployment | None, Move],
    reason: str | None,
) -> Deployment:
    """Set what a stage holds, if it still holds what the sender saw; with an event."""
    new, before, move = change
    there = standing(batch, tenant, new)
    if there != before:
        by = "somebody" if there is None else there.by
        msg = f"{new.stage} of {new.workflow} was changed by {by} meanwhile"
        raise ChangedError(msg, remedy=f"ripieno workflows deployments {new.workflow} shows how it stands")
    body: dict[str, Json] = {
        "what": move,
        "workflow": new.workflow,
        "stage": new.stage,
        "version": new.version,
        "share": new.share,
        "before": None if before is None else before.version,
        "by": new.by,
    }
    if reason is not None:
        body["reason"] = tenants.keep(batch, master, tenant, encode(reason))
    seq = tenants.record(batch, master, tenant, ("workflow.deployed", "", body))
    batch.connection.execute(
        put("deployments", "tenant, workflow, stage", "version, share, by, event"),
        (tenant, new.workflow, new.stage, new.version, new.share, new.by, seq),
    )
    return replace(new, event=seq)


def standing(batch: Batch, tenant: str, where: Deployment) -> Deployment | None:
    """Give what a stage holds."""
    row = batch.connection.execute(
        f"SELECT {ROW} FROM deployments WHERE tenant = ? AND workflow = ? AND stage = ?",  # noqa: S608 - ours
        (tenant, where.workflow, where.stage),
    ).fetchone()
    return None if row is None else Deployment(*row)


def protect(
    batch: Batch,
    master: MasterKey,
    what: tuple[str, str],
    said: tuple[str, str],
    *,
    stands: bool,
) -> bool:
    """Keep versions from starting that were not promoted, or let them; with an event."""
    execute = batch.connection.execute
    found = execute("SELECT 1 FROM protected WHERE tenant = ? AND workflow = ?", what).fetchone()
    if (found is not None) == stands:
        return False
    tenant, workflow = what
    by, reason = said
    kind: Kind = "workflow.protected" if stands else "workflow.unprotected"
    body: dict[str, Json] = {
        "workflow": workflow,
        "by": by,
        "reason": tenants.keep(batch, master, tenant, encode(reason)),
    }
    seq = tenants.record(batch, master, tenant, (kind, "", body))
    if stands:
        execute(
            "INSERT INTO protected (tenant, workflow, by, event) VALUES (?, ?, ?, ?)",
            (tenant, workflow, by, seq),
        )
    else:
        execute("DELETE FROM protected WHERE tenant = ? AND workflow = ?", what)
    return True


def admit(batch: Batch, new: NewRun) -> None:
    """Raise for a new run of a version that does not start: it is not promoted, or is so no more.

    A run that another began, a child or a fork, has the version that the other says.
    """
    execute = batch.connection.execute
    if new.stage is not None:
        row = execute(
            "SELECT version FROM deployments WHERE tenant = ? AND workflow = ? AND stage = ?",
            (new.tenant, new.workflow, new.stage),
        ).fetchone()
        if row != (new.version,):
            msg = f"{new.stage} of {new.workflow} was changed while a run of it was about to start"
            raise ChangedError(msg)
        return
    what = (new.tenant, new.workflow)
    if new.parent is not None or new.owed or what in batch.unguarded:
        return
    guard = execute(
        "SELECT by FROM protected WHERE tenant = ? AND workflow IN (?, ?)", (new.tenant, new.workflow, EVERY)
    ).fetchone()
    if guard is None:
        batch.unguarded.add(what)
        return
    promoted = execute(
        "SELECT 1 FROM deployments WHERE tenant = ? AND workflow = ? AND version = ?",
        (new.tenant, new.workflow, new.version),
    ).fetchone()
    if promoted is None:
        msg = (
            f"version {new.version[:12]} of {new.workflow} is a draft, and {guard[0]} has let only promoted"
            " versions start"
        )
        remedy = (
            f"ripieno workflows promote {new.workflow} {new.version[:12]} --to staging; runs that are"
            f" started by the name {new.workflow} have the version in production"
        )
        raise RefusedError(msg, remedy=remedy)


def change_state(batch: Batch, master: MasterKey, tenant: str, state: AgentState) -> bool:
    """Say whether a participant may act, with an event; False when it was so."""
    execute = batch.connection.execute
    row = execute(
        "SELECT status FROM agent_states WHERE tenant = ? AND workflow = ? AND agent = ?",
        (tenant, state.workflow, state.agent),
    ).fetchone()
    if state.status == ("active" if row is None else row[0]):
        return False
    reason = tenants.keep(batch, master, tenant, encode(state.reason))
    body: dict[str, Json] = {
        "workflow": state.workflow,
        "agent": state.agent,
        "status": state.status,
        "by": state.by,
        "reason": reason,
    }
    seq = tenants.record(batch, master, tenant, ("agent.status", "", body))
    execute(
        put("agent_states", "tenant, workflow, agent", "status, by, reason, event"),
        (tenant, state.workflow, state.agent, state.status, state.by, reason, seq),
    )
    return True
