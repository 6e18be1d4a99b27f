"""Monthly budgets: what a tenant and its teams may spend in a month, and what events do to the books."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from ripieno.model.spending import dollars

__all__ = ["ALERTS", "BILLED", "Bill", "BudgetRow", "BudgetStore", "Short", "bill_of", "month_of"]

ALERTS: Final = (50, 80, 100)
"""Per cent of a budget at which an event says so, once a month each."""

MICROSECONDS: Final = 1_000_000
BILLED: Final = frozenset({"intent", "result", "spent"})
"""Kinds of events that may change the books."""

SETTLED: Final = frozenset({"done", "failed"})


@dataclass(frozen=True, slots=True)
class Bill:
    """What an event does to the books; all amounts in millionths of a US dollar."""

    team: str
    """The owner of the run's workflow; empty where nobody owns it."""
    held: int = 0
    """What a call can cost at most, reserved from its intent to its result."""
    spent: int = 0
    settles: bool = False
    """True for a result, which ends the reservation of its call."""
    checked: bool = False
    """True where it bounces unless there is room for it."""


class Short(NamedTuple):
    """An act for which a hard budget has no room."""

    tenant: str
    team: str
    """Whose budget it is; empty for the tenant's."""
    cost: int
    month: str

    @property
    def said(self) -> str:
        """What holds the act, in a phrase."""
        whose = f"team {self.team}" if self.team else f"tenant {self.tenant}"
        return f"the budget of {whose} for {self.month} has no room for {dollars(self.cost)} US dollars"

    @property
    def until(self) -> int:
        """When the month is over, in microseconds."""
        year, month = map(int, self.month.split("-"))
        after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        return int(after.timestamp()) * MICROSECONDS


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """A budget, and how it stands in a month; amounts in millionths of a US dollar."""

    team: str
    """Empty for the tenant's own."""
    cost: int
    hard: bool
    """True where what has no room waits; else only alerts are given."""
    by: str
    spent: int
    reserved: int


class BudgetStore(ABC):
    """What a store does about monthly budgets."""

    @abstractmethod
    async def set_budget(self, tenant: str, team: str, cost: int, *, hard: bool, by: str, at: int) -> None:
        """Set what a tenant, or a team of it, may spend in a month, with an event; wakes what waited."""

    @abstractmethod
    async def clear_budget(self, tenant: str, team: str, *, by: str) -> bool:
        """Let it spend as it likes, with an event; False when there was no budget."""

    @abstractmethod
    def lacks(self, short: Short) -> bool:
        """Tell whether a hard budget still has no room for an act."""

    @abstractmethod
    async def budgets(self, tenant: str, month: str) -> Sequence[BudgetRow]:
        """Give the budgets of a tenant with what was spent in a month and is reserved now."""


def month_of(at: int) -> str:
    """Give the month of a time in UTC, such as `2026-11`."""
    return f"{datetime.fromtimestamp(at / MICROSECONDS, UTC):%Y-%m}"


def bill_of(kind: str, body: Mapping[str, Any], team: Callable[[], str], *, checked: bool) -> Bill | None:
    """Give what an event of a run does to the books; None for nothing, as with nearly all of them."""
    if kind == "intent":
        held = body.get("reserved", {}).get("cost", 0)
        return Bill(team(), held=held, checked=checked) if held else None
    if kind == "result" and body["status"] in SETTLED:
        return Bill(team(), spent=body.get("spent", {}).get("cost", 0), settles=True)
    if kind == "spent":
        spent = body.get("amounts", {}).get("cost", 0)
        return Bill(team(), spent=spent, checked=checked) if spent else None
    return None
