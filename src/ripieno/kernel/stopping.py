"""The kill switch: stopping anything from one run to the whole system, and releasing it again."""

from __future__ import annotations

from typing import Final

from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_command
from ripieno.model.errors import InputError, NotAllowedError, nearest
from ripieno.model.principal import Principal
from ripieno.model.stop import EVERYTHING, STOPPABLE, Stop, Stoppable

__all__ = ["SYSTEM_ROLE", "release", "stands_against", "stop"]

SYSTEM_ROLE: Final = "system-operator"
"""The role that may stop everything, for every tenant."""


def verb_of(what: Stoppable) -> str:
    """Give what policies call stopping it, or letting it go on."""
    return "stop everything" if what == "everything" else "stop"


async def stop(store: Store, what: Stoppable, name: str = "", *, by: Principal, reason: str) -> bool:
    """Let nothing new begin in what is named; durable and in force when this returns.

    No visit begins, no call is claimed, no child run made and nobody asked; what is claimed is awaited
    and recorded. What is held waits at no cost until the stop is released or its run is cancelled, across
    restarts. `name` is a run's whole id, a workflow's or tool's name, `participant` or
    `workflow/participant`; a tenant is the principal's own, and everything has no name.

    Gives False when it was stopped already. Raises `NotAllowedError` without the role `operator`, for
    everything `system-operator`, and `InputError` without a reason or for what cannot be stopped.
    """
    if not reason.strip():
        msg = "a stop needs a reason: whoever meets it is told"
        raise InputError(msg)
    tenant, name = named(what, name, by)
    verb, given = verb_of(what), {"stop": what, "name": name}
    by = await check_command(store, None, by, verb, given=given, reason=reason)
    return await store.stop(tenant, what, name, by=by.id, reason=reason)


async def release(
    store: Store, what: Stoppable, name: str = "", *, by: Principal, reason: str | None = None
) -> bool:
    """Release a stop: what it held goes on where it stood. Gives False when there was none.

    Raises as `stop` does.
    """
    tenant, name = named(what, name, by)
    verb, given = verb_of(what), {"release": what, "name": name}
    by = await check_command(store, None, by, verb, given=given, reason=reason)
    return await store.let_go(tenant, what, name, by=by.id, reason=reason)


def stands_against(store: Store, by: Principal) -> tuple[Stop, ...]:
    """Give the stops that a principal's tenant has to heed, oldest first."""
    return tuple(stop for stop in store.stops.rows if stop.tenant in (by.tenant, EVERYTHING))


def named(what: Stoppable, name: str, by: Principal) -> tuple[str, str]:
    """Give tenant and name under which something is stopped, once `by` is found to be allowed to."""
    if what not in STOPPABLE:
        msg = f"{what!r} cannot be stopped{nearest(what, STOPPABLE)}; expected {', '.join(STOPPABLE)}"
        raise InputError(msg)
    if what == "everything":
        if name:
            msg = f"everything has no name, got {name!r}"
            raise InputError(msg)
        if not by.holds(SYSTEM_ROLE):
            msg = f"to stop or release everything is for role {SYSTEM_ROLE!r}; {by.id} does not hold it"
            raise NotAllowedError(msg)
        return EVERYTHING, ""
    if what == "tenant" and name not in ("", by.tenant):
        msg = f"{by.id} belongs to tenant {by.tenant!r} and cannot stop or release another one"
        raise NotAllowedError(msg)
    if what != "tenant" and not name.strip():
        msg = f"which {what}? Give its name"
        raise InputError(msg)
    return by.tenant, by.tenant if what == "tenant" else name
