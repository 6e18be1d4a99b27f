"""Work that one process is at until it is told to go on, while operators act on it from another.

What the run does beside its call is chosen by the file `case` in the data folder.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from kernel.support.scenario import Scenario
from ripieno import (
    Call,
    Context,
    Cost,
    Workflow,
    ask,
    branch,
    concurrent,
    external,
    function,
    group_chat,
    human,
    merge,
    rounds,
    sequential,
    tool,
    when,
)
from ripieno.kernel.commands import AskedFor
from ripieno.participants.base import BaseParticipant

__all__ = ["CASES", "SCENARIO"]

FOLDER = "ATTENDED_FOLDER"
LOOK_SECONDS = 0.005


def folder() -> Path:
    return Path(os.environ[FOLDER])


@tool(on_uncertain="retry", timeout="20s")
async def hold(call: Call) -> str:
    """Take until the file `go` is there."""
    del call
    while not (folder() / "go").exists():  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(LOOK_SECONDS)
    return "held"


@tool(effect="read", cost=Cost(tokens=60, cost_usd="0.60"))
def buy(call: Call) -> str:
    call.spent(tokens=60, cost_usd="0.60")
    return "bought"


@function(pure=True)
async def holds(context: Context) -> str:
    return await context.use(hold)


@function(pure=True)
async def buys(context: Context) -> str:
    return await context.use(buy)


@function(pure=True)
def thinks() -> str:
    return "thought"


@function(pure=True)
def last(previous: object) -> object:
    return {"last": previous}


def beside(name: str, other: BaseParticipant) -> BaseParticipant:
    """Do something beside the call."""
    return concurrent(holds, other, resolve=merge(), name=name)


CASES: dict[str, BaseParticipant] = {
    "tokens": buys.limit(tokens=50, on_exhausted=ask("treasurer")),
    "money": buys.limit(cost_usd="0.50", on_exhausted=ask("treasurer")),
    "clerk": human("clerk", role="clerk"),
    "chat": group_chat(
        thinks,
        human("chair", role="chair"),
        until=external("recall") | rounds(9),
        otherwise=thinks,
        name="chat",
    ),
    "nothing": thinks,
}
FLOW = branch(
    {when(f"input == {name!r}"): beside(f"beside-{name}", other) for name, other in CASES.items()},
    name="cases",
)
WORKFLOW = Workflow("attended", sequential(FLOW, last))


def settle_in(home: Path) -> None:
    os.environ[FOLDER] = str(home)


def given() -> str:
    return (folder() / "case").read_text("utf-8")


def effects(home: Path) -> list[str]:
    del home
    return []


def answered(asked: AskedFor, home: Path) -> Any:
    del asked, home
    return {"proceed": True}


SCENARIO = Scenario(WORKFLOW, given, settle_in, effects, answered)
