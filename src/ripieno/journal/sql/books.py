"""The books of monthly budgets, within the commit of the events that change them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ripieno.journal.budgets import ALERTS, Bill, Short, month_of
from ripieno.journal.records import Draft
from ripieno.journal.sql.database import Connection, put
from ripieno.model.event import Json

__all__ = ["alerts_due", "enter", "lacks", "short_of", "wake", "wake_due"]

RESERVE: Final = put("reserved", "run, path", "tenant, team, cost")

Alert = Callable[[str, dict[str, Json]], None]
"""Records in a tenant's stream that so much of a budget is spent."""


def short_of(connection: Connection, draft: Draft, bill: Bill) -> Short | None:
    """Give the hard budget that has no room for an act; None when there is room."""

    def one(statement: str, *values: Any) -> Any:
        return connection.execute(statement, values).fetchone()

    if one("SELECT 1 FROM reserved WHERE run = ? AND path = ?", draft.lease.run, draft.path):
        return None  # it is in doubt what became of it, and it is repeated on what was reserved for it
    tenant = tenant_of(connection, draft)
    asked = bill.held or bill.spent
    for team in dict.fromkeys(("", bill.team)):
        short = Short(tenant, team, asked, month_of(draft.at))
        if lacks(one, short):
            return short
    return None


def lacks(one: Callable[..., Any], short: Short) -> bool:
    """Tell whether a hard budget has no room for so much; `one` reads a row."""
    row = one("SELECT cost FROM budgets WHERE tenant = ? AND team = ? AND hard = 1", short.tenant, short.team)
    if row is None:
        return False
    (spent,) = one(
        "SELECT CAST(coalesce(sum(cost), 0) AS BIGINT) FROM spent_months"
        " WHERE tenant = ? AND team = ? AND month = ?",
        short.tenant,
        short.team,
        short.month,
    )
    (held,) = one(
        "SELECT CAST(coalesce(sum(cost), 0) AS BIGINT) FROM reserved"
        " WHERE tenant = ? AND (team = ? OR ? = '')",
        short.tenant,
        short.team,
        short.team,
    )
    return spent + held + short.cost > row[0]


def enter(connection: Connection, draft: Draft, bill: Bill, alert: Alert) -> bool:
    """Enter what an event reserves, settles and spends; True where a run can go on for it that waited."""
    run, execute = draft.lease.run, connection.execute
    freed = 0
    if bill.settles:
        freed = execute("DELETE FROM reserved WHERE run = ? AND path = ?", (run, draft.path)).rowcount
        if not (freed or bill.spent):
            return False
    tenant = tenant_of(connection, draft)
    if bill.held:
        execute(RESERVE, (run, draft.path, tenant, bill.team, bill.held))
    if bill.spent:
        month = month_of(draft.at)
        for team in dict.fromkeys(("", bill.team)):
            execute(
                "INSERT INTO spent_months (tenant, team, month, cost, alerted) VALUES (?, ?, ?, ?, 0)"
                " ON CONFLICT (tenant, team, month) DO UPDATE SET cost = spent_months.cost + excluded.cost",
                (tenant, team, month, bill.spent),
            )
            alerts_due(connection, (tenant, team, month), alert)
    return bool(freed) and wake(connection, tenant)


def alerts_due(connection: Connection, whose: tuple[str, str, str], alert: Alert) -> None:
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


def wake(connection: Connection, tenant: str) -> bool:
    """Have the runs of a tenant looked at again that wait for room in a budget; False for none."""
    return connection.execute(f"{WAKE} AND tenant = ?", (tenant,)).rowcount > 0


def wake_due(connection: Connection, at: int) -> None:
    """Have the runs looked at again that wait for a month which is over."""
    connection.execute(f"{WAKE} AND again_at <= ?", (at,))


def tenant_of(connection: Connection, draft: Draft) -> Any:
    """Give the tenant of an event's run."""
    return connection.execute("SELECT tenant FROM runs WHERE id = ?", (draft.lease.run,)).fetchone()[0]


WAKE = (
    "UPDATE runs SET wanted = wanted + 1, status = 'waiting', detail = NULL, again_at = NULL"
    " WHERE status = 'stopped' AND again_at IS NOT NULL"
)
