"""`ripieno budgets set|list|clear`: what a tenant and its teams may spend in a month."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from cyclopts import Parameter

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, note, write
from ripieno.cli.session import opened
from ripieno.cli.settings import Settings
from ripieno.journal.budgets import BudgetRow, month_of
from ripieno.kernel.budgeting import clear_budget, set_budget
from ripieno.kernel.clock import SystemClock
from ripieno.model.errors import NotFoundError
from ripieno.model.spending import dollars

__all__ = ["clear_one", "list_budgets", "set_one"]

CLOCK = SystemClock()


def set_one(
    cost_usd: str,
    /,
    *,
    team: str = "",
    hard: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> int:
    """Set what may be spent in a calendar month (UTC). At 50, 80 and 100 % an event says so.

    Parameters
    ----------
    cost_usd
        US dollars, such as 200 or 0.50.
    team
        The owner of the workflows that it is for; the whole tenant when left out.
    hard
        Let what has no room in it wait, until there is some or the month is over.

    """
    return asyncio.run(_set(options.settle(), cost_usd, team, hard=hard))


async def _set(settings: Settings, cost_usd: str, team: str, *, hard: bool) -> int:
    async with opened(settings) as store:
        await set_budget(store, CLOCK, cost_usd, by=settings.principal, team=team, hard=hard)
    return await _show(settings)


def list_budgets(*, options: Options = DEFAULTS) -> int:
    """List the budgets, and what is spent and reserved of each this month."""
    return asyncio.run(_show(options.settle()))


async def _show(settings: Settings) -> int:
    rows: list[BudgetRow] = []
    month = month_of(CLOCK.now())
    try:
        async with opened(settings) as store:
            rows = list(await store.budgets(settings.principal.tenant, month))
    except NotFoundError as error:
        note(str(error))
    table = listing("for", "a month", "", f"spent in {month}", "reserved", "")
    for row in rows:
        share = f"{row.spent * 100 // row.cost} %"
        kind = "hard" if row.hard else "alerts only"
        whose = clean(f"team {row.team}" if row.team else "the tenant", style="bold")
        table.add_row(whose, dollars(row.cost), kind, dollars(row.spent), dollars(row.reserved), share)
    write(settings.output, [document(row, month) for row in rows], table if rows else None)
    if not rows:
        note("no budget is set")
    return Exit.OK


def document(row: BudgetRow, month: str) -> dict[str, Any]:
    """Give a budget as programs read it."""
    return {
        "team": row.team or None,
        "cost_usd": dollars(row.cost),
        "hard": row.hard,
        "by": row.by,
        "month": month,
        "spent_usd": dollars(row.spent),
        "reserved_usd": dollars(row.reserved),
    }


def clear_one(*, team: str = "", options: Options = DEFAULTS) -> int:
    """Let the tenant, or a team, spend as it likes.

    Parameters
    ----------
    team
        Whose budget is cleared; the tenant's own when left out.

    """
    return asyncio.run(_clear(options.settle(), team))


async def _clear(settings: Settings, team: str) -> int:
    async with opened(settings) as store:
        done = await clear_budget(store, by=settings.principal, team=team)
    if not done:
        note("there was none")
    return await _show(settings)
