"""The shape as a Ripieno workflow: pure steps in sequence, every one an event of the chained journal."""

from __future__ import annotations

import sqlite3
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

from harness.shape import State, Update, advance, first_state
from ripieno.model.principal import Principal
from ripieno.participants.function import Function
from ripieno.patterns.sequential import sequential
from ripieno.workflows.embedded import open_host
from ripieno.workflows.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from harness.contender import Load, RunOne

__all__ = ["chain", "in_sqlite", "steps_on_disk"]


async def step(previous: dict[str, object]) -> Update:
    """Do one step; the first has no previous one and receives the input."""
    return advance(State(run=0, count=int(str(previous["count"])), note=""))


def chain(steps: int) -> Workflow:
    """Build a workflow of that many steps."""
    return Workflow("chain", sequential(*(Function(step, name=f"step_{n}", pure=True) for n in range(steps))))


@asynccontextmanager
async def in_sqlite(load: Load) -> AsyncGenerator[RunOne]:
    """Run with the embedded store: WAL, synchronous=FULL, hash-chained, values encrypted."""
    workflow = chain(load.size.steps)
    principal = Principal("service", "bench")
    async with open_host(load.folder / "home") as host:
        await host.enter(workflow, principal)

        async def run_one(number: int) -> int:
            created = await host.start(workflow, first_state(number), principal=principal)
            outcome = await host.outcome(created.row.id)
            return outcome.output["count"]

        yield run_one


def steps_on_disk(folder: Path) -> int:
    """Count the steps recorded."""
    with closing(sqlite3.connect(folder / "home" / "journal.sqlite")) as database:
        (count,) = database.execute("SELECT count(*) FROM events WHERE kind = 'step'").fetchone()
    return count
