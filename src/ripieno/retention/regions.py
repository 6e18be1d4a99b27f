"""Keeping a tenant in one region: what is kept of it, and whatever its runs call."""

from __future__ import annotations

from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_command
from ripieno.model.principal import Principal
from ripieno.model.region import region_name
from ripieno.retention.tenants import check_of_system

__all__ = ["pin_tenant", "unpin_tenant"]


async def pin_tenant(store: Store, tenant: str, region: str, *, by: Principal, reason: str) -> bool:
    """Let a tenant be kept and served in a region alone; False when it was so.

    From then on nothing is done in it where the store does not say that it is there, and its runs reach no
    model or system that is elsewhere, or does not say where. Raises `NotAllowedError` without the role
    `system-operator`, and `RefusedError` where this store is elsewhere.
    """
    region = region_name(region)
    check_of_system("pin a tenant", tenant, by, reason)
    given = {"tenant": tenant, "region": region}
    by = await check_command(store, None, by, "pin tenant", given=given, reason=reason)
    return await store.pin(tenant, region, by=by.id, reason=reason)


async def unpin_tenant(store: Store, tenant: str, *, by: Principal, reason: str) -> bool:
    """Let a tenant be anywhere; False when it was so. Raises `NotAllowedError`."""
    check_of_system("unpin a tenant", tenant, by, reason)
    by = await check_command(store, None, by, "unpin tenant", given={"tenant": tenant}, reason=reason)
    return await store.unpin(tenant, by=by.id, reason=reason)
