"""Changes of a tenant's directory: each is made by an administrator, and is an event with who and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from ripieno.identity.directory import parse_id
from ripieno.journal.identity import PrincipalChange, PrincipalRow
from ripieno.journal.store import Store
from ripieno.kernel.allowed import ADMINISTRATOR, check_identity
from ripieno.kernel.stopping import SYSTEM_ROLE
from ripieno.model.errors import InputError, NotAllowedError, NotFoundError, nearest
from ripieno.model.principal import Principal

__all__ = [
    "ADMINISTRATOR",
    "enter",
    "grant",
    "join",
    "leave",
    "map_group",
    "resume",
    "revoke",
    "suspend",
    "unmap_group",
]

LONGEST_ROLE: Final = 128
LONGEST_GROUP: Final = 256
"""Letters; a provider's groups may have long, structured names."""


async def enter(store: Store, who: str, *, by: Principal, reason: str | None = None) -> PrincipalRow | None:
    """Enter a principal that holds no role yet; None when it has an entry."""
    by = await check_identity(store, named(who), by, "enter", "enter a principal", given={}, reason=reason)
    return await change(store, PrincipalChange(named(who), "entered", lambda row: row, by.id, reason), by)


async def grant(
    store: Store, who: str, roles: Iterable[str], *, by: Principal, reason: str | None = None
) -> PrincipalRow | None:
    """Let a principal hold roles, entering it where needed; None when it holds them by name already.

    Nobody grants a role to themselves that they do not hold: raises `NotAllowedError`.
    """
    name, more = named(who), frozenset(check_role(role) for role in roles)
    by = await check_identity(
        store, name, by, "grant", "grant a role", given={"roles": sorted(more)}, reason=reason
    )
    check_gives(by, more)
    for role in sorted(more):
        if name == by.id and not by.holds(role):
            msg = f"nobody grants a role to themselves: {by.id} does not hold {role!r}"
            raise NotAllowedError(msg, remedy="another administrator can")

    def granted(row: PrincipalRow) -> PrincipalRow:
        return replace(row, roles=tuple(sorted(more.union(row.roles))))

    return await change(store, PrincipalChange(name, "granted", granted, by.id, reason), by)


async def revoke(
    store: Store, who: str, roles: Iterable[str], *, by: Principal, reason: str | None = None
) -> PrincipalRow | None:
    """Take roles from a principal that were granted by name; None when it holds none of them so."""
    less = frozenset(roles)
    given = {"roles": sorted(less)}
    by = await check_identity(store, named(who), by, "revoke", "revoke a role", given=given, reason=reason)
    check_known(store, who, by)

    def revoked(row: PrincipalRow) -> PrincipalRow:
        return replace(row, roles=tuple(role for role in row.roles if role not in less))

    return await change(store, PrincipalChange(named(who), "revoked", revoked, by.id, reason), by)


async def join(
    store: Store, who: str, groups: Iterable[str], *, by: Principal, reason: str | None = None
) -> PrincipalRow | None:
    """Let a principal belong to groups; None when it does already.

    Nobody joins a group themselves, since it may give roles: raises `NotAllowedError`.
    """
    name, more = named(who), frozenset(check_group(group) for group in groups)
    given = {"groups": sorted(more)}
    by = await check_identity(
        store, name, by, "join", "change who belongs to a group", given=given, reason=reason
    )
    check_gives(by, [row.role for row in store.group_roles(by.tenant) if row.group in more])
    if name == by.id and not by.every_role:
        msg = f"nobody joins a group by their own hand: {by.id} is an administrator, not the group's"
        raise NotAllowedError(msg, remedy="another administrator can")

    def joined(row: PrincipalRow) -> PrincipalRow:
        return replace(row, groups=tuple(sorted(more.union(row.groups))))

    return await change(store, PrincipalChange(name, "joined", joined, by.id, reason), by)


async def leave(
    store: Store, who: str, groups: Iterable[str], *, by: Principal, reason: str | None = None
) -> PrincipalRow | None:
    """Let a principal belong to groups no more; None when it does not."""
    less = frozenset(groups)
    given = {"groups": sorted(less)}
    by = await check_identity(
        store, named(who), by, "leave", "change who belongs to a group", given=given, reason=reason
    )
    check_known(store, who, by)

    def left(row: PrincipalRow) -> PrincipalRow:
        return replace(row, groups=tuple(group for group in row.groups if group not in less))

    return await change(store, PrincipalChange(named(who), "left", left, by.id, reason), by)


