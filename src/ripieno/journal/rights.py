"""Who holds which roles now: what a process knows of it without asking, and what makes it look again.

Roles that were held when something began are narrowed by what the directory says since, never widened.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from ripieno.journal.identity import PrincipalRow
from ripieno.model.errors import StoreError
from ripieno.model.event import Kind
from ripieno.model.principal import Principal

__all__ = ["AUTHORITY", "Directed", "Rights", "RightsStore", "roles_of"]

AUTHORITY: Final[tuple[Kind, ...]] = (
    "agent.status",
    "group.mapped",
    "group.unmapped",
    "key.revoked",
    "principal.changed",
    "tenant.pinned",
    "tenant.unpinned",
)
"""Events of a tenant's stream by which decisions may change though no policy did."""


@dataclass(frozen=True, slots=True)
class Directed:
    """The directory of a tenant as it stood after an event of the tenant's stream."""

    head: int = field(compare=False)
    entries: Mapping[str, PrincipalRow]
    mapped: Mapping[str, frozenset[str]]
    """Roles by group."""
    revoked: frozenset[str]
    """Ids of the API keys that were revoked."""

    def roles(self, who: str) -> frozenset[str]:
        """Give the roles of a principal by its id; none without an entry, or while it is suspended."""
        return roles_of(self.entries.get(who), self.mapped)

    def narrowed(self, held: Principal) -> Principal:
        """Give a principal with those of its roles that it holds still.

        Whoever has no entry is as it came: on one's own machine nobody needs one.
        """
        entry = self.entries.get(held.id)
        if entry is None:
            return held
        roles = roles_of(entry, self.mapped)
        return replace(held, roles=roles if held.every_role else roles & held.roles, every_role=False)

    def barred(self, who: Principal) -> str | None:
        """Say why nothing is done as a principal, or with what it came with; None where it may act."""
        entry = self.entries.get(who.id)
        if entry is not None and entry.status != "active":
            return f"{who.id} was suspended by {entry.by}: nothing is done as it"
        if who.credential in self.revoked:
            return f"key {who.credential}, with which {who.id} came, was revoked"
        return None


def roles_of(entry: PrincipalRow | None, mapped: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Give the roles of an entry, by name and by its groups; none without one, or while it is suspended."""
    if entry is None or entry.status != "active":
        return frozenset()
    nothing: frozenset[str] = frozenset()
    groups = (*entry.groups, *entry.provided)
    return frozenset(entry.roles).union(*(mapped.get(group, nothing) for group in groups))


class Rights:
    """The directories of the tenants that this process acts for, read again whenever one may have changed.

    A process that has not heard of a change yet is refused its next claim by the store itself.
    """

    __slots__ = ("_known", "_read", "revision")

    def __init__(self, read: Callable[[str, Directed | None], Directed]) -> None:
        self._read = read
        self._known: dict[str, Directed] = {}
        self.revision = 0
        """Changes whenever a decision may, by anything but policies."""

    def of(self, tenant: str) -> Directed:
        """Give the directory of a tenant as this process knows it; raises `StoreError` at the first look."""
        found = self._known.get(tenant)
        return self.fresh(tenant) if found is None else found

    def fresh(self, tenant: str) -> Directed:
        """Give the directory of a tenant as it stands at this moment; raises `StoreError`."""
        before = self._known.get(tenant)
        found = self._known[tenant] = self._read(tenant, before)
        if before is not None and found != before:
            self.revision += 1
        return found

    def refresh(self) -> None:
        """Look at all again; raises `StoreError`."""
        for tenant in self._known:
            self.fresh(tenant)

    def look(self) -> None:
        """Look at all again if that is possible; where it is not, nothing can be claimed either."""
        with suppress(StoreError):
            self.refresh()

    def touch(self) -> None:
        """Have everything decided anew: something else changed that decisions depend on."""
        self.revision += 1


class RightsStore(ABC):
    """The part of a store that knows what rights follow from."""

    @property
    @abstractmethod
    def rights(self) -> Rights:
        """Who holds which roles, as this process knows it."""

    @abstractmethod
    def refresh_rights(self) -> None:
        """Look at once at what decisions depend on beside policies; raises `StoreError`."""
