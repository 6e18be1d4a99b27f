"""Compares the books of monthly budgets with the events of runs that they are derived from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from ripieno.journal.budgets import Bill, bill_of, month_of
from ripieno.journal.stored import StoredMonth, StoredReservation
from ripieno.model.event import Event

__all__ = ["Billed"]


class Billed:
    """Follows what runs spend; keeps sums by month, and what is reserved and not settled."""

    def __init__(self, found: Callable[[str, str], None]) -> None:
        self._found = found
        self._spent: Counter[tuple[str, str]] = Counter()
        self._open: dict[str, dict[str, int]] = {}

    def follow(self, tenant: str, event: Event) -> None:
        """Take an event of a run."""
        if event.kind == "run.ended":
            self._open.pop(event.stream, None)
        bill = bill_in(event)
        if bill is None:
            return
        reserved = self._open.setdefault(event.stream, {})
        if bill.settles:
            reserved.pop(event.path, None)
        if bill.held:
            reserved[event.path] = bill.held
        if bill.spent:
            self._spent[tenant, month_of(event.at)] += bill.spent

    def end(self, months: Iterable[StoredMonth], reservations: Iterable[StoredReservation]) -> None:
        """Compare with the rows there are."""
        teams: Counter[tuple[str, str]] = Counter()
        for row in months:
            if row.team:
                teams[row.tenant, row.month] += row.cost
                continue
            said = self._spent.pop((row.tenant, row.month), 0)
            if row.cost != said:
                self._wrong(row.tenant, row.month, f"say {row.cost}", said)
            teams[row.tenant, row.month] -= said
        for (tenant, month), said in self._spent.items():
            self._wrong(tenant, month, "have no row", said)
        for (tenant, month), more in teams.items():
            if more > 0:
                self._found(f"tenant {tenant}", f"its teams have spent {more} more in {month} than it has")
        for row in reservations:
            said = self._open.get(row.run, {}).get(row.path)
            if said != row.cost:
                said = "nothing" if said is None else said
                text = f"{row.cost} are reserved for {row.path}, its events say {said}"
                self._found(f"run {row.run[-6:]}", text)

    def _wrong(self, tenant: str, month: str, books: str, said: int) -> None:
        self._found(f"tenant {tenant}", f"its books of {month} {books}, its runs have spent {said}")


def bill_in(event: Event) -> Bill | None:
    """Give what an event does to the books; None also for one that was changed into anything."""
    try:
        return bill_of(event.kind, event.body, str, checked=False)
    except (AttributeError, KeyError, TypeError):
        return None
