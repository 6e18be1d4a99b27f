"""A run whose tool is stopped when it is about to be used, and released when the run stands still."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kernel.support.ledger import Ledger
from kernel.support.scenario import Scenario
from ripieno import Call, Context, Workflow, concurrent, function, human, merge, sequential, tool
from ripieno.identity.local import local_operator
from ripieno.journal.records import RunFilter
from ripieno.journal.store import Store
from ripieno.kernel.clock import Clock
from ripieno.kernel.commands import AskedFor
from ripieno.kernel.stopping import release, stop

__all__ = ["SCENARIO"]

FOLDER = "HALTED_FOLDER"
OPERATOR = local_operator({"RIPIENO_PRINCIPAL": "op"})


def ledger_in(home: Path) -> Ledger:
    return Ledger(home / "ledger.jsonl")


@tool(on_uncertain="retry", timeout="5s")
def pay(amount: int, call: Call) -> int:
    ledger_in(Path(os.environ[FOLDER])).enter(f"pay {amount}", call.key)
    return amount


@function(pure=True)
async def deposit(context: Context) -> int:
    return await context.use(pay, amount=10)


@function(pure=True)
async def settle(context: Context) -> int:
    return await context.use(pay, amount=20) + await context.use(pay, amount=30)


WORKFLOW = Workflow(
    "halted",
    sequential(deposit, concurrent(human("clerk", role="clerk"), settle, resolve=merge(), name="both")),
)


async def operate(store: Store, clock: Clock) -> None:
    """Stop the tool while the clerk is asked, and release it once it holds the run."""
    del clock
    for run in await store.runs(RunFilter(statuses=("stopped",))):
        await release(store, "tool", "pay", by=OPERATOR, reason=f"{run.id} stands still")
    if await store.questions():
        await stop(store, "tool", "pay", by=OPERATOR, reason="nobody is there to look")


def settle_in(home: Path) -> None:
    os.environ[FOLDER] = str(home)


def effects(home: Path) -> list[str]:
    return sorted({entry.key: entry.act for entry in ledger_in(home).entries()}.values())


def answered(asked: AskedFor, home: Path) -> Any:
    del asked, home
    return {"proceed": True}


SCENARIO = Scenario(WORKFLOW, lambda: None, settle_in, effects, answered, operate=operate)
