"""A workflow with one of everything that a crash can cut in two, against a ledger that takes every call."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kernel.support.ledger import Ledger
from kernel.support.scenario import Scenario
from ripieno import (
    Call,
    Context,
    Outcome,
    ToolError,
    Workflow,
    branch,
    concurrent,
    function,
    human,
    loop,
    map_over,
    merge,
    sequential,
    tool,
    when,
)
from ripieno.kernel.commands import AskedFor

__all__ = ["SCENARIO", "WORKFLOW"]

FOLDER = "ERRANDS_FOLDER"


def ledger_in(home: Path) -> Ledger:
    return Ledger(home / "ledger.jsonl")


def ledger() -> Ledger:
    return ledger_in(Path(os.environ[FOLDER]))


# -- what it does to the world ------------------------------------------------------------------------


@tool(on_uncertain="retry", timeout="5s")
def pay(amount: int, call: Call) -> dict[str, int]:
    """Pay somebody who knows the key: what is paid twice under one key is paid once."""
    ledger().enter(f"pay {amount}", call.key)
    return {"paid": amount}


def find_booking(place: str, call: Call) -> dict[str, str] | None:
    return {"booked": place} if ledger().find(call.key) else None


@tool(on_uncertain=find_booking, timeout="5s")
def book(place: str, call: Call) -> dict[str, str]:
    """Books twice when asked twice."""
    ledger().enter(f"book {place}", call.key)
    return {"booked": place}


@tool(on_uncertain=find_booking, timeout="5s", attempts=2)
async def book_or_refuse(place: str, call: Call) -> dict[str, str]:
    """Refuses what lies too far away, and so definitely has no effect then."""
    if place == "moon":
        msg = "too far away"
        raise ToolError(msg)
    ledger().enter(f"book {place}", call.key)
    return {"booked": place}


@function
def send_letter(weigh: dict[str, Any]) -> dict[str, Any]:
    """Nobody can tell afterwards but a person who looks."""
    ledger().enter(f"letter {weigh['weight']}")
    return {"letter": weigh["weight"]}


# -- the participants ---------------------------------------------------------------------------------


@function(pure=True)
def weigh(input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - bound by this name
    return {"weight": sum(input["parcels"])}


@function(pure=True)
async def quote(weigh: dict[str, Any], context: Context) -> dict[str, Any]:
    if context.path.endswith("@1"):
        msg = "the first quote is never any good"
        raise RuntimeError(msg)
    return {"price": weigh["weight"] * 2}


@function(pure=True)
async def reserve(weigh: dict[str, Any], context: Context) -> Outcome:
    await context.now()
    chosen = await context.choose("where", "harbour", offered=["harbour", "station"], because=weigh)
    try:
        booked = await context.use(book, place=chosen)
    except ToolError as error:
        return Outcome("failed", reason=str(error))
    return Outcome("complete", booked)


@function(pure=True)
async def settle(quote: dict[str, Any], context: Context) -> dict[str, Any]:
    return await context.use(pay, amount=quote["price"])


@function(pure=True)
async def ship(parcel: int, context: Context) -> dict[str, Any]:
    return await context.use(book_or_refuse, place=f"berth {parcel}")


@function(pure=True)
async def insist(weigh: dict[str, Any], context: Context) -> str:
    """Wakes up in every round, so that segments are written soon."""
    await context.sleep(0.001)
    before = weigh["weight"]
    paid = await context.use(pay, amount=before + int(context.path.rpartition("@")[2]))
    return f"paid {paid['paid']}"


@function(pure=True)
def lift(weigh: dict[str, Any]) -> str:
    return f"a crane for {weigh['weight']}"


@function(pure=True)
def carry(weigh: dict[str, Any]) -> str:
    return f"by hand: {weigh['weight']}"


@function(pure=True)
def receipt(arrange: dict[str, Any], shipped: list[Any], handled: str, insisting: str) -> dict[str, Any]:
    return {"arranged": arrange, "shipped": shipped, "handled": handled, "last": insisting}


WORKFLOW = Workflow(
    "errands",
    sequential(
        weigh,
        quote.retry(2, backoff="1ms"),
        concurrent(
            reserve, settle, send_letter, human("clerk", role="clerk"), resolve=merge(), name="arrange"
        ),
        map_over("input.parcels", ship, width=2, name="shipped"),
        branch({when("weigh.weight > 100"): lift}, otherwise=carry, name="handled"),
        loop(insist, until=lambda names: names["insist"] == "paid 11", rounds=9, name="insisting"),
        receipt,
    ),
)


# -- as a scenario ------------------------------------------------------------------------------------


def settle_in(home: Path) -> None:
    os.environ[FOLDER] = str(home)


def effects(home: Path) -> list[str]:
    """Give what took effect; payments count once per key, everything else as often as it was done."""
    entries = ledger_in(home).entries()
    paid = {entry.key: entry.act for entry in entries if entry.act.startswith("pay")}
    return sorted([*paid.values(), *(entry.act for entry in entries if not entry.act.startswith("pay"))])


def answered(asked: AskedFor, home: Path) -> dict[str, Any]:
    """Answer as the clerk, or as the operator who looks whether the letter went out."""
    if asked.row.kind == "task":
        return {"proceed": True}
    sent = [entry.act for entry in ledger_in(home).entries() if entry.act.startswith("letter")]
    return {"happened": True, "result": {"letter": int(sent[0].split()[1])}} if sent else {"happened": False}


SCENARIO = Scenario(WORKFLOW, lambda: {"parcels": [1, 2, 3]}, settle_in, effects, answered)
