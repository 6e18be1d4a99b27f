"""Compares the rows of what was decided outside runs with the tenants' events that they are derived from.

These rows say which code serves a version, which workflows start no new run, who acts in which mode,
who stands in for whom and what is stopped. They are few, and kept in memory until the end; what happens
in runs is not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, Protocol

__all__ = ["Decided", "DecidedRow", "TenantEvent"]


class TenantEvent(Protocol):
    """An event of a tenant's own stream."""

    @property
    def seq(self) -> int:
        """Its number there."""
        ...

    @property
    def kind(self) -> str:
        """What happened."""
        ...

    @property
    def body(self) -> Mapping[str, Any]:
        """What it says."""
        ...


class DecidedRow(Protocol):
    """A row of what was decided outside runs."""

    @property
    def table(self) -> str:
        """The table that it stands in."""
        ...

    @property
    def tenant(self) -> str:
        """Whose row it is."""
        ...

    @property
    def key(self) -> tuple[str, ...]:
        """What names the row within its tenant."""
        ...

    @property
    def columns(self) -> Mapping[str, Any]:
        """The rest of it, as far as events tell of it."""
        ...


class Rule(NamedTuple):
    """How an event stands in a table."""

    table: str
    key: tuple[str, ...]
    """Fields of the event that name the row, besides the tenant."""
    columns: dict[str, str]
    """Further fields of the event, and the columns that repeat them."""


def same(*names: str) -> dict[str, str]:
    """Give fields that columns repeat under their own names."""
    return {name: name for name in names}


MADE: Final = {
    "workflow.registered": Rule(
        "versions",
        ("version",),
        {**same("workflow", "source", "pins", "about"), "registered": "registered_at"},
    ),
    "versions.compatible": Rule("compatible", ("old", "new"), {}),
    "workflow.drained": Rule("drains", ("workflow",), same("by", "at", "reason")),
    "workflow.mode": Rule("modes", ("version", "participant"), {"mode": "mode", "by": "by"}),
    "principal.changed": Rule(
        "principals", ("principal",), same("status", "roles", "groups", "provided", "by")
    ),
    "provider.trusted": Rule("providers", ("issuer",), same("settings", "by")),
    "key.created": Rule(
        "api_keys",
        ("key",),
        {
            **same("principal", "verifier", "scope", "by", "state"),
            "expires": "expires_at",
            "created": "created_at",
        },
    ),
    "login": Rule("logins", ("credential",), {**same("principal", "mark"), "hour": "at"}),
    "group.mapped": Rule("group_roles", ("group", "role"), {"by": "by"}),
    "workflow.deployed": Rule(
        "deployments", ("workflow", "stage"), {"version": "version", "share": "share", "by": "by"}
    ),
    "workflow.protected": Rule("protected", ("workflow",), {"by": "by"}),
    "agent.status": Rule(
        "agent_states", ("workflow", "agent"), {"status": "status", "by": "by", "reason": "reason"}
    ),
    "policy.kept": Rule("policy_sets", ("version",), same("content", "state", "by")),
    "policy.deployed": Rule("policy_stages", ("stage",), same("version", "share", "by")),
    "budget.set": Rule("budgets", ("team",), {"cost": "cost", "hard": "hard", "by": "by"}),
    "tenant.pinned": Rule("tenant_regions", (), same("region", "by")),
    "stop.set": Rule("stops", ("what", "name"), same("by", "at", "reason")),
    "run.erased": Rule("erasures", ("run",), same("by", "at", "reason")),
    "tenant.deleted": Rule("erasures", ("stream",), same("by", "at", "reason")),
    "hold.set": Rule("holds", ("what", "name"), same("by", "at", "reason")),
    "retention.set": Rule("retention", ("data",), same("keep", "at_least", "by")),
    "master.rotating": Rule("masters", ("id",), {**same("generation", "state", "by"), "from": "before"}),
    "memory.kept": Rule(
        "memories",
        ("id",),
        {
            **same("space", "memory", "participant", "about", "run", "path", "value", "sources"),
            **same("at", "expires", "replaces", "by", "state", "call"),
        },
    ),
    "document.added": Rule(
        "documents", ("collection", "document"), same("about", "digest", "passages", "by", "at")
    ),
    "absence.set": Rule(
        "absences",
        ("id",),
        {
            "person": "person",
            "substitute": "substitute",
            "from": "from_at",
            "until": "until_at",
            "by": "set_by",
            "set": "set_at",
        },
    ),
}
"""Events that make a row or replace it."""

