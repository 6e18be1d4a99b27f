"""The books of monthly budgets, within the commit of the events that change them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from ripieno.journal.budgets import ALERTS, Bill, Short, month_of
from ripieno.journal.records import Draft
from ripieno.model.event import Json

__all__ = ["alerts_due", "enter", "lacks", "let_go", "short_of", "wake", "wake_due"]

Alert = Callable[[str, dict[str, Json]], None]
"""Records in a tenant's stream that so much of a budget is spent."""


def short_of(connection: sqlite3.Connection, draft: Draft, bill: Bill) -> Short | None:
    """Give the hard budget that has no room for an act; None when there is room."""
    key = (draft.lease.run, draft.path)
    if connection.execute("SELECT 1 FROM reserved WHERE run = ? AND path = ?", key).fetchone():
        return None  # it is in doubt what became of it, and it is repeated on what was reserved for it
    tenant = tenant_of(connection, draft)
    asked = bill.held or bill.spent
    for team in dict.fromkeys(("", bill.team)):
        short = Short(tenant, team, asked, month_of(draft.at))
        if lacks(connection, short):
            return short
    return None


def lacks(connection: sqlite3.Connection, short: Short) -> bool:
    """Tell whether a hard budget has no room for so much."""
    row = connection.execute(
        "SELECT cost FROM budgets WHERE tenant = ? AND team = ? AND hard = 1", (short.tenant, short.team)
    ).fetchone()
    if row is None:
        return False
    (spent,) = connection.execute(
        "SELECT coalesce(sum(cost), 0) FROM spent_months WHERE tenant = ? AND team = ? AND month = ?",
        (short.tenant, short.team, short.month),
    ).fetchone()
    (held,) = connection.execute(
        "SELECT coalesce(sum(cost), 0) FROM reserved WHERE tenant = ? AND (team = ? OR ? = '')",
        (short.tenant, short.team, short.team),
    ).fetchone()
    return spent + held + short.cost > row[0]


def enter(connection: sqlite3.Connection, draft: Draft, bill: Bill, alert: Alert) -> None:
    """Enter what an event reserves, settles and spends."""
    run, execute = draft.lease.run, connection.execute
    freed = 0
    if bill.settles:
        freed = execute("DELETE FROM reserved WHERE run = ? AND path = ?", (run, draft.path)).rowcount
        if not (freed or bill.spent):
            return
    tenant = tenant_of(connection, draft)
    if bill.held:
        execute(
            "INSERT OR REPLACE INTO reserved (run, path, tenant, team, cost) VALUES (?, ?, ?, ?, ?)",
            (run, draft.path, tenant, bill.team, bill.held),
        )
    if bill.spent:
        month = month_of(draft.at)
        for team in dict.fromkeys(("", bill.team)):
            execute(
                "INSERT INTO spent_months (tenant, team, month, cost, alerted) VALUES (?1, ?2, ?3, ?4, 0)"
                " ON CONFLICT DO UPDATE SET cost = cost + ?4",
                (tenant, team, month, bill.spent),
            )
            alerts_due(connection, (tenant, team, month), alert)
    if freed:
        wake(connection, tenant)


def alerts_due(connection: sqlite3.Connection, whose: tuple[str, str, str], alert: Alert) -> None:
    """Tell of what part of a budget is spent that was not told of yet; `whose`: tenant, team, month."""
    tenant, team, month = whose
    execute = connection.execute
    row = execute("SELECT cost FROM budgets WHERE tenant = ? AND team = ?", (tenant, team)).fetchone()
    books = execute(
        "SELECT cost, alerted FROM spent_months WHERE tenant = ? AND team = ? AND month = ?", whose
    ).fetchone()
    if row is None or books is None:
        return
    (limit,), (spent, told) = row, books
    passed = [share for share in ALERTS if spent * 100 >= limit * share]
    for share in passed:
        if share > told:
            body: dict[str, Json] = {"team": team, "month": month, "share": share, "spent": spent}
            alert(tenant, {**body, "cost": limit})
    execute(
        "UPDATE spent_months SET alerted = ? WHERE tenant = ? AND team = ? AND month = ?",
        (max(passed, default=0), *whose),
    )


def let_go(connection: sqlite3.Connection, runs: Sequence[str]) -> None:
    """Forget what runs that have ended had reserved for calls that were never sent."""
    connection.execute(
        "DELETE FROM reserved WHERE run IN (SELECT value FROM json_each(?))", (json.dumps(runs),)
    )


def wake(connection: sqlite3.Connection, tenant: str) -> None:
    """Have the runs of a tenant looked at again that wait for room in a budget."""
    connection.execute(f"{WAKE} AND tenant = ?", (tenant,))


def wake_due(connection: sqlite3.Connection, at: int) -> None:
    """Have the runs looked at again that wait for a month which is over."""
    connection.execute(f"{WAKE} AND again_at <= ?", (at,))


def tenant_of(connection: sqlite3.Connection, draft: Draft) -> Any:
    """Give the tenant of an event's run."""
    return connection.execute("SELECT tenant FROM runs WHERE id = ?", (draft.lease.run,)).fetchone()[0]


WAKE = (
    "UPDATE runs SET wanted = wanted + 1, status = 'waiting', detail = NULL, again_at = NULL"
    " WHERE status = 'stopped' AND again_at IS NOT NULL"
)
