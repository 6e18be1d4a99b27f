"""A run with children that have ended, rolled back while another waits to see what becomes of it."""

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

__all__ = ["SCENARIO", "WORKFLOW"]

TRIP = Workflow("trip", sequential(reserves("plane", "plane"), subworkflow(SEATS), subworkflow(HOTEL)))
WORKFLOW = Workflow("journey", sequential(subworkflow(TRIP), human("auditor", role="auditor")))

OVER: list[bool] = []
"""Holds something once the trip was rolled back."""


async def operate(store: Store, clock: Clock) -> None:
    """Roll the trip back, once it has ended."""
    trips = await store.runs(RunFilter(workflow="trip", statuses=("complete",)))
    first = [row for row in trips if row.key is None]
    if not first:
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
    if not OVER:
        msg = "not yet"
        raise RefusedError(msg)
    return {"proceed": True, "note": "seen"}


def effects(home: Path) -> list[str]:
    """Give what took effect, in order: each of it is done, and taken back, after the one before."""
    return [entry.act for entry in ledger_in(home).entries()]


def comparable(outcome: dict[str, Any]) -> dict[str, Any]:
    """Leave out the ids of runs."""
    return {**outcome, "reason": re.sub(r"run \w+", "", str(outcome.get("reason")))}


SCENARIO = Scenario(WORKFLOW, lambda: None, settle_in, effects, answered, comparable, operate=operate)
