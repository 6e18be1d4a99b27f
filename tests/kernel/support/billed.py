"""Two calls that cost something, and money that is spent without a tool."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from kernel.support.scenario import Scenario
from ripieno import Call, Context, Cost, Workflow, concurrent, function, merge, tool
from ripieno.identity.local import local_operator
from ripieno.journal.store import Store
from ripieno.kernel.budgeting import set_budget
from ripieno.kernel.clock import Clock, SystemClock
from ripieno.kernel.commands import AskedFor

__all__ = ["SCENARIO"]

OPERATOR = local_operator({"RIPIENO_PRINCIPAL": "op"})
BOOKS = {
    "spent": "SELECT team || ' spent ' || sum(cost) FROM spent_months GROUP BY team",
    "reserved": "SELECT 'reserved ' || count(*) FROM reserved",
    "told": "SELECT 'told ' || count(*) FROM events WHERE kind = 'budget.alert'",
}


@tool(effect="read", cost=Cost(cost_usd="0.10"), on_uncertain="retry", timeout="5s")
def ask_model(cents: int, call: Call) -> int:
    call.spent(cost_usd=f"0.{cents:02}")
    return cents


@function(pure=True)
async def ask(context: Context) -> int:
    return await context.use(ask_model, cents=7)


@function(pure=True)
async def ask_and_buy(context: Context) -> int:
    found = await context.use(ask_model, cents=3)
    await context.spend(cost_usd="0.05")
    return found


WORKFLOW = Workflow("billed", concurrent(ask, ask_and_buy, resolve=merge(), name="both"), owner="research")


async def operate(store: Store, clock: Clock) -> None:
    """Set a budget that is never reached as soon as there is anything."""
    del clock
    if not await store.budgets("default", "2000-01"):
        await set_budget(store, SystemClock(), "9", by=OPERATOR, hard=True)


def effects(home: Path) -> list[str]:
    """Give what the books say."""
    with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
        return [row[0] for statement in BOOKS.values() for row in connection.execute(statement)]


def answered(asked: AskedFor, home: Path) -> Any:
    del asked, home
    return {"proceed": True}


SCENARIO = Scenario(WORKFLOW, lambda: None, lambda _: None, effects, answered, operate=operate)
