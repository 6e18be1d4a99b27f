"""Bounded replay: a looping pattern marks its round boundaries, and replay starts at the last of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ripieno.journal.records import Draft, SegmentChange
from ripieno.kernel.permits import withheld_body, withheld_from
from ripieno.kernel.results import outcome_body, outcome_from
from ripieno.kernel.runaway import ran_away_body, ran_away_from
from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Resumption
from ripieno.model.spending import Spending

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["EVENTS", "EVENTS_AFTER_WAKING", "due", "mark", "resumption"]

EVENTS = 250
"""A looping pattern writes a segment at the first round boundary after so many events, answers not counted:
of these there is one at most for each question."""

EVENTS_AFTER_WAKING = 8
"""The same once the run was woken since its last segment: what replay costs is paid at every waking."""


def due(scope: Scope) -> bool:
    """Tell whether enough has happened within a scope since its last segment."""
    enough = EVENTS_AFTER_WAKING if scope.woken else EVENTS
    return scope.since >= enough and not scope.execution.turnstile.replaying


def resumption(scope: Scope) -> Resumption | None:
    """Give the last segment of a scope, or None at its first round."""
    segments = scope.take(f"{scope.path}/segment", frozenset({"segment"}))
    if not segments:
        return None
    last = segments[-1]
    scope.items[:] = [last.seq]
    stored = scope.execution.stored
    scope.counts = dict(last.body["counts"])
    withheld_from(scope, last.body)
    ran_away_from(scope, last.body)
    scope.since = 0
    scope.ledger.add(Spending.read(last.body.get("spent", {})))
    if "ahead" in scope.counts:  # it looks ahead: what comes is watched from here on
        scope.ledger.watch()
        scope.looked = (last.at, None)
    outcomes = {name: outcome_from(body, last.seq, stored) for name, body in last.body["outcomes"].items()}
    for outcome in outcomes.values():
        scope.note(outcome)
    return Resumption(last.body["round"], last.body["state"], outcomes)


async def mark(scope: Scope, round_: int, state: Mapping[str, Any], outcomes: Mapping[str, Outcome]) -> None:
    """Write a segment of a scope, and have the run's row say from where replay starts."""
    execution = scope.execution
    for item in reversed(scope.items):
        if isinstance(item, Draft):
            await execution.durable(item)
            break
    after = execution.committed
    payloads: list[tuple[bytes, bytes]] = []
    bodies = {name: outcome_body(execution, outcome, payloads) for name, outcome in outcomes.items()}
    body: dict[str, Json] = {
        "round": round_,
        "state": dict(state),
        "outcomes": dict(bodies),
        "counts": dict(scope.counts),
        "started": scope.started,
        **withheld_body(scope, payloads),
        **execution.repeats.document(),
        **ran_away_body(scope),
    }
    spent = spent_before(scope)
    if spent:
        body["spent"] = spent.document()
    scope.items[:] = scope.unread.values()  # branches ended meanwhile, of which the state does not tell
    change = SegmentChange(after, execution.needed(after))
    body["replay"] = change.document()
    execution.effects.forget(scope.path, (inner.path for inner in execution.open_scopes))
    draft = await scope.append("segment", f"{scope.path}/segment", body, payloads=payloads, change=change)
    scope.items.append(draft)
    scope.since, scope.woken = 0, False


def spent_before(scope: Scope) -> Spending:
    """Give what replay from here on does not read again: without branches that are open or untold."""
    spent = scope.ledger.spent
    for untold in scope.unread_spent.values():
        spent -= untold
    for inner in scope.execution.open_scopes:
        if inner.parent is scope:
            spent -= inner.ledger.spent.beyond(inner.ledger.allowance)
    return spent
