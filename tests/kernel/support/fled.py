"""Two branches of which one calls the same too often, while the other does its work."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kernel.support.ledger import Ledger
from kernel.support.scenario import Scenario
from ripieno import Call, Context, Limits, Rate, Runaway, Workflow, concurrent, function, merge, tool
from ripieno.kernel.commands import AskedFor

__all__ = ["SCENARIO"]

FOLDER = "FLED_FOLDER"


def ledger_in(home: Path) -> Ledger:
    return Ledger(home / "ledger.jsonl")


@tool(on_uncertain="retry", timeout="5s")
def pay(amount: int, call: Call) -> int:
    ledger_in(Path(os.environ[FOLDER])).enter(f"pay {amount}", call.key)
    return amount


@tool(on_uncertain="retry", timeout="5s")
def post(letter: int, call: Call) -> int:
    ledger_in(Path(os.environ[FOLDER])).enter(f"post {letter}", call.key)
    return letter


@function(pure=True)
async def stubborn(context: Context) -> None:
    for _ in range(3):
        await context.use(pay, amount=10)


@function(pure=True)
async def hasty(context: Context) -> None:
    for letter in range(3):
        await context.use(post, letter=letter)


WORKFLOW = Workflow(
    "fled",
    concurrent(stubborn, hasty, resolve=merge(), on_failure="collect", name="both"),
    limits=Limits(runaway=Runaway(repeats=2, rates={"post": Rate(2, "52w")})),
)


def settle_in(home: Path) -> None:
    os.environ[FOLDER] = str(home)


def effects(home: Path) -> list[str]:
    return sorted({entry.key: entry.act for entry in ledger_in(home).entries()}.values())


def answered(asked: AskedFor, home: Path) -> Any:
    del asked, home
    return {"proceed": True}


SCENARIO = Scenario(WORKFLOW, lambda: None, settle_in, effects, answered)
