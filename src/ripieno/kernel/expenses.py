"""Spending without a tool: a hand-over, a round, or what a participant buys in its own way."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ripieno.model.spending import Spending

if TYPE_CHECKING:
    from ripieno.kernel.ledger import Ledger
    from ripieno.kernel.scope import Scope

__all__ = ["counted", "spend"]


def counted(amounts: Spending, ledger: Ledger) -> Spending:
    """Give what is worth recording: hand-overs and rounds only where a limit is declared for them."""
    return dataclasses.replace(
        amounts,
        handoffs=amounts.handoffs if ledger.counts("handoffs") else 0,
        rounds=amounts.rounds if ledger.counts("rounds") else 0,
    )


async def spend(scope: Scope, path: str, amounts: Spending) -> None:
    """Count amounts once, however often the run is replayed, as soon as there is room for them."""
    execution, ledger, turnstile = scope.execution, scope.ledger, scope.execution.turnstile
    for event in scope.take(path, frozenset({"spent"})):
        await turnstile.recorded(scope.branch, event.seq)
        if event.seq not in execution.recording.imported:
            ledger.add(Spending.read(event.body["amounts"]))
        return
    await turnstile.live(scope.branch)
    while True:
        await ledger.room(amounts, path, turnstile, scope.branch)
        seen = execution.seen if amounts.cost else None
        draft = await scope.append("spent", path, {"amounts": amounts.document()}, if_seen=seen)
        if seen is None:
            break
        await execution.durable(draft)
        if draft.state == "written":
            break
        scope.items.remove(draft)
        if draft.short is not None:
            await execution.standstill.room(draft.short, scope.branch)
        await execution.fold()
    ledger.add(amounts)