async def suspend(store: Store, who: str, *, by: Principal, reason: str) -> PrincipalRow | None:
    """Let nothing be done as a principal any more, whatever it shows; None when it is so already."""
    by = await check_identity(
        store, named(who), by, "suspend", "suspend a principal", given={}, reason=reason
    )

    def suspended(row: PrincipalRow) -> PrincipalRow:
        return replace(row, status="suspended")

    return await change(store, PrincipalChange(named(who), "suspended", suspended, by.id, reason), by)


async def resume(store: Store, who: str, *, by: Principal, reason: str | None = None) -> PrincipalRow | None:
    """Let a suspended principal act again, with the roles it had; None when it is not suspended."""
    by = await check_identity(
        store, named(who), by, "resume", "let a principal act again", given={}, reason=reason
    )
    check_known(store, who, by)

    def resumed(row: PrincipalRow) -> PrincipalRow:
        return replace(row, status="active")

    return await change(store, PrincipalChange(named(who), "resumed", resumed, by.id, reason), by)


async def map_group(store: Store, group: str, role: str, *, by: Principal, reason: str | None = None) -> bool:
    """Let everybody of a group hold a role; False when they do already.

    Raises `NotAllowedError` where that would give a role to the administrator who asks for it.
    """
    by = await check_identity(
        store, group, by, "map", "say what a group means", given={"role": role}, reason=reason
    )
    check_gives(by, [role])
    own = next((row for row in store.principals(by.tenant) if row.id == by.id), None)
    if own is not None and group in own.groups and not by.holds(role):
        msg = f"nobody grants a role to themselves: {by.id} belongs to {group!r} and does not hold {role!r}"
        raise NotAllowedError(msg, remedy="another administrator can")
    return await store.map_group(by.tenant, check_group(group), check_role(role), by.id, reason)


async def unmap_group(
    store: Store, group: str, role: str, *, by: Principal, reason: str | None = None
) -> bool:
    """Let a group give a role no more; False when it does not."""
    by = await check_identity(
        store, group, by, "unmap", "say what a group means", given={"role": role}, reason=reason
    )
    return await store.unmap_group(by.tenant, group, role, by.id, reason)


async def change(store: Store, wanted: PrincipalChange, by: Principal) -> PrincipalRow | None:
    """Make a change in the tenant of whoever wants it."""
    return await store.change_principal(by.tenant, wanted)


def check_gives(by: Principal, roles: Iterable[str]) -> None:
    """Raise `NotAllowedError` for a role that reaches beyond the tenant, unless one holds it oneself."""
    if SYSTEM_ROLE in roles and not by.holds(SYSTEM_ROLE):
        msg = f"role {SYSTEM_ROLE!r} reaches beyond the tenant: who does not hold it cannot give it"
        raise NotAllowedError(msg)


def check_known(store: Store, who: str, by: Principal) -> None:
    """Raise `NotFoundError` for a principal without an entry."""
    known = [row.id for row in store.principals(by.tenant)]
    if named(who) not in known:
        msg = f"no principal {named(who)!r}{nearest(named(who), known)}"
        raise NotFoundError(msg, remedy="ripieno principals list shows those there are")


def named(who: str) -> str:
    """Give the id of a principal; raises `InputError` for what is none."""
    kind, name = parse_id(who)
    return f"{kind}:{name}"


def check_role(role: str) -> str:
    """Give a role; raises `InputError` where its name cannot stand in a list."""
    return check(role, "role", LONGEST_ROLE, forbidden=",")


def check_group(group: str) -> str:
    """Give a group; raises `InputError` where its name is none."""
    return check(group, "group", LONGEST_GROUP)


def check(name: str, what: str, longest: int, *, forbidden: str = "") -> str:
    """Give a name; raises `InputError` for what is empty, too long, or cannot be printed."""
    if not name.strip() or name != name.strip() or len(name) > longest or not name.isprintable():
        msg = f"expected a {what} of 1 to {longest} printable letters, got {name!r}"
        raise InputError(msg)
    if any(letter in name for letter in forbidden):
        msg = f"a {what} has no {forbidden!r} in its name, got {name!r}"
        raise InputError(msg)
    return name
