"""A case that is handed round and then talked over, with effects in every turn, for crashes to cut in two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kernel.support.errands import book, effects, pay, settle_in
from kernel.support.scenario import Scenario
from ripieno import Context, Outcome, Workflow, function, human, sequential
from ripieno.kernel.commands import AskedFor
from ripieno.patterns.conditions import rounds, verdict
from ripieno.patterns.group_chat import group_chat
from ripieno.patterns.handoff import HandOver, hand_over, handoff

__all__ = ["SCENARIO"]


@function(pure=True)
async def triage(turn: dict[str, Any], context: Context) -> Outcome:
    first = turn["from"] is None
    paid = await context.use(pay, amount=1 if first else 2)
    return hand_over("clerk" if first else "billing", because="looked at it", output=paid)


@function(pure=True)
async def billing(triage: dict[str, Any], clerk: Any, context: Context) -> Outcome:
    booked = await context.use(book, place=f"after {triage['paid']}")
    return hand_over("nobody", because="whose is it?", output=[booked, clerk])


@function(pure=True)
async def desk(billing: list[Any], context: Context) -> dict[str, Any]:
    await context.use(pay, amount=3)
    return {"known": billing}


@function(pure=True)
def chair(turn: dict[str, Any]) -> str:
    """Let the checker speak after the writer, and name nobody at first."""
    if "refused" not in turn:
        return "nobody"
    return "writer" if len(turn["messages"]) % 2 == 0 else "checker"


@function(pure=True)
async def writer(turn: dict[str, Any], context: Context) -> dict[str, Any]:
    await context.use(pay, amount=10 + turn["round"])
    return {"verdict": "mine", "draft": turn["round"]}


@function(pure=True)
async def checker(writer: dict[str, Any], context: Context) -> dict[str, Any]:
    draft = writer["draft"]
    await context.use(book, place=f"check {draft}")
    return {"verdict": "mine" if draft == 2 else "no", "of": draft}


CASE = handoff(
    triage,
    human("clerk", role="clerk", form=HandOver),
    billing,
    edges={"triage": ["clerk", "billing"], "clerk": ["triage"], "billing": ["triage"]},
    otherwise=desk,
    within="30d",
)
TALK = group_chat(writer, checker, until=verdict("mine") | rounds(4), manager=chair)


def answered(asked: AskedFor, home: Path) -> dict[str, Any]:
    """Hand back to whoever asked."""
    del asked, home
    return {"hand_over": "triage", "because": "not mine", "output": "seen"}


SCENARIO = Scenario(Workflow("talking", sequential(CASE, TALK)), lambda: None, settle_in, effects, answered)
