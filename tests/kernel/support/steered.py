"""A run that operators pause, resume and skip a step of, each as soon as there is a reason."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from kernel.support.ledger import Ledger
from kernel.support.scenario import Scenario
from ripieno import Call, Context, Workflow, concurrent, function, human, merge, sequential, tool
from ripieno.identity.local import local_operator
from ripieno.journal.records import RunFilter
from ripieno.journal.store import Store
from ripieno.kernel import operators
from ripieno.kernel.clock import Clock
from ripieno.kernel.commands import AskedFor
from ripieno.model.errors import RefusedError

__all__ = ["SCENARIO"]

FOLDER = "STEERED_FOLDER"
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
    return await context.use(pay, amount=20)


@function(pure=True)
async def refund(context: Context) -> int:
    return await context.use(pay, amount=30)


WORKFLOW = Workflow(
    "steered",
    sequential(
        deposit,
        concurrent(human("review", role="reviewer"), settle, resolve=merge(), name="both"),
        human("clerk", role="clerk"),
        refund,
    ),
)


async def operate(store: Store, clock: Clock) -> None:
    """Skip the review when it is asked for, pause when the clerk is asked, resume what is paused."""
    for row in await store.questions():
        with suppress(RefusedError):
            run = await store.run(row.run)
            visit = row.path.rpartition("/ask/")[0]
            if "review" in visit:
                said = {"reason": "on leave", "operation": "op-skip"}
                await operators.skip(store, clock, run, visit, by=OPERATOR, output="skipped", **said)
            elif "clerk" in visit:
                await operators.pause(store, clock, run, by=OPERATOR, operation="op-pause")
    for run in await store.runs(RunFilter(statuses=("paused",))):
        with suppress(RefusedError):
            await operators.resume(store, clock, run, by=OPERATOR)


def settle_in(home: Path) -> None:
    os.environ[FOLDER] = str(home)


def effects(home: Path) -> list[str]:
    return sorted({entry.key: entry.act for entry in ledger_in(home).entries()}.values())


def answered(asked: AskedFor, home: Path) -> Any:
    del home
    if "review" in asked.row.path:
        msg = "nobody reviews anything"
        raise RefusedError(msg)
    return {"proceed": True}


SCENARIO = Scenario(WORKFLOW, lambda: None, settle_in, effects, answered, operate=operate)
