"""A run that books something between two pure steps, and what tests of stops ask of it."""

from __future__ import annotations

from collections.abc import Callable

from kernel.scenarios.elsewhere import Elsewhere, uses
from kernel.scenarios.house import (
    until,
)
from ripieno.connectors.tool import tool
from ripieno.journal.records import RunRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel.host import Host
from ripieno.participants.function import function
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow

__all__ = ["Deaf", "booking", "first", "last", "stopped"]


def booking(system: Elsewhere) -> Workflow:
    book = tool(system.book, on_uncertain="retry")
    return Workflow("visit", sequential(first, uses(book, what="it"), last))


@function(pure=True)
def first(given: object) -> object:
    return given


@function(pure=True)
def last(given: object) -> object:
    return given


async def stopped(host: Host, run: str) -> RunRow:
    async def look() -> RunRow | None:
        row = await host.store.run(run)
        return row if row.status == "stopped" and row.owner is None else None

    return await until(look)


class Deaf(SqliteStore):
    """Hears of commits, and never of a stop before it comes up against it."""

    def on_change(self, ring: Callable[[], None], *, own: bool = True) -> None:
        self._doorbell.listen(ring, own=own)