EVENT: Final = "event"
"""The column of some tables that says by which event a row was made; exports of before do not have it."""

ENDED: Final = {
    "workflow.undrained": ("drains", ("workflow",)),
    "workflow.unprotected": ("protected", ("workflow",)),
    "absence.cleared": ("absences", ("id",)),
    "provider.distrusted": ("providers", ("issuer",)),
    "group.unmapped": ("group_roles", ("group", "role")),
    "budget.cleared": ("budgets", ("team",)),
    "tenant.unpinned": ("tenant_regions", ()),
    "stop.released": ("stops", ("what", "name")),
    "hold.released": ("holds", ("what", "name")),
    "retention.cleared": ("retention", ("data",)),
    "document.removed": ("documents", ("collection", "document")),
    "policy.withdrawn": ("policy_stages", ("stage",)),
}
"""Events that take a row away: its table, and the fields that name it."""

CHANGED: Final = {
    "key.revoked": Rule("api_keys", ("key",), same("state")),
    "memory.changed": Rule("memories", ("id",), same("state", "call")),
    "master.rotated": Rule("masters", ("id",), same("state")),
}
"""Events that change some columns of a row that another has made."""

Key = tuple[str, ...]
"""Table, tenant, and what names the row within them."""


class Decided:
    """Follows the events of tenants, and what the tables have of them."""

    def __init__(self, found: Callable[[str, str], None]) -> None:
        self._found = found
        self._says: dict[Key, tuple[str, dict[str, Any]]] = {}
        """Where a row was decided, and what it should say."""

    def follow(self, tenant: str, event: TenantEvent, place: str) -> None:
        """Take an event of a tenant."""
        body = event.body
        if event.kind == "tenant.created" and body.get("name") != tenant:
            self._found(place, f"its row says name {tenant!r}, it says {body.get('name')!r}")
        rule = MADE.get(event.kind) or CHANGED.get(event.kind)
        if rule is not None:
            key = (rule.table, tenant, *(str(body.get(name)) for name in rule.key))
            says = {column: in_a_column(body[name]) for name, column in rule.columns.items() if name in body}
            if event.kind in MADE:
                says[EVENT] = event.seq
            before = self._says[key][1] if event.kind in CHANGED and key in self._says else {}
            self._says[key] = place, {**before, **says}
        if event.kind in ENDED:
            table, names = ENDED[event.kind]
            self._says.pop((table, tenant, *(str(body.get(name)) for name in names)), None)

    def end(self, rows: Iterable[DecidedRow]) -> None:
        """Compare with the rows there are."""
        for row in rows:
            decided = self._says.pop((row.table, row.tenant, *row.key), None)
            named = f"row {', '.join(row.key)} of {row.table}"
            if decided is None:
                self._found(f"tenant {row.tenant}", f"the {named} was made by no event")
                continue
            place, says = decided
            for column, said in says.items():
                there = row.columns.get(column, said if column == EVENT else None)
                if there != said:
                    self._found(place, f"the {named} says {column} {there!r}, it says {said!r}")
        for (table, _, *key), (place, _) in self._says.items():
            self._found(place, f"its row {', '.join(key)} is not in the table of {table}")


def in_a_column(value: Any) -> Any:
    """Give what an event says as a column holds it: lists and documents as JSON."""
    return json.dumps(value, sort_keys=True) if isinstance(value, list | dict) else value
