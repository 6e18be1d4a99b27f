"""A case in which a person acts, is shadowed and approves, with effects that a crash can cut in two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kernel.support.errands import book, effects, pay, settle_in
from kernel.support.scenario import Scenario
from ripieno import Context, ToolError, Workflow, concurrent, function, human, merge, sequential
from ripieno.kernel.commands import AskedFor

__all__ = ["SCENARIO"]

CLERK = human("clerk", role="clerk")


@function(pure=True)
async def weigh(case: dict[str, int], context: Context) -> int:
    return (await context.use(pay, amount=case["weight"]))["paid"]


@function(pure=True)
async def route(weigh: int, context: Context) -> dict[str, Any]:
    """Would book, and says where to all the same."""
    try:
        await context.use(book, place="harbour")
    except ToolError:
        await context.now()
    return {"to": "harbour", "weight": weigh}


@function(pure=True)
async def ship(both: dict[str, Any], context: Context) -> str:
    route = both["route"]
    await context.use(pay, amount=route["weight"])
    await context.use(book, place=route["to"])
    return "shipped"


@function(pure=True)
async def file(ship: str, context: Context) -> str:
    await context.use(book, place="archive")
    return f"{ship} and filed"


FLOW = sequential(
    weigh.mode("manual", CLERK),
    concurrent(route.mode("shadow", CLERK), weigh.mode("auto", CLERK), resolve=merge(), name="both"),
    ship.mode("suggest", CLERK),
    file.mode("auto", CLERK),
)


def answered(asked: AskedFor, home: Path) -> dict[str, Any]:
    """Weigh 7, send it to the station, pay 70 for it, approve the rest."""
    del home
    if asked.title == "the work of weigh":
        return {"output": 7}
    if asked.title == "the work of route":
        return {"output": {"to": "station", "weight": 7}}
    if asked.about == "shipped":
        return {"proceed": True, "output": "shipped by hand"}
    return {
        "proceed": True,
        **({"arguments": {"amount": 70}} if "amount" in asked.about["arguments"] else {}),
    }


SCENARIO = Scenario(Workflow("by-modes", FLOW), lambda: {"weight": 7}, settle_in, effects, answered)
