"""A run with children, rolled back once it has ended or while it waits; another waits for the outcome."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from kernel.support.errands import ledger_in, settle_in
from kernel.support.families_undone import HOTEL, SEATS, reserves
from kernel.support.scenario import Scenario
from ripieno import Workflow, human, sequential, subworkflow
from ripieno.identity.local import local_operator
from ripieno.journal.records import RunFilter
from ripieno.journal.store import Store
from ripieno.kernel.clock import Clock
from ripieno.kernel.commands import AskedFor
from ripieno.kernel.rollback import roll_back
from ripieno.kernel.undo_runs import undoers
from ripieno.model.errors import RefusedError

__all__ = ["OPEN_SCENARIO", "OPEN_WORKFLOW", "SCENARIO", "WORKFLOW"]

KEEPER = human("keeper", role="keeper")
TRIP = Workflow("trip", sequential(reserves("plane", "plane"), subworkflow(SEATS), subworkflow(HOTEL)))
WORKFLOW = Workflow("journey", sequential(subworkflow(TRIP), human("auditor", role="auditor")))

OPEN_TRIP = Workflow("trip", sequential(reserves("plane", "plane"), subworkflow(HOTEL), KEEPER))
OPEN_WORKFLOW = Workflow(
    "journey", sequential(subworkflow(OPEN_TRIP).on_failure("continue"), human("auditor", role="auditor"))
)
"""Its trip is rolled back while it waits for somebody who never answers."""

OVER: list[bool] = []
"""Holds something once the trip was rolled back."""


async def operate(store: Store, clock: Clock) -> None:
    """Roll the trip back, once it has ended, or waits for its keeper."""
    first = [row for row in await store.runs(RunFilter(workflow="trip")) if row.key is None]
    if not first:
        return
    kept = any(row.role == "keeper" for row in await store.questions(run=first[0].id))
    if not (kept or first[0].ended):
        return
    others = await undoers(store, first[0].id)
    OVER[:] = [True] if others and others[0].ended else []
    if not others:
        by = local_operator({"RIPIENO_PRINCIPAL": "ada"})
        await roll_back(store, clock, first[0], by=by, reason="no journey")


def answered(asked: AskedFor, home: Path) -> dict[str, Any]:
    """Look up what is in doubt; let the auditor answer once the trip was rolled back."""
    del home
    if asked.row.kind == "uncertain":
        return {"happened": False}
    if not OVER or asked.row.role == "keeper":
        msg = "not yet"
        raise RefusedError(msg)
    return {"proceed": True, "note": "seen"}


def effects(home: Path) -> list[str]:
    """Give what took effect, in order: each of it is done, and taken back, after the one before."""
    return [entry.act for entry in ledger_in(home).entries()]


def comparable(outcome: dict[str, Any]) -> dict[str, Any]:
    """Leave out the ids of runs."""
    return {**outcome, "reason": re.sub(r"run \w+", "", str(outcome.get("reason")))}


OPEN_SCENARIO = Scenario(
    OPEN_WORKFLOW, lambda: None, settle_in, effects, answered, comparable, operate=operate
)
SCENARIO = Scenario(WORKFLOW, lambda: None, settle_in, effects, answered, comparable, operate=operate)
