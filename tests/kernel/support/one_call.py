"""A workflow of one call that has to be sent soon after it was claimed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kernel.support.ledger import Ledger
from kernel.support.scenario import Scenario
from ripieno import Call, Context, Workflow, function, sequential, tool
from ripieno.kernel.commands import AskedFor

__all__ = ["SCENARIO"]

FOLDER = "ONE_CALL_FOLDER"


def ledger_in(home: Path) -> Ledger:
    return Ledger(home / "ledger.jsonl")


@tool(on_uncertain="ask", timeout="1s")
def ring(door: str, call: Call) -> str:
    ledger_in(Path(os.environ[FOLDER])).enter(f"ring at {door}", call.key)
    return "rung"


@function(pure=True)
async def visit(input: str, context: Context) -> str:  # noqa: A002 - bound by this name
    return await context.use(ring, door=input)


def settle_in(home: Path) -> None:
    os.environ[FOLDER] = str(home)


def effects(home: Path) -> list[str]:
    return sorted(entry.act for entry in ledger_in(home).entries())


def answered(asked: AskedFor, home: Path) -> dict[str, Any]:
    """Answer nothing: what was not sent leaves no doubt."""
    raise AssertionError(asked.title, home)


SCENARIO = Scenario(
    Workflow("one-call", sequential(visit)), lambda: "the green door", settle_in, effects, answered
)
