"""`ripieno tenants`: deleting one whole."""

from __future__ import annotations

import asyncio

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, write
from ripieno.cli.session import opened
from ripieno.cli.settings import Settings
from ripieno.retention.sealed_files import delete_sealed_files
from ripieno.retention.tenants import delete_tenant

__all__ = ["delete"]


def delete(name: str, /, *, reason: str, options: Options = DEFAULTS) -> int:
    """Destroy all that a tenant's runs and its own log hold, for good; for role system-operator.

    That something happened stays in the log, without values, and every proof stays valid.

    Parameters
    ----------
    name
        The tenant.
    reason
        Why, for the system's own log.

    """
    return asyncio.run(_delete(options.settle(), name, reason))


async def _delete(settings: Settings, name: str, reason: str) -> int:
    async with opened(settings) as store:
        values = await delete_tenant(store, name, by=settings.principal, reason=reason)
        delete_sealed_files(settings.home, name)
    shown = listing("", "")
    shown.add_row(clean(f"tenant {name}", style="bold"), f"deleted: {values:,} values and all keys")
    write(settings.output, {"tenant": name, "state": "deleted", "values": values}, shown)
    return Exit.OK
