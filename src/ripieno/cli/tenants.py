"""`ripieno tenants`: in which region one is, and deleting one whole."""

from __future__ import annotations

import asyncio

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, write
from ripieno.cli.session import opened
from ripieno.cli.settings import Settings
from ripieno.retention.regions import pin_tenant, unpin_tenant
from ripieno.retention.sealed_files import delete_sealed_files
from ripieno.retention.tenants import delete_tenant

__all__ = ["delete", "pin", "unpin"]


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


def pin(name: str, region: str, /, *, reason: str, options: Options = DEFAULTS) -> int:
    """Keep and serve a tenant in one region alone; for role system-operator.

    Nothing is done in it where the database does not say that it is there, and its runs reach no model or
    system that is elsewhere, or of which nobody declares where it is.

    Parameters
    ----------
    name
        The tenant.
    region
        The region, such as eu-central-1: as the database, models and connectors say it.
    reason
        Why, for the tenant's log.

    """
    return asyncio.run(_pin(options.settle(), name, region, reason))


def unpin(name: str, /, *, reason: str, options: Options = DEFAULTS) -> int:
    """Let a tenant be in any region; for role system-operator.

    Parameters
    ----------
    name
        The tenant.
    reason
        Why, for the tenant's log.

    """
    return asyncio.run(_pin(options.settle(), name, None, reason))


async def _pin(settings: Settings, name: str, region: str | None, reason: str) -> int:
    async with opened(settings) as store:
        if region is None:
            changed = await unpin_tenant(store, name, by=settings.principal, reason=reason)
        else:
            changed = await pin_tenant(store, name, region, by=settings.principal, reason=reason)
    said = "in any region" if region is None else f"in region {region} alone"
    shown = listing("", "")
    shown.add_row(clean(f"tenant {name}", style="bold"), clean(said if changed else f"{said}, as it was"))
    write(settings.output, {"tenant": name, "region": region, "changed": changed}, shown)
    return Exit.OK
