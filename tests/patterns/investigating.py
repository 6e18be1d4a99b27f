"""Open-ended work with effects, a malformed answer, a rejection and a replan, for crashes to cut in two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ledgers import DONE, facts, item, look, plan

from kernel.support.errands import book, effects, pay, settle_in
from kernel.support.scenario import Scenario
from ripieno import Context, Limits, Outcome, PlanReview, Workflow, approved, function, human
from ripieno.kernel.commands import AskedFor
from ripieno.patterns.magentic import magentic

__all__ = ["SCENARIO"]


def progress(turn: dict[str, Any]) -> Any:
    """Let the buyer buy, stall in words that are no ledger, and let the clerk check after the replan."""
    ledger = turn["ledger"]
    if ledger["round"] == 0:
        return look("buyer", "buy")
    if ledger["replans"] == 1:
        learnt = facts(("verified", "it was paid", "e1"))
        return look("buyer", progressing=False, **learnt) if "problems" in turn else {"looping": True}
    return DONE if ledger["plan"][0]["state"] == "done" else look("clerk", "check", at="b")


@function(pure=True)
def lead(turn: dict[str, Any]) -> Any:
    """Give plan after plan: the second is rejected, the third is made when it has stalled."""
    ledger = turn["ledger"]
    match turn["phase"]:
        case "facts":
            return facts(("given", "something is missing"), ("guess", "it was never paid"))
        case "plan":
            return plan(item("z", "clerk"))
        case "replan":
            return plan(item("a", "buyer") if ledger["replans"] == 1 else item("b", "clerk"), facts=[])
        case "progress":
            return progress(turn)
        case _:
            return {"known": [fact["text"] for fact in ledger["facts"]], "rounds": ledger["round"]}


@function(pure=True)
async def buyer(turn: dict[str, Any], context: Context) -> Outcome:
    """Buy what is missing."""
    return Outcome("complete", await context.use(pay, amount=turn["round"]))


@function(pure=True)
async def clerk(turn: dict[str, Any], context: Context) -> dict[str, Any]:
    """Look at what was bought."""
    return await context.use(book, place=f"{turn['instruction']} {len(turn['facts'])}")


FLOW = magentic(
    buyer,
    clerk,
    planner=lead,
    review=human("chief", role="chief", form=PlanReview),
    stalls=0,
    replans=3,
    effects=approved("operator"),
)


def answered(asked: AskedFor, home: Path) -> dict[str, Any]:
    """Approve effects and all plans but the first."""
    del home
    if "decision" not in asked.form["properties"]:
        return {"proceed": True}
    first = asked.about["plan"][0]["id"] == "z"
    return {"decision": "reject", "reason": "buy first"} if first else {"decision": "approve"}


SCENARIO = Scenario(
    Workflow("open-ended", FLOW, policy="standard", limits=Limits(deadline="60d")),
    lambda: "what is missing?",
    settle_in,
    effects,
    answered,
)
