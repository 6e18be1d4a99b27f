"""Compares the rows that say how fast tools are called with the claims that were made under a rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from ripieno.journal.stored import Verifiable
from ripieno.model.event import Event

__all__ = ["compare_rates"]

RATED: Final = b'"rate":'


class Paid(NamedTuple):
    """By when all calls so far are paid for, as the last of them says."""

    at: int
    place: str


def compare_rates(store: Verifiable, found: Callable[[str, str], None]) -> None:
    """Count all claims by their rates, in the order in which they were made, and compare the rows.

    Keeps one number for each principal and tool, however many calls there were.
    """
    says: dict[tuple[str, str, str], Paid] = {}
    for stored in store.intents():
        if RATED not in stored.envelope:
            continue
        try:
            event = Event.read(stored.envelope)
            calls, per = event.body["rate"]
            share = per // calls
        except (ValueError, KeyError, TypeError, ArithmeticError):  # which the chain of its run has found
            continue
        key = (stored.tenant, stored.principal, str(event.body.get("tool")))
        before = says.get(key)
        says[key] = Paid(max(event.at, 0 if before is None else before.at) + share, stored.place)
    for row in store.rates():
        paid = says.pop((row.tenant, row.principal, row.tool), None)
        named = f"the row of rates of {row.principal} for {row.tool}"
        if paid is None:
            found(f"tenant {row.tenant}", f"{named} was made by no claim")
        elif paid.at != row.paid_at:
            found(paid.place, f"{named} says paid_at {row.paid_at}, by the claims it is {paid.at}")
    for (_, principal, tool), paid in says.items():
        found(paid.place, f"its row of rates of {principal} for {tool} is not in the table")
