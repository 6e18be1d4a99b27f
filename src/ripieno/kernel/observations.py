"""What a participant may look at beyond its task: what it has spent, and signals given to its run.

Both differ from one moment to the next, so each look is recorded, and read on replay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ripieno.model.event import Json
from ripieno.model.participant import Observed
from ripieno.model.spending import Spending

if TYPE_CHECKING:
    from ripieno.kernel.execution import Execution
    from ripieno.kernel.scope import Scope

__all__ = ["observe"]


async def observe(scope: Scope, path: str, signals: Sequence[str]) -> Observed:
    """Give what was spent so far in a visit, and which of these signals were given to the run."""
    execution = scope.execution
    for event in scope.take(path, frozenset({"moment"})):
        await execution.turnstile.recorded(scope.branch, event.seq)
        return Observed(Spending.read(event.body["spent"]), frozenset(event.body["signals"]))
    if execution.turnstile.replaying:  # what is recorded further on is known only then
        await execution.turnstile.live(scope.branch)
    seen = Observed(scope.ledger.spent, frozenset(signals) & given(execution))
    signalled: list[Json] = [*sorted(seen.signals)]
    body: dict[str, Json] = {"spent": seen.spent.document(), "signals": signalled}
    await scope.append("moment", path, body)
    return seen


def given(execution: Execution) -> set[str]:
    """Give the signals that were folded so far."""
    found = set[str]()
    for event in execution.recording.messages:
        if event.body["what"] == "signal":
            said: Any = execution.stored(event.body["content"]).decode()
            found.add(said["signal"])
    return found
