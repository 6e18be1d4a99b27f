"""The workflows behind the golden journals. Their names, paths and inputs must not change."""

from __future__ import annotations

from ripieno.connectors.tool import tool
from ripieno.model.action import Call
from ripieno.model.errors import ToolError
from ripieno.model.outcome import Confidence, Outcome
from ripieno.model.participant import Context
from ripieno.participants.function import function
from ripieno.participants.human import human, role
from ripieno.patterns.branch import branch, when
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.loop import loop
from ripieno.patterns.resolvers import merge
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow

__all__ = ["GOLDEN"]


@tool(version="1", on_uncertain="retry", attempts=2)
async def book(what: str, call: Call) -> str:
    if call.attempt == 1 and what == "busy":
        msg = "engaged"
        raise ToolError(msg)
    return f"{what} booked"


@function(version="1")
async def register(given: object) -> object:
    """Stand for an effect that nobody declared."""
    return {"registered": given}


@function(pure=True, version="1")
async def assess(given: object) -> Outcome:
    return Outcome("complete", {"assessed": given}, confidence=Confidence(0.4, "rule coverage"))


@function(pure=True, version="1")
async def visit(assess: object, context: Context) -> object:
    del assess
    await context.now()
    return await context.use(book, what="busy")


@function(pure=True, version="1")
async def fails(given: object) -> object:
    msg = f"cannot take {given!r}"
    raise ValueError(msg)


@function(pure=True, version="1")
async def large(given: object) -> object:
    return given


@function(pure=True, version="1")
async def small(given: object) -> object:
    return given


CLINICIAN = human("clinician", role="clinician", due="4h", then=role("lead"))

GOLDEN = {
    "approval": Workflow("approval", sequential(register, assess.escalate(below=0.7, to=CLINICIAN), visit)),
    "branches": Workflow(
        "branches",
        sequential(
            concurrent(
                sequential(fails, name="left"),
                human("right", role="clerk"),
                resolve=merge(),
                on_failure="fail_fast",
                name="both",
            ).on_failure("continue"),
            branch({when("amount > 10"): large}, otherwise=small, name="route"),
            human("slow", role="clerk").timeout("1h").on_failure("continue"),
            register,
        ),
    ),
    "rounds": Workflow(
        "rounds",
        loop(
            sequential(small, human("again", role="clerk"), name="body"),
            until="previous.note == 'done'",
            rounds=9,
        ),
    ),
}
"""By the name of their file."""
