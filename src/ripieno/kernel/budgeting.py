"""Setting what a tenant and its teams may spend in a month."""

from __future__ import annotations

from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_command
from ripieno.kernel.clock import Clock
from ripieno.model.errors import InputError
from ripieno.model.principal import Principal
from ripieno.model.spending import Money, micros

__all__ = ["clear_budget", "set_budget"]

LONGEST = 200


async def set_budget(
    store: Store, clock: Clock, cost_usd: Money, *, by: Principal, team: str = "", hard: bool = False
) -> None:
    """Set what the tenant of `by`, or a team of it, may spend in a calendar month (UTC); in force at once.

    A team is the `owner` that a workflow declares. At 50, 80 and 100 % an event of the tenant's log says so,
    once in a month each. A `hard` budget also holds what has no room in it, at the most that each act can
    cost: it waits until something else is settled for less, the budget is raised, or the month is over.

    Raises `NotAllowedError` without the role `operator`, and `InputError` for what is no amount of money.
    """
    by.check_scope("policy.change")
    cost = micros(cost_usd)
    given = {"team": team, "cost": cost, "hard": hard}
    by = await check_command(store, None, by, "budget", given=given, reason=None)
    if not cost:
        msg = "a budget must be more than nothing; ripieno stop tenant lets nothing be spent"
        raise InputError(msg)
    if len(team) > LONGEST:
        msg = f"the name of a team must be at most {LONGEST} letters, got {team!r}"
        raise InputError(msg)
    await store.set_budget(by.tenant, team, cost, hard=hard, by=by.id, at=clock.now())


async def clear_budget(store: Store, *, by: Principal, team: str = "") -> bool:
    """Let the tenant of `by`, or a team of it, spend as it likes; False when it had no budget."""
    by.check_scope("policy.change")
    by = await check_command(store, None, by, "budget", given={"clear": team}, reason=None)
    return await store.clear_budget(by.tenant, team, by=by.id)
