"""Sets of policies and their stages; each operation within a group commit."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ripieno.journal.deployments import Move, Stage
from ripieno.journal.keys import MasterKey
from ripieno.journal.policies import PolicyStage
from ripieno.journal.sql import tenants
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sql.database import put
from ripieno.model.errors import ChangedError
from ripieno.model.event import Json
from ripieno.model.value import encode

__all__ = ["deploy", "note", "register", "withdraw"]

ROW: Final = "stage, version, share, by, event"


def note(batch: Batch, master: MasterKey, tenant: str, version: str, text: bytes) -> None:
    """Keep the text of a set, unless it is kept; with an event."""
    if state_of(batch, tenant, version) is None:
        enter(batch, master, (tenant, version, "seen"), text, {})


def register(
    batch: Batch, master: MasterKey, tenant: str, kept: tuple[str, bytes], said: tuple[str, str | None]
) -> bool:
    """Enter a set as a draft, with an event; False when it was there."""
    version, text = kept
    if state_of(batch, tenant, version) == "registered":
        return False
    by, reason = said
    why: dict[str, Json] = {"by": by}
    if reason is not None:
        why["reason"] = tenants.keep(batch, master, tenant, encode(reason))
    enter(batch, master, (tenant, version, "registered"), text, why)
    return True


def state_of(batch: Batch, tenant: str, version: str) -> str | None:
    """Give how a set is known; None where it is not."""
    row = batch.connection.execute(
        "SELECT state FROM policy_sets WHERE tenant = ? AND version = ?", (tenant, version)
    ).fetchone()
    return None if row is None else row[0]


def enter(
    batch: Batch, master: MasterKey, what: tuple[str, str, str], text: bytes, said: dict[str, Json]
) -> None:
    """Keep a text, with the event that tells of it."""
    tenant, version, state = what
    content = tenants.keep(batch, master, tenant, text)
    body: dict[str, Json] = {"version": version, "content": content, "state": state, "by": "", **said}
    seq = tenants.record(batch, master, tenant, ("policy.kept", "", body))
    batch.connection.execute(
        put("policy_sets", "tenant, version", "content, state, by, event"),
        (tenant, version, content, state, body["by"], seq),
    )


def deploy(
    batch: Batch,
    master: MasterKey,
    tenant: str,
    change: tuple[PolicyStage, PolicyStage | None, Move],
    reason: str,
) -> PolicyStage:
    """Set what a stage holds, if it still holds what the sender saw; with an event."""
    new, before, move = change
    check(batch, tenant, new.stage, before)
    body: dict[str, Json] = {
        "what": move,
        "stage": new.stage,
        "version": new.version,
        "share": new.share,
        "before": None if before is None else before.version,
        "by": new.by,
        "reason": tenants.keep(batch, master, tenant, encode(reason)),
    }
    seq = tenants.record(batch, master, tenant, ("policy.deployed", "", body))
    batch.connection.execute(
        put("policy_stages", "tenant, stage", "version, share, by, event"),
        (tenant, new.stage, new.version, new.share, new.by, seq),
    )
    return replace(new, event=seq)


def withdraw(
    batch: Batch, master: MasterKey, tenant: str, before: PolicyStage, said: tuple[str, str]
) -> None:
    """Empty a stage, if it still holds what the sender saw; with an event."""
    check(batch, tenant, before.stage, before)
    by, reason = said
    body: dict[str, Json] = {
        "what": "withdraw",
        "stage": before.stage,
        "version": before.version,
        "share": 0,
        "by": by,
        "reason": tenants.keep(batch, master, tenant, encode(reason)),
    }
    tenants.record(batch, master, tenant, ("policy.withdrawn", "", body))
    batch.connection.execute(
        "DELETE FROM policy_stages WHERE tenant = ? AND stage = ?", (tenant, before.stage)
    )


def check(batch: Batch, tenant: str, stage: Stage, before: PolicyStage | None) -> None:
    """Raise `ChangedError` where a stage holds something else than the sender saw."""
    row = batch.connection.execute(
        f"SELECT {ROW} FROM policy_stages WHERE tenant = ? AND stage = ?",  # noqa: S608 - ours
        (tenant, stage),
    ).fetchone()
    there = None if row is None else PolicyStage(*row)
    if there != before:
        by = "somebody" if there is None else there.by
        msg = f"{stage} of the policies was changed by {by} meanwhile"
        raise ChangedError(msg, remedy="ripieno policy versions shows how it stands")
