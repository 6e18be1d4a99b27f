"""Setting and reading monthly budgets. Each operation runs inside the group commit."""

from __future__ import annotations

from collections.abc import Sequence

from ripieno.journal.budgets import BudgetRow, Short, month_of
from ripieno.journal.keys import MasterKey
from ripieno.journal.sql import tenants
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sql.books import alerts_due, lacks, wake
from ripieno.journal.sql.database import Reader, put
from ripieno.journal.sql.writer import Writer
from ripieno.journal.store import Store

__all__ = ["SqlBudgets"]

READ = (
    "SELECT b.team, b.cost, b.hard, b.by,"
    " (SELECT CAST(coalesce(sum(cost), 0) AS BIGINT) FROM spent_months s"
    "  WHERE s.tenant = b.tenant AND s.team = b.team AND s.month = ?),"
    " (SELECT CAST(coalesce(sum(cost), 0) AS BIGINT) FROM reserved r"
    "  WHERE r.tenant = b.tenant AND (r.team = b.team OR b.team = ''))"
    " FROM budgets b WHERE b.tenant = ? ORDER BY b.team"
)


class SqlBudgets(Store):
    """Monthly budgets in a store."""

    _reader: Reader
    _writer: Writer
    _master: MasterKey

    async def set_budget(self, tenant: str, team: str, cost: int, *, hard: bool, by: str, at: int) -> None:
        """Set what a tenant, or a team of it, may spend in a month, with an event; wakes what waited."""

        def write(batch: Batch) -> None:
            tenants.record(
                batch,
                self._master,
                tenant,
                ("budget.set", "", {"team": team, "cost": cost, "hard": int(hard), "by": by}),
            )
            batch.connection.execute(
                put("budgets", "tenant, team", "cost, hard, by"),
                (tenant, team, cost, int(hard), by),
            )
            alerts_due(batch.connection, (tenant, team, month_of(at)), batch.alert)
            wake(batch.connection, tenant)

        await self._writer.perform(write)
        self.stops.refresh()

    async def clear_budget(self, tenant: str, team: str, *, by: str) -> bool:
        """Let it spend as it likes, with an event; False when there was no budget."""

        def write(batch: Batch) -> bool:
            cursor = batch.connection.execute(
                "DELETE FROM budgets WHERE tenant = ? AND team = ?", (tenant, team)
            )
            if cursor.rowcount == 0:
                return False
            tenants.record(batch, self._master, tenant, ("budget.cleared", "", {"team": team, "by": by}))
            wake(batch.connection, tenant)
            return True

        done = await self._writer.perform(write)
        self.stops.refresh()
        return done

    def lacks(self, short: Short) -> bool:
        """Tell whether a hard budget still has no room for an act."""
        return lacks(self._reader.one, short)

    async def budgets(self, tenant: str, month: str) -> Sequence[BudgetRow]:
        """Give the budgets of a tenant with what was spent in a month and is reserved now."""
        rows = self._reader.all(READ, month, tenant)
        return [
            BudgetRow(team, cost, bool(hard), by, spent, held) for team, cost, hard, by, spent, held in rows
        ]
