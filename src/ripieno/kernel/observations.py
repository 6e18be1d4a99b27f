"""What a participant may look at beyond its task: what it has spent, and signals given to its run.

Both differ from one moment to the next, so each look is recorded, and read on replay. A look for signals is
recorded on condition that the inbox holds nothing that was not folded, so that none is missed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ripieno.model.event import Json
from ripieno.model.participant import Observed, Signal
from ripieno.model.spending import Spending

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["observe"]


async def observe(scope: Scope, path: str, signals: Sequence[str]) -> Observed:
    """Give what was spent so far in a visit, and which of these signals were given to the run."""
    execution = scope.execution
    for event in scope.take(path, frozenset({"moment"})):
        await execution.turnstile.recorded(scope.branch, event.seq)
        read: Mapping[str, Any] = event.body["signals"]
        told = {name: Signal(one["by"], execution.stored(one["content"])) for name, one in read.items()}
        return Observed(Spending.read(event.body["spent"]), told)
    if execution.turnstile.replaying:  # what is recorded further on is known only then
        await execution.turnstile.live(scope.branch)
    while True:
        given = {name: one for name, one in execution.steering.signals.items() if name in signals}
        seen = Observed(scope.ledger.spent, given)
        known: dict[str, Json] = {
            name: {"by": one.by, "content": one.said.ref} for name, one in given.items()
        }
        body: dict[str, Json] = {"spent": seen.spent.document(), "signals": known}
        draft = await scope.append("moment", path, body, if_seen=execution.seen if signals else None)
        if signals:
            await execution.durable(draft)
        if draft.state != "bounced":
            return seen
        await execution.fold()
