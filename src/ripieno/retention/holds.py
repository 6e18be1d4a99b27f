"""Legal holds: what is named is not erased, by whomever and whatever else says so, until it is released."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ripieno.journal.retention import HOLDABLE, Holdable, HoldRow
from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_command
from ripieno.model.errors import InputError, NotAllowedError, nearest
from ripieno.model.principal import Principal

__all__ = ["held", "hold", "release"]

REASON: Final = "a hold needs a reason, to be set as to be released: it is what a court asks for"


async def hold(store: Store, what: Holdable, name: str = "", *, by: Principal, reason: str) -> bool:
    """Let nothing of what is named be erased; durable and in force when this returns.

    It reaches what there is and what is to come: the runs of a workflow or with a business key, child runs,
    forks and retries of a run. `name` is a run's whole id, a business key or a workflow's name; a tenant is
    the principal's own. Gives False when it was held already. Raises `NotAllowedError` where policy does not
    permit it, and `InputError` without a reason or for what cannot be held.
    """
    name = named(what, name, by, reason)
    by = await check_command(store, None, by, "hold", given={"hold": what, "name": name}, reason=reason)
    return await store.hold(by.tenant, what, name, by=by.id, reason=reason)


async def release(store: Store, what: Holdable, name: str = "", *, by: Principal, reason: str) -> bool:
    """Let it be erased again. Gives False when it was not held. Raises as `hold` does."""
    name = named(what, name, by, reason)
    by = await check_command(store, None, by, "hold", given={"release": what, "name": name}, reason=reason)
    return await store.unhold(by.tenant, what, name, by=by.id, reason=reason)


def held(store: Store, by: Principal) -> Sequence[HoldRow]:
    """Give what is held in a principal's tenant, oldest first."""
    return store.holds(by.tenant)


def named(what: Holdable, name: str, by: Principal, reason: str) -> str:
    """Give the name under which something is held."""
    if what not in HOLDABLE:
        msg = f"{what!r} cannot be held{nearest(what, HOLDABLE)}; expected {', '.join(HOLDABLE)}"
        raise InputError(msg)
    if not reason.strip():
        raise InputError(REASON)
    if what == "tenant":
        if name not in ("", by.tenant):
            msg = f"{by.id} belongs to tenant {by.tenant!r} and cannot hold or release another one"
            raise NotAllowedError(msg)
        return by.tenant
    if not name.strip():
        msg = f"which {what}? Give its name"
        raise InputError(msg)
    return name
