"""Ended child runs, one within another, whose effects are taken back: by a losing branch, then by all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from kernel.support.errands import find_booking, ledger, ledger_in, settle_in
from kernel.support.scenario import Scenario
from kernel.support.taken_back import find_release, post
from ripieno import (
    Call,
    Confidence,
    Context,
    Function,
    Outcome,
    Workflow,
    concurrent,
    function,
    highest_confidence,
    human,
    sequential,
    subworkflow,
    tool,
)
from ripieno.kernel.commands import AskedFor

__all__ = ["SCENARIO", "WORKFLOW"]


@tool(on_uncertain=find_release, timeout="5s")
def release(booked: str, call: Call) -> str:
    """Releases twice when asked twice."""
    ledger().enter(f"release {booked}", call.key)
    return "released"


@tool(on_uncertain=find_booking, undo=release, timeout="5s")
def reserve(place: str, call: Call) -> dict[str, str]:
    ledger().enter(f"reserve {place}", call.key)
    return {"booked": place}


def reserves(name: str, place: str) -> Function:
    async def act(context: Context) -> str:
        await context.use(reserve, place=place)
        return place

    return Function(act, name=name, pure=True)


@function(pure=True)
async def writes(context: Context) -> str:
    await context.use(post, letter="of invitation")
    return "written"


@function(pure=True)
async def plane() -> Outcome:
    return Outcome("complete", "plane", confidence=Confidence(0.9, "by test"))


SEATS = Workflow("seats", sequential(reserves("first", "seat 1"), reserves("second", "seat 2")))
HOTEL = Workflow("hotel", reserves("room", "room"))
STAY = Workflow("stay", sequential(writes, subworkflow(HOTEL)))
WORKFLOW = Workflow(
    "journey",
    sequential(
        concurrent(subworkflow(SEATS), plane, resolve=highest_confidence(), losers="undo", name="travel"),
        subworkflow(STAY),
        human("traveller", role="traveller"),
    ),
)


def effects(home: Path) -> list[str]:
    """Give what took effect; letters count once per key, and the order in which seats go."""
    entries = ledger_in(home).entries()
    letters = {entry.key: entry.act for entry in entries if entry.act.startswith("pay")}
    others = [entry.act for entry in entries if not entry.act.startswith("pay")]
    seats = [act for act in others if act.startswith("release seat")]
    return [*sorted([*letters.values(), *others]), *seats]


def answered(asked: AskedFor, home: Path) -> dict[str, Any]:
    """Answer as the operator: what cannot be undone stands; what is in doubt is looked up."""
    del home
    return {"happened": False} if asked.row.kind == "uncertain" else {"undone": False, "note": asked.title}


def comparable(outcome: dict[str, Any]) -> dict[str, Any]:
    """Leave out the ids of runs."""
    return {**outcome, "reason": re.sub(r" of run \w+", "", outcome["reason"])}


SCENARIO = Scenario(
    WORKFLOW,
    lambda: None,
    settle_in,
    effects,
    answered,
    comparable,
    cancels=lambda asked: asked.row.role == "traveller",
)
