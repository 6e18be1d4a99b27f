"""Who there is in a tenant, and which roles each holds at this moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ripieno.journal.identity import IdentityStore, PrincipalRow
from ripieno.journal.rights import roles_of
from ripieno.model.errors import InputError, NotAllowedError
from ripieno.model.event import digest
from ripieno.model.principal import Principal, PrincipalKind

__all__ = ["Directory", "parse_id"]

KINDS: Final[Mapping[str, PrincipalKind]] = {
    "person": "person",
    "agent": "agent",
    "service": "service",
    "system": "system",
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The directory of a tenant as it stood after an event of the tenant's stream."""

    head: int
    entries: Mapping[str, PrincipalRow]
    mapped: Mapping[str, frozenset[str]]
    """Roles by group."""
    version: str


class Directory:
    """Reads the directory of a store, always as it stands: every look asks whether anything changed.

    A look costs one row of the tenant; the entries are read again only when the tenant's stream went on.
    Every method may raise `StoreError`, and whoever decides by it has to deny then.
    """

    def __init__(self, store: IdentityStore) -> None:
        self._store = store
        self._snapshots: dict[str, Snapshot] = {}

    def entry(self, tenant: str, principal_id: str) -> PrincipalRow | None:
        """Give the entry of a principal, such as `person:ada`; None where there is none."""
        return self._snapshot(tenant).entries.get(principal_id)

    def roles(self, tenant: str, principal_id: str) -> frozenset[str]:
        """Give the roles that a principal holds: by name and by its groups.

        Nobody holds any role without an entry, or while suspended.
        """
        snapshot = self._snapshot(tenant)
        return held(snapshot, snapshot.entries.get(principal_id))

    def principal(self, tenant: str, principal_id: str) -> Principal:
        """Give a principal with the roles it holds now; raises `NotAllowedError` while it is suspended."""
        snapshot = self._snapshot(tenant)
        found = snapshot.entries.get(principal_id)
        check_active(found)
        kind, name = parse_id(principal_id)
        return Principal(kind, name, tenant, held(snapshot, found))

    def settled(self, claimed: Principal) -> Principal:
        """Give whoever the machine vouches for, as the directory has it.

        Without an entry it is as claimed. An entry decides its roles; what was claimed may only narrow
        them. Raises `NotAllowedError` while it is suspended.
        """
        snapshot = self._snapshot(claimed.tenant)
        found = snapshot.entries.get(claimed.id)
        if found is None:
            return claimed
        check_active(found)
        roles = held(snapshot, found)
        if not claimed.every_role:
            roles &= claimed.roles
        return Principal(claimed.kind, claimed.name, claimed.tenant, roles)

    def version(self, tenant: str) -> str:
        """Give the digest of everything that the roles of a tenant follow from."""
        return self._snapshot(tenant).version

    def _snapshot(self, tenant: str) -> Snapshot:
        head = self._store.tenant_head(tenant)
        known = self._snapshots.get(tenant)
        if known is None or known.head != head:
            # what is committed after `head` was read may be in it already, and is then read once more
            known = self._snapshots[tenant] = self._read(tenant, head)
        return known

    def _read(self, tenant: str, head: int) -> Snapshot:
        entries = {row.id: row for row in self._store.principals(tenant)}
        groups: dict[str, set[str]] = {}
        for mapping in self._store.group_roles(tenant):
            groups.setdefault(mapping.group, set()).add(mapping.role)
        said = {
            "entries": {
                row.id: [row.status, list(row.roles), list(row.groups), list(row.provided)]
                for row in entries.values()
            },
            "groups": {group: sorted(roles) for group, roles in groups.items()},
        }
        mapped = {group: frozenset(roles) for group, roles in groups.items()}
        return Snapshot(head, entries, mapped, digest(said))


def held(snapshot: Snapshot, entry: PrincipalRow | None) -> frozenset[str]:
    """Give the roles of an entry, by name and by its groups."""
    return roles_of(entry, snapshot.mapped)


def check_active(entry: PrincipalRow | None) -> None:
    """Raise `NotAllowedError` for a principal that is suspended."""
    if entry is not None and entry.status != "active":
        msg = f"{entry.id} was suspended by {entry.by}: nothing is done as it"
        raise NotAllowedError(
            msg, remedy=f"an administrator lets it act again: ripieno principals resume {entry.id}"
        )


def parse_id(text: str) -> tuple[PrincipalKind, str]:
    """Read an id such as `agent:triage`; a name alone is a person's. Raises `InputError`."""
    kind, colon, name = text.partition(":")
    if not colon:
        kind, name = "person", text
    if kind not in KINDS:
        msg = f"expected a principal such as 'person:ada' or 'service:billing', got {text!r}"
        raise InputError(msg, remedy=f"its kind is one of {', '.join(KINDS)}")
    return KINDS[kind], Principal(KINDS[kind], name).name
