"""A chat that an operator's signal ends, whenever it comes: after the chair's turn in which it was given."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from kernel.support.ledger import Ledger
from kernel.support.scenario import Scenario
from ripieno import Call, Context, Workflow, external, function, group_chat, human, rounds, sequential, tool
from ripieno.identity.local import local_operator
from ripieno.journal.store import Store
from ripieno.kernel import operators
from ripieno.kernel.clock import Clock
from ripieno.kernel.commands import AskedFor
from ripieno.model.errors import RefusedError

__all__ = ["SCENARIO"]

FOLDER = "SIGNALLED_FOLDER"
OPERATOR = local_operator({"RIPIENO_PRINCIPAL": "op"})


def ledger_in(home: Path) -> Ledger:
    return Ledger(home / "ledger.jsonl")


@tool(on_uncertain="retry", timeout="5s")
def pay(what: str, call: Call) -> str:
    ledger_in(Path(os.environ[FOLDER])).enter(f"pay for {what}", call.key)
    return what


@function(pure=True)
async def speaker(turn: dict[str, Any], context: Context) -> str:
    return await context.use(pay, what=f"turn {len(turn['messages']) + 1}")


@function(pure=True)
async def last_word(turn: dict[str, Any], context: Context) -> list[Any]:
    said = turn["signals"]["recall"]
    return [await context.use(pay, what="the end"), said["by"], said["reason"], said["content"]]


@function(pure=True)
async def refund(context: Context) -> str:
    return await context.use(pay, what="the refund")


CHAIR = human("chair", role="chair")
TALK = group_chat(speaker, CHAIR, until=external("recall") | rounds(9), otherwise=last_word, name="talk")
WORKFLOW = Workflow("signalled", sequential(TALK.on_failure("continue"), refund))


async def operate(store: Store, clock: Clock) -> None:
    """Give the signal when the chair is asked for the second time, before anybody answers."""
    for row in await store.questions():
        if "chair@2" in row.path:
            with suppress(RefusedError):
                run = await store.run(row.run)
                said = {"reason": "it was recalled", "operation": "op-signal"}
                await operators.signal(
                    store, clock, run, "recall", by=OPERATOR, content={"batch": 7}, names=["recall"], **said
                )


def settle_in(home: Path) -> None:
    os.environ[FOLDER] = str(home)


def effects(home: Path) -> list[str]:
    return sorted({entry.key: entry.act for entry in ledger_in(home).entries()}.values())


def answered(asked: AskedFor, home: Path) -> Any:
    del asked, home
    return {"proceed": True}


SCENARIO = Scenario(WORKFLOW, lambda: None, settle_in, effects, answered, operate=operate)
