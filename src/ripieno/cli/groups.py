"""`ripieno groups`: which roles the groups of a provider, or of one's own, give."""

from __future__ import annotations

import asyncio

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, note, write
from ripieno.cli.session import opened, opened_or_new
from ripieno.cli.settings import Settings
from ripieno.identity import administration

__all__ = ["list_groups", "map_group", "unmap_group"]


def list_groups(*, options: Options = DEFAULTS) -> int:
    """List the groups that give roles."""
    return asyncio.run(_list(options.settle()))


async def _list(settings: Settings) -> int:
    async with opened(settings) as store:
        rows = store.group_roles(settings.principal.tenant)
    shown = listing("group", "role", "mapped by")
    for row in rows:
        shown.add_row(clean(row.group, style="bold"), clean(row.role), clean(row.by, style="dim"))
    documents = [{"group": row.group, "role": row.role, "by": row.by} for row in rows]
    write(settings.output, documents, shown if rows else None)
    if not rows:
        note("no group gives a role")
    return Exit.OK


def map_group(group: str, role: str, /, *, reason: str | None = None, options: Options = DEFAULTS) -> int:
    """Let everybody of a group hold a role.

    Parameters
    ----------
    group
        Its name, exactly as the provider's tokens give it.
    role
        Such as clinician.
    reason
        Why, for the log.

    """
    return asyncio.run(_map(options.settle(), (group, role), reason, stands=True))


def unmap_group(group: str, role: str, /, *, reason: str | None = None, options: Options = DEFAULTS) -> int:
    """Let a group give a role no more.

    Parameters
    ----------
    group
        Its name.
    role
        Such as clinician.
    reason
        Why, for the log.

    """
    return asyncio.run(_map(options.settle(), (group, role), reason, stands=False))


async def _map(settings: Settings, pair: tuple[str, str], reason: str | None, *, stands: bool) -> int:
    change = administration.map_group if stands else administration.unmap_group
    async with opened_or_new(settings) as store:
        changed = await change(store, *pair, by=settings.principal, reason=reason)
    state = "gives" if stands else "gives no more"
    shown = listing("", "", "")
    shown.add_row(clean(pair[0], style="bold"), state, clean(pair[1]))
    write(settings.output, {"group": pair[0], "role": pair[1], "state": state, "changed": changed}, shown)
    if not changed:
        note("it was so already")
    return Exit.OK
