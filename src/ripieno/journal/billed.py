"""Compares the books of monthly budgets with the events of runs that they are derived from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from ripieno.journal.budgets import Bill, bill_of, month_of
from ripieno.journal.stored import StoredMonth, StoredReservation
from ripieno.model.event import Event

__all__ = ["Billed"]


class Reserved(NamedTuple):
    """What the events of a run say is reserved for one call."""

    tenant: str
    version: str
    cost: int


class Billed:
    """Follows what runs spend; keeps sums by month and version, and what is reserved and not settled."""

    def __init__(self, found: Callable[[str, str], None]) -> None:
        self._found = found
        self._spent: Counter[tuple[str, str, str]] = Counter()
        """By tenant, version and month."""
        self._open: dict[str, dict[str, Reserved]] = {}
        self._alerts: set[tuple[str, str, str, str]] = set()
        """Which share of a budget was told of: tenant, team, month and share."""
        self._run = self._version = ""
        """The run that is read, and the version that it has by then."""

    def follow(self, tenant: str, event: Event) -> None:
        """Take an event of a run; those of one run come one after another."""
        if event.stream != self._run:
            self._run, self._version = event.stream, ""
        if event.kind in ("run.started", "run.migrated"):
            self._version = str(event.body.get("to", event.body.get("version", "")))
        if event.kind == "run.ended":
            self._open.pop(event.stream, None)
        bill = bill_in(event)
        if bill is None:
            return
        reserved = self._open.setdefault(event.stream, {})
        if bill.settles:
            reserved.pop(event.path, None)
        if bill.held:
            reserved[event.path] = Reserved(tenant, self._version, bill.held)
        if bill.spent:
            self._spent[tenant, self._version, month_of(event.at)] += bill.spent

    def told(self, tenant: str, event: Event) -> None:
        """Take an event of a tenant's own log."""
        if event.kind == "budget.alert":
            team, month, share = (str(event.body.get(name)) for name in ("team", "month", "share"))
            self._alerts.add((tenant, team, month, share))

    def end(
        self,
        months: Iterable[StoredMonth],
        reservations: Iterable[StoredReservation],
        owners: Mapping[tuple[str, str], str],
    ) -> None:
        """Compare with the rows there are; `owners` are the teams of versions, by tenant and version."""
        self._compare_months(months, owners)
        self._compare_reservations(reservations, owners)

    def _compare_months(self, months: Iterable[StoredMonth], owners: Mapping[tuple[str, str], str]) -> None:
        said: Counter[tuple[str, str, str]] = Counter()
        for (tenant, version, month), spent in self._spent.items():
            for team in dict.fromkeys(("", owners.get((tenant, version), ""))):
                said[tenant, team, month] += spent
        for row in months:
            spent = said.pop((row.tenant, row.team, row.month), 0)
            if row.cost != spent:
                self._wrong(row.tenant, row.team, row.month, f"say {row.cost}", spent)
            if row.alerted and (row.tenant, row.team, row.month, str(row.alerted)) not in self._alerts:
                text = f"{books_of(row.team, row.month)} say that {row.alerted} % were told of, no event does"
                self._found(f"tenant {row.tenant}", text)
        for (tenant, team, month), spent in said.items():
            self._wrong(tenant, team, month, "have no row", spent)

    def _compare_reservations(
        self, reservations: Iterable[StoredReservation], owners: Mapping[tuple[str, str], str]
    ) -> None:
        for row in reservations:
            known = self._open.get(row.run, {}).pop(row.path, None)
            held = "nothing"
            if known is not None:
                held = f"{known.cost} of {whose(known.tenant, owners.get((known.tenant, known.version), ''))}"
            says = f"{row.cost} of {whose(row.tenant, row.team)}"
            if says != held:
                text = f"{says} are reserved for {row.path}, its events say {held}"
                self._found(f"run {row.run[-6:]}", text)
        for run, paths in self._open.items():
            for path, known in paths.items():
                self._found(f"run {run[-6:]}", f"nothing is reserved for {path}, its events say {known.cost}")

    def _wrong(self, tenant: str, team: str, month: str, books: str, said: int) -> None:
        self._found(f"tenant {tenant}", f"{books_of(team, month)} {books}, its runs have spent {said}")


def books_of(team: str, month: str) -> str:
    """Name the books of a month: a team's, or the tenant's own."""
    return f"its books of {month}" + (f" for team {team}" if team else "")


def whose(tenant: str, team: str) -> str:
    """Name whose budget something is of."""
    return f"tenant {tenant}" + (f", team {team}" if team else "")


def bill_in(event: Event) -> Bill | None:
    """Give what an event does to the books; None also for one that was changed into anything."""
    try:
        return bill_of(event.kind, event.body, str, checked=False)
    except (AttributeError, KeyError, TypeError):
        return None
