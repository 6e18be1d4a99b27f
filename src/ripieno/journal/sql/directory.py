"""The directory of a tenant: entries of principals, and what groups mean. Changes run in the group commit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from ripieno.journal.identity import GroupRole, PrincipalChange, PrincipalRow
from ripieno.journal.keys import MasterKey
from ripieno.journal.sql import tenants
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sql.database import Reader, put
from ripieno.model.event import Json, Kind
from ripieno.model.value import encode

__all__ = ["change_group", "change_principal", "group_roles_of", "note", "principals_of"]

COLUMNS = "tenant, id, status, roles, groups, provided, by, event"


def change_principal(
    batch: Batch, master: MasterKey, tenant: str, change: PrincipalChange
) -> PrincipalRow | None:
    """Change an entry as it stands now, with an event; None when it was so already."""
    found = batch.connection.execute(
        f"SELECT {COLUMNS} FROM principals WHERE tenant = ? AND id = ?",  # noqa: S608 - our own columns
        (tenant, change.principal),
    ).fetchone()
    before = PrincipalRow(tenant, change.principal) if found is None else row(found)
    after = change.change(before)
    if after == before and (found is not None or change.act != "entered"):
        return None
    body: dict[str, Json] = {
        "principal": change.principal,
        "act": change.act,
        "status": after.status,
        "roles": list(after.roles),
        "groups": list(after.groups),
        "provided": list(after.provided),
        "by": change.by,
    }
    event = note(batch, master, tenant, ("principal.changed", body), change.reason)
    after = replace(after, by=change.by, event=event)
    batch.connection.execute(
        put("principals", "tenant, id", "status, roles, groups, provided, by, event"),
        (
            tenant,
            after.id,
            after.status,
            listed(after.roles),
            listed(after.groups),
            listed(after.provided),
            after.by,
            after.event,
        ),
    )
    return after


def change_group(
    batch: Batch, master: MasterKey, tenant: str, mapping: GroupRole, reason: str | None, *, stands: bool
) -> bool:
    """Let a group give a role, or no more, with an event; False when it was so already."""
    key = (tenant, mapping.group, mapping.role)
    kind: Literal["group.mapped", "group.unmapped"]
    if stands:
        kind = "group.mapped"
        changed = batch.connection.execute(
            'INSERT INTO group_roles (tenant, "group", role, by) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
            (*key, mapping.by),
        ).rowcount
    else:
        kind = "group.unmapped"
        changed = batch.connection.execute(
            'DELETE FROM group_roles WHERE tenant = ? AND "group" = ? AND role = ?', key
        ).rowcount
    if not changed:
        return False
    body: dict[str, Json] = {"group": mapping.group, "role": mapping.role, "by": mapping.by}
    note(batch, master, tenant, (kind, body), reason)
    return True


def note(
    batch: Batch,
    master: MasterKey,
    tenant: str,
    event: tuple[Kind, dict[str, Json]],
    reason: str | None,
) -> int:
    """Record a change in the tenant's stream, with why beside it; give the event's number."""
    kind, body = event
    why = {} if reason is None else {"reason": tenants.keep(batch, master, tenant, encode(reason))}
    return tenants.record(batch, master, tenant, (kind, "", {**body, **why}))


def principals_of(reader: Reader, tenant: str) -> Sequence[PrincipalRow]:
    """Give the directory of a tenant, by id."""
    rows = reader.all(f"SELECT {COLUMNS} FROM principals WHERE tenant = ? ORDER BY id", tenant)  # noqa: S608 - our own columns
    return [row(found) for found in rows]


def group_roles_of(reader: Reader, tenant: str) -> Sequence[GroupRole]:
    """Give what the groups of a tenant mean, by group and role."""
    rows = reader.all(
        'SELECT "group", role, by FROM group_roles WHERE tenant = ? ORDER BY "group", role', tenant
    )
    return [GroupRole(*found) for found in rows]


def row(found: Any) -> PrincipalRow:
    """Give a row with its lists read."""
    tenant, name, status, *lists, by, event = found
    return PrincipalRow(
        tenant, name, status, *(tuple(json.loads(names)) for names in lists), by=by, event=event
    )


def listed(names: tuple[str, ...]) -> str:
    """Give names as a column holds them, exactly as the verification expects a list of an event there."""
    return json.dumps(list(names))
