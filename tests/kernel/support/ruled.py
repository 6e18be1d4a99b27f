"""Participants under a rule for their effects, and a workflow of them that a crash can cut anywhere."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kernel.support.ledger import Ledger
from kernel.support.scenario import Scenario
from ripieno import Call, Context, Outcome, Task, ToolError, Workflow, function, sequential, tool
from ripieno.kernel.commands import AskedFor
from ripieno.model.effect_rule import WITHHELD, EffectRule, approved
from ripieno.model.event import Json
from ripieno.participants.base import BaseParticipant

__all__ = ["SCENARIO", "Under", "under"]

FOLDER = "RULED_FOLDER"


class Under(BaseParticipant):
    """Lets a participant work under a rule; in a branch of its own if it is told to."""

    kind = "under"

    def __init__(
        self, participant: BaseParticipant, rule: EffectRule, *, aside: bool = False, name: str = "under"
    ) -> None:
        super().__init__(name)
        self.participant = participant
        self.rule = rule
        self.aside = aside

    def children(self) -> Sequence[BaseParticipant]:
        return (self.participant,)

    def describe(self) -> dict[str, Json]:
        return {"under": self.participant.name}

    def reads(self, task: Task) -> Mapping[str, str]:
        return self.participant.reads(task)

    async def act(self, task: Task, context: Context) -> Outcome:
        """Give its outcome, and beside it what it would have done."""
        if self.aside:
            async with context.branches() as branches:
                branches.start(self.participant, task, effects=self.rule)
                ended = await branches.next()
            assert ended is not None, "one branch was started"
            outcome = ended[1]
        else:
            outcome = await context.call(self.participant, task, effects=self.rule)
        held = [[act.path, act.tool, act.arguments.decode()] for act in context.withheld]
        return Outcome(outcome.status, {"gave": outcome.output, "withheld": held}, reason=outcome.reason)


def under(rule: EffectRule, part: BaseParticipant, **how: Any) -> Workflow:
    return Workflow("ruled", Under(part, rule, **how))


# -- as a scenario ------------------------------------------------------------------------------------


def ledger_in(home: Path) -> Ledger:
    return Ledger(home / "ledger.jsonl")


def ledger() -> Ledger:
    return ledger_in(Path(os.environ[FOLDER]))


@tool(on_uncertain="retry", timeout="5s")
def pay(amount: int, call: Call) -> dict[str, int]:
    """Pay somebody who knows the key."""
    ledger().enter(f"pay {amount}", call.key)
    return {"paid": amount}


@function(pure=True)
async def settle(input: dict[str, Any], context: Context) -> list[Any]:  # noqa: A002 - bound by this name
    """Pay twice; what is rejected is told, not raised."""
    told: list[Any] = []
    for amount in (input["first"], input["second"]):
        try:
            told.append(await context.use(pay, amount=amount))
        except ToolError as error:
            told.append(str(error))
    return told


def answered(asked: AskedFor, home: Path) -> dict[str, Any]:
    """Edit the first payment once, reject the second, let the letter go; look whether it went."""
    if asked.row.kind == "uncertain":
        sent = [entry.act for entry in ledger_in(home).entries() if entry.act.startswith("post")]
        return {"happened": True, "result": {"value": "posted hello"}} if sent else {"happened": False}
    given = asked.about["arguments"]
    if given == {"amount": 100}:
        return {"proceed": True, "arguments": {"amount": 50}}
    return {"proceed": given != {"amount": 999}, "note": "too much"}


def settle_in(home: Path) -> None:
    os.environ[FOLDER] = str(home)


def effects(home: Path) -> list[str]:
    entries = ledger_in(home).entries()
    paid = {entry.key: entry.act for entry in entries if entry.act.startswith("pay")}
    return sorted([*paid.values(), *(entry.act for entry in entries if not entry.act.startswith("pay"))])


@function(pure=True, name="again")
async def settle_again(input: dict[str, Any], context: Context) -> list[Any]:  # noqa: A002 - bound by this name
    """Would pay once more."""
    return [await context.use(pay, amount=input["first"] + input["second"])]


@function(pure=True)
def write(input: dict[str, Any]) -> str:  # noqa: A002 - bound by this name
    return str(input["letter"])


@function
def send(write: str) -> str:
    """Nobody can tell afterwards but a person who looks."""
    ledger().enter(f"post {write}")
    return f"posted {write}"


WORKFLOW = Workflow(
    "ruled",
    sequential(
        Under(
            Under(settle, approved("clerk"), name="inner"),
            approved("chief", because="it is a lot of money"),
            aside=True,
            name="outer",
        ),
        Under(settle_again, WITHHELD, name="shadow").on_failure("continue"),
        write,
        Under(send, approved("clerk"), name="letters"),
    ),
)
SCENARIO = Scenario(
    WORKFLOW,
    lambda: {"first": 100, "second": 999, "letter": "hello"},
    settle_in,
    effects,
    answered,
)
