"""`ripieno principals`: who there is, which roles they hold, and whether they may act."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, note, words, write
from ripieno.cli.session import opened, opened_or_new
from ripieno.cli.settings import Settings
from ripieno.identity import administration
from ripieno.identity.administration import named
from ripieno.identity.directory import Directory
from ripieno.journal.identity import PrincipalRow
from ripieno.journal.store import Store
from ripieno.model.errors import InputError, NotFoundError, nearest

__all__ = [
    "add_principal",
    "grant_roles",
    "list_principals",
    "resume_principal",
    "revoke_roles",
    "show_principal",
    "suspend_principal",
]

Change = Callable[[Store], Awaitable[Sequence[PrincipalRow | None]]]


def list_principals(*, options: Options = DEFAULTS) -> int:
    """List the principals of the directory, with the roles that each holds."""
    return asyncio.run(_list(options.settle()))


async def _list(settings: Settings) -> int:
    async with opened(settings) as store:
        rows = store.principals(settings.principal.tenant)
        documents = [document(store, row) for row in rows]
    write(settings.output, documents, table(documents) if rows else None)
    if not rows:
        note("nobody is in the directory: the local operator holds every role\n  ripieno principals grant")
    return Exit.OK


def show_principal(principal: str, /, *, options: Options = DEFAULTS) -> int:
    """Show a principal: its roles and where they come from, its keys, when it last came.

    Parameters
    ----------
    principal
        Such as person:ada, or ada.

    """
    return asyncio.run(_show(options.settle(), principal))


async def _show(settings: Settings, text: str) -> int:
    async with opened(settings) as store:
        tenant, who = settings.principal.tenant, named(text)
        found = Directory(store).entry(tenant, who)
        if found is None:
            msg = f"no principal {who!r}{nearest(who, [row.id for row in store.principals(tenant)])}"
            raise NotFoundError(msg, remedy="ripieno principals list shows those there are")
        shown = document(store, found)
        shown["keys"] = [row.id for row in store.keys(tenant) if row.principal == who and row.state == "live"]
    fields = listing("", "")
    for name, value in shown.items():
        fields.add_row(name, clean(words(value)))
    write(settings.output, shown, fields)
    return Exit.OK


def add_principal(principal: str, /, *, reason: str | None = None, options: Options = DEFAULTS) -> int:
    """Enter a principal that holds no role yet.

    Parameters
    ----------
    principal
        Such as person:ada, agent:triage or service:billing; a name alone is a person's.
    reason
        Why, for the log.

    """
    settings = options.settle()

    async def change(store: Store) -> Sequence[PrincipalRow | None]:
        return [await administration.enter(store, principal, by=settings.principal, reason=reason)]

    return asyncio.run(_change(settings, principal, change))


def grant_roles(
    principal: str,
    /,
    *roles: str,
    group: Sequence[str] = (),
    reason: str | None = None,
    options: Options = DEFAULTS,
) -> int:
    """Let a principal hold roles, or belong to groups that give some; it is entered where needed.

    Parameters
    ----------
    principal
        Such as person:ada; a name alone is a person's.
    roles
        Such as clinician.
    group
        A group that it belongs to from now on.
    reason
        Why, for the log.

    """
    settings = options.settle()
    check_something(roles, group)

    async def change(store: Store) -> Sequence[PrincipalRow | None]:
        by, done = settings.principal, list[PrincipalRow | None]()
        if roles:
            done.append(await administration.grant(store, principal, roles, by=by, reason=reason))
        if group:
            done.append(await administration.join(store, principal, group, by=by, reason=reason))
        return done

    return asyncio.run(_change(settings, principal, change))


def revoke_roles(
    principal: str,
    /,
    *roles: str,
    group: Sequence[str] = (),
    reason: str | None = None,
    options: Options = DEFAULTS,
) -> int:
    """Take roles that were granted by name, or groups, from a principal.

    Parameters
    ----------
    principal
        Such as person:ada; a name alone is a person's.
    roles
        Such as clinician.
    group
        A group that it belongs to no more.
    reason
        Why, for the log.

    """
    settings = options.settle()
    check_something(roles, group)

    async def change(store: Store) -> Sequence[PrincipalRow | None]:
        by, done = settings.principal, list[PrincipalRow | None]()
        if roles:
            done.append(await administration.revoke(store, principal, roles, by=by, reason=reason))
        if group:
            done.append(await administration.leave(store, principal, group, by=by, reason=reason))
        return done

    return asyncio.run(_change(settings, principal, change))


def suspend_principal(principal: str, /, *, reason: str, options: Options = DEFAULTS) -> int:
    """Let nothing be done as a principal any more, whatever key or token it shows.

    Parameters
    ----------
    principal
        Such as person:ada; a name alone is a person's.
    reason
        Why, for the log.

    """
    settings = options.settle()

    async def change(store: Store) -> Sequence[PrincipalRow | None]:
        return [await administration.suspend(store, principal, by=settings.principal, reason=reason)]

    return asyncio.run(_change(settings, principal, change))


def resume_principal(principal: str, /, *, reason: str | None = None, options: Options = DEFAULTS) -> int:
    """Let a suspended principal act again, with the roles that it had.

    Parameters
    ----------
    principal
        Such as person:ada; a name alone is a person's.
    reason
        Why, for the log.

    """
    settings = options.settle()

    async def change(store: Store) -> Sequence[PrincipalRow | None]:
        return [await administration.resume(store, principal, by=settings.principal, reason=reason)]

    return asyncio.run(_change(settings, principal, change))


async def _change(settings: Settings, text: str, change: Change) -> int:
    async with opened_or_new(settings) as store:
        changed = any(await change(store))
        found = Directory(store).entry(settings.principal.tenant, named(text))
        assert found is not None, "it has an entry, or the change was refused"
        shown = {**document(store, found), "changed": changed}
    write(settings.output, shown, table([shown]))
    if not changed:
        note("it was so already")
    return Exit.OK


def check_something(roles: Sequence[str], groups: Sequence[str]) -> None:
    """Raise `InputError` where neither role nor group is given."""
    if not roles and not groups:
        msg = "which roles? give their names, or --group"
        raise InputError(msg)


def document(store: Store, row: PrincipalRow) -> dict[str, Any]:
    """Give an entry as programs read it."""
    return {
        "principal": row.id,
        "status": row.status,
        "roles": sorted(Directory(store).roles(row.tenant, row.id)),
        "granted": list(row.roles),
        "groups": sorted({*row.groups, *row.provided}),
        "changed_by": row.by,
    }


def table(documents: Sequence[dict[str, Any]]) -> Any:
    """Give entries as people read them."""
    shown = listing("principal", "status", "roles", "groups")
    for one in documents:
        shown.add_row(
            clean(one["principal"], style="bold"),
            clean(one["status"], style="red" if one["status"] == "suspended" else ""),
            clean(", ".join(one["roles"])),
            clean(", ".join(one["groups"])),
        )
    return shown
