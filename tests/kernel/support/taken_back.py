"""A workflow that takes back what a losing branch did, and everything else when it is cancelled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kernel.support.errands import find_booking, ledger, ledger_in, settle_in
from kernel.support.scenario import Scenario
from ripieno import (
    Call,
    Confidence,
    Context,
    Outcome,
    ToolError,
    Workflow,
    concurrent,
    function,
    highest_confidence,
    human,
    sequential,
    tool,
)
from ripieno.kernel.commands import AskedFor

__all__ = ["SCENARIO", "WORKFLOW"]


def find_release(call: Call) -> str | None:
    return "released" if ledger().find(call.key) else None


@tool(on_uncertain=find_release, timeout="5s")
def release(booked: str, call: Call) -> str:
    """Releases twice when asked twice."""
    ledger().enter(f"release {booked}", call.key)
    return "released"


@tool(on_uncertain="retry", timeout="5s")
def pay_back(arguments: dict[str, int], result: Any, call: Call) -> str:
    """Knows the key: what is paid back twice under one key is paid back once."""
    ledger().enter(f"pay back {arguments['amount']} of {result['paid']}", call.key)
    return "paid back"


def recall(letter: str) -> None:
    msg = f"letter {letter} was delivered"
    raise ToolError(msg)


@tool(on_uncertain=find_booking, undo=release, timeout="5s")
def reserve(place: str, call: Call) -> dict[str, str]:
    ledger().enter(f"reserve {place}", call.key)
    return {"booked": place}


@tool(on_uncertain="retry", undo=pay_back, timeout="5s")
def transfer(amount: int, call: Call) -> dict[str, int]:
    ledger().enter(f"pay {amount}", call.key)
    return {"paid": amount}


@tool(on_uncertain="retry", undo=tool(attempts=1)(recall), timeout="5s")
def post(letter: str, call: Call) -> dict[str, str]:
    ledger().enter(f"pay for letter {letter}", call.key)
    return {"letter": letter}


@tool(on_uncertain="retry", timeout="5s")
def shout(words: str, call: Call) -> None:
    """Nothing takes this back."""
    ledger().enter(f"pay to shout {words}", call.key)


@function(pure=True)
async def seats(context: Context) -> str:
    await context.use(reserve, place="seat 1")
    await context.use(reserve, place="seat 2")
    return "seats"


@function(pure=True)
async def deposit(context: Context) -> Outcome:
    await context.use(transfer, amount=5)
    await context.use(shout, words="hello")
    return Outcome("complete", "train", confidence=Confidence(0.2, "by test"))


@function(pure=True)
async def plane(context: Context) -> Outcome:
    await context.use(reserve, place="plane")
    return Outcome("complete", "plane", confidence=Confidence(0.9, "by test"))


@function(pure=True)
async def announce(context: Context) -> str:
    await context.use(post, letter="of invitation")
    await context.use(transfer, amount=7)
    return "announced"


TRAIN = sequential(seats, deposit, name="train")
WORKFLOW = Workflow(
    "journey",
    sequential(
        concurrent(TRAIN, plane, resolve=highest_confidence(), losers="undo", name="travel"),
        announce,
        human("traveller", role="traveller"),
    ),
)


def effects(home: Path) -> list[str]:
    """Give what took effect; payments and letters count once per key, and the order in which seats go."""
    entries = ledger_in(home).entries()
    keyed = {entry.key: entry.act for entry in entries if entry.act.startswith("pay")}
    others = [entry.act for entry in entries if not entry.act.startswith("pay")]
    seats = [act for act in others if act.startswith("release seat")]
    return [*sorted([*keyed.values(), *others]), *seats]


def answered(asked: AskedFor, home: Path) -> dict[str, Any]:
    """Answer as the operator: what cannot be undone stands; what is in doubt is looked up."""
    del home
    return {"happened": False} if asked.row.kind == "uncertain" else {"undone": False, "note": asked.title}


SCENARIO = Scenario(
    WORKFLOW,
    lambda: None,
    settle_in,
    effects,
    answered,
    cancels=lambda asked: asked.row.role == "traveller",
)
