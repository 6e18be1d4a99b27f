"""The modes set for a version of a workflow: a row for whoever starts a run, an event for the log."""

from __future__ import annotations

from ripieno.journal.keys import MasterKey
from ripieno.journal.records import ModeRow, VersionRow
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sql.database import Reader, put
from ripieno.journal.sql.tenants import keep, record
from ripieno.model.event import Json
from ripieno.model.mode import Mode
from ripieno.model.value import encode

__all__ = ["modes_of", "set_mode"]


def set_mode(
    batch: Batch,
    master: MasterKey,
    version: VersionRow,
    change: tuple[str, Mode],
    said: tuple[str, str | None],
) -> int:
    """Set the mode of a participant, with an event that says who and why; give the event's number."""
    (participant, mode), (by, reason) = change, said
    body: dict[str, Json] = {
        "workflow": version.workflow,
        "version": version.version,
        "participant": participant,
        "mode": mode,
        "by": by,
    }
    if reason is not None:
        body["reason"] = keep(batch, master, version.tenant, encode(reason))
    seq = record(batch, master, version.tenant, ("workflow.mode", "", body))
    batch.connection.execute(
        put("modes", "tenant, version, participant", "mode, by, event"),
        (version.tenant, version.version, participant, mode, by, seq),
    )
    return seq


def modes_of(reader: Reader, tenant: str, version: str) -> list[ModeRow]:
    """Give the modes that are set for a version, by participant."""
    rows = reader.all(
        "SELECT participant, mode, by, event FROM modes WHERE tenant = ? AND version = ?"
        " ORDER BY participant",
        tenant,
        version,
    )
    return [ModeRow(*row) for row in rows]
