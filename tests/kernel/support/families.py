"""A workflow that runs another, which runs a third, for crashes to cut in two; its books count as effects."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kernel.support.ledger import Ledger
from kernel.support.scenario import Scenario
from ripieno import Call, Context, Cost, Function, Limits, Workflow, human, sequential, subworkflow, tool
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.store import Store
from ripieno.kernel.clock import Clock
from ripieno.kernel.commands import AskedFor, cancel
from ripieno.model.errors import RefusedError
from ripieno.model.event import Event
from ripieno.model.principal import Principal
from ripieno.model.spending import Spending

__all__ = ["CALLED_OFF", "SCENARIO", "WORKFLOW"]

OPERATOR = Principal("person", "op", every_role=True)
FOLDER = "FAMILIES_FOLDER"


def ledger_in(home: Path) -> Ledger:
    return Ledger(home / "ledger.jsonl")


@tool(on_uncertain="retry", timeout="5s")
def take_back(what: str, call: Call) -> None:
    ledger_in(Path(os.environ[FOLDER])).enter(f"take back {what}", call.key)


@tool(on_uncertain="retry", timeout="5s", cost=Cost(tokens=40), undo=take_back)
def pay(what: str, call: Call) -> str:
    ledger_in(Path(os.environ[FOLDER])).enter(f"pay {what}", call.key)
    call.spent(tokens=10)
    return what


def pays(name: str) -> Function:
    async def act(context: Context) -> str:
        return await context.use(pay, what=name)

    return Function(act, name=name, pure=True)


THIRD = Workflow("third", pays("agency"))
SECOND = Workflow(
    "second",
    sequential(
        pays("clerk-pays"),
        human("clerk", role="clerk"),
        subworkflow(THIRD, allowance=Limits(tokens=45)),
    ),
)
WORKFLOW = Workflow(
    "first",
    sequential(subworkflow(SECOND, allowance=Limits(tokens=90)), pays("closing")),
    limits=Limits(tokens=130),
)


def answered(asked: AskedFor, home: Path) -> dict[str, Any]:
    del asked, home
    return {"proceed": True}


def settle_in(home: Path) -> None:
    os.environ[FOLDER] = str(home)


def effects(home: Path) -> list[str]:
    """Give each act once per key, what each run has spent, and which runs there are."""
    acts = {entry.key: entry.act for entry in ledger_in(home).entries()}
    with SqliteAudit(home) as audit:
        events = [Event.read(stored.envelope) for stored in audit.events()]
    names = {event.stream: event.body["workflow"] for event in events if event.kind == "run.started"}
    tops = [event for event in events if event.kind == "scope" and "/" not in event.path]
    books = [f"{names[event.stream]}: {Spending.read(event.body.get('spent', {}))}" for event in tops]
    return sorted([*acts.values(), *books, *names.values()])


SCENARIO = Scenario(WORKFLOW, lambda: None, settle_in, effects, answered)


async def call_off(store: Store, clock: Clock) -> None:
    """Cancel the first run, with all undone, once somebody is asked in the second."""
    for row in await store.questions():
        above = (await store.run(row.run)).parent
        if above is not None and not (await store.run(above)).ended:
            await cancel(store, clock, await store.run(above), by=OPERATOR, undo=True)


def never(asked: AskedFor, home: Path) -> dict[str, Any]:
    """Let whoever is asked not answer."""
    del asked, home
    msg = "nobody answers"
    raise RefusedError(msg)


CALLED_OFF = Scenario(WORKFLOW, lambda: None, settle_in, effects, never, operate=call_off)
