"""A workflow in which limits trip in every way, for crashes to cut in two; its books count as effects."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kernel.support.ledger import Ledger
from kernel.support.scenario import Scenario
from ripieno import (
    Call,
    Context,
    Cost,
    Function,
    Limits,
    Workflow,
    ask,
    concurrent,
    degrade,
    external,
    group_chat,
    loop,
    merge,
    rounds,
    sequential,
    tokens,
    tool,
)
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.kernel.commands import AskedFor
from ripieno.model.event import Event
from ripieno.model.spending import NOTHING, Spending

__all__ = ["SCENARIO", "WORKFLOW"]

FOLDER = "THRIFTY_FOLDER"


def ledger_in(home: Path) -> Ledger:
    return Ledger(home / "ledger.jsonl")


def ledger() -> Ledger:
    return ledger_in(Path(os.environ[FOLDER]))


def priced(tokens: int, what: str) -> Cost:
    del what
    return Cost(model_calls=1, tokens=tokens, cost_usd="0.01")


@tool(on_uncertain="retry", timeout="5s", cost=priced)
def think(tokens: int, what: str, call: Call) -> str:
    """Cost less than it might have; the same key is the same thought."""
    ledger().enter(f"think {what}", call.key)
    call.spent(model_calls=1, tokens=tokens - 10, cost_usd="0.004")
    return what


def found(what: str, call: Call) -> str | None:
    return what if ledger().find(call.key) else None


@tool(on_uncertain=found, timeout="5s", cost=Cost(tokens=5))
def look_up(what: str, call: Call) -> str:
    """Tell nothing of what it cost."""
    ledger().enter(f"look up {what}", call.key)
    return what


def thinks(name: str, *amounts: int) -> Function:
    """Give a participant that thinks so often; some look something up before."""

    async def act(context: Context) -> str:
        if name in ("a", "e"):
            await context.use(look_up, what=name)
        for number, most in enumerate(amounts):
            await context.use(think, tokens=most, what=f"{name} {number} {context.path[-2:]}")
        return f"{name} thought"

    return Function(act, name=name, pure=True)


async def nap(context: Context) -> str:
    """Wake up in every round, so that segments are written soon."""
    await context.sleep(0.001)
    await context.spend(tokens=1)
    return "rested"


WORKFLOW = Workflow(
    "thrifty",
    sequential(
        sequential(thinks("a", 60), thinks("b", 60, 60), name="asking").limit(
            tokens=100, on_exhausted=ask("treasurer")
        ),
        concurrent(
            sequential(thinks("c", 40), thinks("d", 90), name="dear").limit(
                tokens=100, on_exhausted=degrade(thinks("cheap", 20))
            ),
            sequential(thinks("e", 40, 90), thinks("f", 20), name="kept").limit(tokens=150, allowance=True),
            sequential(thinks("g", 20), thinks("h", 500), name="stopped").limit(cost_usd="0.011"),
            resolve=merge(),
            name="sides",
        ).on_failure("continue"),
        loop(sequential(thinks("i", 20), Function(nap, pure=True), name="body"), until="i == 'x'", rounds=9)
        .limit(tokens=60)
        .on_failure("continue"),
        group_chat(thinks("j", 20), until=tokens(20) | external("enough") | rounds(9)).on_failure("continue"),
    ),
    limits=Limits(tokens=10_000, rounds=9, active="10h"),
)


def answered(asked: AskedFor, home: Path) -> dict[str, Any]:
    """Grant a little, and then a little more."""
    del home
    return {"proceed": True, "grant": {"tokens": 50 if asked.row.path.endswith("ask/1") else 200}}


def settle_in(home: Path) -> None:
    os.environ[FOLDER] = str(home)


def effects(home: Path) -> list[str]:
    """Give each act once per key, and what the log says that it has cost: by calls, and by the whole."""
    acts = {entry.key: entry.act for entry in ledger_in(home).entries()}
    return sorted([*acts.values(), *books(home)])


def books(home: Path) -> list[str]:
    with SqliteAudit(home) as audit:
        events = [Event.read(stored.envelope) for stored in audit.events()]
    spent, whole = NOTHING, NOTHING
    for event in events:
        body = event.body
        if event.kind == "result":
            spent += Spending.read(body.get("spent", {}))
        elif event.kind == "spent":
            spent += Spending.read(body.get("amounts", {}))
        elif event.kind == "scope" and "/" not in event.path:
            whole += Spending.read(body["spent"])
    return [f"calls: {spent}", f"whole: {whole}"]


SCENARIO = Scenario(WORKFLOW, lambda: None, settle_in, effects, answered)
