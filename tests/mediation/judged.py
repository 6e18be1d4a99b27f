"""A workflow whose calls and results are judged, repaired and decided by people, for a crash to cut."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kernel.support.ledger import Ledger
from kernel.support.scenario import Scenario
from ripieno import (
    Call,
    Context,
    InvalidResultError,
    ToolError,
    Workflow,
    escalate,
    function,
    on_arguments,
    on_input,
    on_result,
    repair,
    sequential,
    tool,
)
from ripieno.kernel.commands import AskedFor

__all__ = ["SCENARIO"]

FOLDER = "JUDGED_FOLDER"


def ledger_in(home: Path) -> Ledger:
    return Ledger(home / "ledger.jsonl")


def small(arguments: Any) -> str | None:
    """Let small amounts pass."""
    return None if arguments["amount"] < 10 else "too large"


@tool(
    on_uncertain="retry",
    timeout="5s",
    check=[
        on_arguments("amount != 13", says="unlucky"),
        on_arguments(small, otherwise=escalate("treasurer")),
        on_result("paid != 8", otherwise=escalate("treasurer")),
    ],
)
def pay(amount: int, call: Call) -> dict[str, int]:
    """Pay somebody who knows the idempotency key."""
    ledger_in(Path(os.environ[FOLDER])).enter(f"pay {amount}", call.key)
    return {"paid": amount}


@function(pure=True)
async def pays(input: Any, context: Context) -> list[Any]:  # noqa: A002 - bound by this name
    """Pay one amount after another; what is refused is told."""
    said: list[Any] = []
    for amount in input:
        try:
            said.append((await context.use(pay, amount=amount))["paid"])
        except (ToolError, InvalidResultError) as error:
            said.append(error.code)
    return said


@function(pure=True)
def tells(pays: Any, complaint: Any = None) -> dict[str, Any]:
    """Tell what was paid; with the total once that was asked for."""
    return {"paid": pays, "total": 0 if complaint is None else 1}


@function(pure=True)
def reviews(input: Any) -> dict[str, Any]:  # noqa: A002 - bound by this name
    """Approve what has a total."""
    return {"approved": input["output"]["total"] > 0, "complaint": "no total"}


WORKFLOW = Workflow(
    "judged",
    sequential(
        pays.check(on_input("len(value) > 3", otherwise=escalate("chief"))),
        tells.check(
            on_result(reviewer=reviews, otherwise=repair(1)),
            on_result("total == 2", otherwise=escalate("chief")),
        ),
    ),
)


def settle_in(home: Path) -> None:
    os.environ[FOLDER] = str(home)


def effects(home: Path) -> list[str]:
    entries = ledger_in(home).entries()
    return sorted({entry.key: entry.act for entry in entries}.values())


def answered(asked: AskedFor, home: Path) -> Any:
    """Decide about each thing that does not pass."""
    assert home.is_dir()
    about = asked.about
    if about.get("tool") == "pay":
        if "result" in about:
            return {"proceed": False}
        return {50: {"proceed": True, "arguments": {"amount": 5}}, 60: {"proceed": False}}[
            about["arguments"]["amount"]
        ]
    if "output" in about:
        return {"proceed": True, "output": {**about["output"], "total": 2}}
    return {"proceed": True}


SCENARIO = Scenario(WORKFLOW, lambda: [50, 13, 60], settle_in, effects, answered)
