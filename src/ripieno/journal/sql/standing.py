"""Reads of what stands stopped, for whoever commits and for whoever only looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from ripieno.journal.records import ClaimChange, Draft, QuestionChange
from ripieno.journal.sql.database import Connection
from ripieno.model.event import Event
from ripieno.model.stop import Place, Stop

__all__ = ["STANDING", "above", "begins_something", "standing", "stopped"]

STANDING: Final = "SELECT tenant, what, name, by, at, reason FROM stops ORDER BY at, what, name"


def standing(connection: Connection) -> Sequence[Stop]:
    """Give the stops that stand, as a transaction sees them."""
    return [Stop(*row) for row in connection.execute(STANDING)]


def begins_something(draft: Draft) -> bool:
    """Tell whether an event begins an act that a stop has to prevent: a call, or a child run."""
    change = draft.change
    return isinstance(change, ClaimChange) or (isinstance(change, QuestionChange) and change.kind == "child")


def stopped(connection: Connection, stops: Sequence[Stop], draft: Draft) -> bool:
    """Tell whether one of these stops covers what an event is about to begin."""

    def one(statement: str, *values: Any) -> Any:
        return connection.execute(statement, values).fetchone()

    run = draft.lease.run
    tenant, workflow = one("SELECT tenant, workflow FROM runs WHERE id = ?", run)
    line = (Place(run, workflow, draft.path), *above(one, run))
    tool = draft.change.tool if isinstance(draft.change, ClaimChange) else None
    return any(stop.covers(tenant, line, tool) for stop in stops)


def above(one: Callable[..., Any], run: str) -> list[Place]:
    """Give where a run stands in the run that it is part of, and so on up; `one` reads a row."""
    found: list[Place] = []
    while True:
        row = one("SELECT envelope FROM events WHERE stream = ? AND seq = 1", bytes.fromhex(run))
        parent = None if row is None else Event.read(row[0]).body.get("parent")
        if parent is None:
            return found
        run = parent["run"]
        (workflow,) = one("SELECT workflow FROM runs WHERE id = ?", run)
        found.append(Place(run, workflow, parent["path"]))
