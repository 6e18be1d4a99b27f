"""Deleting a tenant whole: what all of its runs hold, and what its own log holds."""

from __future__ import annotations

from typing import Final

from ripieno.journal.records import RunFilter
from ripieno.journal.retention import Doomed
from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_command
from ripieno.kernel.stopping import SYSTEM_ROLE
from ripieno.model.errors import InputError, NotAllowedError, RefusedError
from ripieno.model.ids import short
from ripieno.model.principal import Principal
from ripieno.model.stop import EVERYTHING
from ripieno.retention.sweeping import AT_ONCE

__all__ = ["check_of_system", "delete_tenant"]

GOING: Final = ("running", "waiting", "paused", "stopped", "needs_version", "blocked")


async def delete_tenant(store: Store, tenant: str, *, by: Principal, reason: str) -> int:
    """Destroy every value and key of a tenant's runs and of its own log; give how many values.

    What remains is structure: events without values, names in clear. Nothing is done in it any more, and its
    name stays taken. One that dies on the way is taken up by whoever says so again. Raises
    `NotAllowedError` without the role `system-operator`, and `RefusedError` while a run of it is under way,
    or anything is held.
    """
    check_of_system("delete a tenant", tenant, by, reason)
    by = await check_command(store, None, by, "delete tenant", given={"tenant": tenant}, reason=reason)
    refuse_held(store, tenant)
    for row in await store.runs(RunFilter(tenant, GOING, limit=1)):
        msg = f"tenant {tenant!r} is not deleted: run {short(row.id)} of it has not ended ({row.status})"
        raise RefusedError(msg, remedy="end its runs first; ripieno workflows drain keeps new ones away")
    values = 0
    while runs := store.unerased(tenant, AT_ONCE):
        values += await store.erase(tenant, [Doomed(run) for run in runs], by=by.id, reason=reason)
    return values + await store.delete_tenant(tenant, by=by.id, reason=reason)


def check_of_system(act: str, tenant: str, by: Principal, reason: str) -> None:
    """Raise `InputError` for what is no tenant, or no reason, and `NotAllowedError` without the role."""
    if not reason.strip():
        msg = f"to {act} needs a reason"
        raise InputError(msg)
    if tenant in ("", EVERYTHING):
        msg = f"{tenant!r} is the system itself, and not a tenant"
        raise InputError(msg)
    if not by.holds(SYSTEM_ROLE):
        msg = f"to {act} is for role {SYSTEM_ROLE!r}; {by.id} does not hold it"
        raise NotAllowedError(msg)


def refuse_held(store: Store, tenant: str) -> None:
    """Raise `RefusedError` where anything of a tenant is held: before a single run of it is erased."""
    for one in store.holds(tenant):
        msg = f"tenant {tenant!r} is not deleted: a hold on {one.what} {one.name}, set by {one.by}, keeps it"
        raise RefusedError(msg)
