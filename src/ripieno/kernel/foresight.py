"""Looking ahead: what limits leave, and what the stretch since the last look has needed.

Both differ from one moment to the next, so each look is recorded, and read on replay. What was reserved at
a time is known after a crash from the ends of the visits since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ripieno.model.event import Json
from ripieno.model.participant import Ahead
from ripieno.model.spending import AMOUNTS

if TYPE_CHECKING:
    from ripieno.kernel.ledger import Ledger
    from ripieno.kernel.limited import TimeLeft
    from ripieno.kernel.scope import Scope

__all__ = ["look_ahead"]


async def look_ahead(scope: Scope, path: str) -> Ahead | None:
    """Give what is left and what was needed; None, unrecorded, where no limit would end the work."""
    turnstile = scope.execution.turnstile
    for event in scope.take(path, frozenset({"moment"})):
        await turnstile.recorded(scope.branch, event.seq)
        scope.ledger.watch()
        scope.looked = (event.at, event.body.get("used"))
        return Ahead(event.body["left"], event.body["needed"], event.body["rules"])
    if not amounts_left(scope.ledger) and not times_left(scope):
        return None
    await turnstile.live(scope.branch)
    amounts, times = amounts_left(scope.ledger), times_left(scope)
    left = {name: amount for name, (amount, _) in amounts.items()}
    left |= {name: time.left for name, time in times.items()}
    rules = {name: rule for name, (_, rule) in amounts.items()}
    rules |= {name: time.rule for name, time in times.items()}
    ahead = Ahead(left, needed_since(scope, times), rules)
    body: dict[str, Json] = {"left": dict(left), "needed": dict(ahead.needed), "rules": dict(rules)}
    used = times["active"].used if "active" in times else None
    if used is not None:
        body["used"] = used
    scope.looked = (scope.execution.clock.now(), used)
    await scope.append("moment", path, body)
    return ahead


def needed_since(scope: Scope, times: dict[str, TimeLeft]) -> dict[str, int]:
    """Give what was needed since the last look, as far as it is known."""
    at, used = scope.looked
    needed: dict[str, int] = dict(scope.ledger.watch().document())
    if at and "deadline" in times:
        needed["deadline"] = scope.execution.clock.now() - at
    if used is not None and "active" in times:
        needed["active"] = (times["active"].used or 0) - used
    return needed


def amounts_left(ledger: Ledger) -> dict[str, tuple[int, str]]:
    """Give the least that is left of each amount whose limit would end the work, and how it would."""
    found: dict[str, tuple[int, str]] = {}
    names = list(AMOUNTS)
    here: Ledger | None = ledger
    while here is not None:
        if here.ends is not None and not here.lifted:
            for name in names:
                if name in here.limits and (name not in found or here.free(name) < found[name][0]):
                    found[name] = (here.free(name), here.ends)
        names = [name for name in names if not getattr(here.allowance, name)]
        here = here.above
    return found


def times_left(scope: Scope) -> dict[str, TimeLeft]:
    """Give the least that is left of each time whose end would end the work."""
    found: dict[str, TimeLeft] = {}
    for path, limited in scope.execution.limited.items():
        if scope.path != path and not scope.path.startswith(f"{path}/"):
            continue
        for name, time in limited.times().items():
            if name not in found or time.left < found[name].left:
                found[name] = time
    return found
