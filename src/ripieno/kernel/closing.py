"""How a visit ends: what its end says in the journal, and how it is read again in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ripieno.journal.records import CloseChange
from ripieno.kernel.permits import note_withheld, withheld_body, withheld_from
from ripieno.kernel.reasons import differs
from ripieno.kernel.results import outcome_body, outcome_from, recorded
from ripieno.kernel.runaway import ran_away_body, ran_away_from
from ripieno.kernel.turnstile import Branch
from ripieno.model.event import Event, Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Participant, Task
from ripieno.model.spending import NOTHING, Spending
from ripieno.model.value import Value

if TYPE_CHECKING:
    from ripieno.kernel.execution import Execution
    from ripieno.kernel.scope import Scope

__all__ = ["close", "read_end", "settled"]

Payloads = list[tuple[bytes, bytes]]


async def settled(scope: Scope, outcome: Outcome) -> None:
    """Wait until the end of a visit may be recorded: what was recorded is let out, what came in is known."""
    execution = scope.execution
    stopped = outcome.status == "cancelled"
    if execution.turnstile.replaying:
        await execution.turnstile.live(scope.branch, urgent=stopped)
    if not stopped:
        await execution.told()


def close(around: Scope, scope: Scope, participant: Participant, task: Task, outcome: Outcome) -> Outcome:
    """Record how a visit ended, once that is `settled`; its subtree is not needed any more."""
    execution = around.execution
    heeds = execution.steering.heeded and outcome.status != "cancelled"
    skip = execution.steering.skip(scope.path) if heeds else None
    outcome = recorded(execution, outcome if skip is None else skip.outcome)
    payloads: Payloads = []
    body = end_body(scope, participant, task, outcome, payloads)
    if scope.effects.withheld:
        body.update(withheld_body(scope, payloads))
        note_withheld(around, scope.withheld)
    if scope.ran_away is not None:
        body.update(ran_away_body(scope))
        around.ran_away = around.ran_away or scope.ran_away
    spent = scope.ledger.spent
    if around.ledger.watched and scope.ledger.most != spent:
        body["most"] = scope.ledger.most.document()
    stopped = skip is not None or outcome.status == "cancelled"
    if skip is not None:
        body["skipped"] = skip.seq
    draft = execution.append(
        "scope" if scope.items or stopped or scope.waits else "step",
        scope.path,
        body,
        payloads=payloads,
        change=CloseChange(scope.path) if stopped or scope.waits else None,
        followed=getattr(participant, "followed", False),
    )
    around.items.append(draft)
    if scope.branch is not around.branch:
        around.unread[scope.path] = draft
        around.unread_spent[scope.path] = spent
    around.since += 1 + scope.since
    return outcome


def end_body(
    scope: Scope, participant: Participant, task: Task, outcome: Outcome, payloads: Payloads
) -> dict[str, Json]:
    """Give what the end of a visit says of its work; values not yet stored go to `payloads`."""
    execution = scope.execution
    reads = participant.reads(task)
    body: dict[str, Json] = {
        "participant": participant.kind,
        "inputs": reads,
        "outcome": outcome_body(execution, outcome, payloads),
        "started": scope.started,
    }
    if scope.decision is not None:
        body.update(execution.proposals.noted(scope.decision))
    spent = scope.ledger.spent
    if spent is not NOTHING and spent:
        body["spent"] = spent.document()
    if task.input.ref not in execution.lease.stored:
        execution.keep(task.input, payloads)
    if task.turn is not None:
        execution.keep(task.turn, payloads)
    if not execution.lease.stored.issuperset(reads.values()):
        keep_read(execution, task, reads, payloads)
    return body


def keep_read(execution: Execution, task: Task, reads: Mapping[str, str], payloads: Payloads) -> None:
    """Keep what was read and is not stored yet: a pattern may show a part of what somebody found."""
    missing = {ref for ref in reads.values() if ref not in execution.lease.stored}
    for outcome in task.state.values():
        for part in outcome.parts:
            if isinstance(part, Value) and part.ref in missing:
                execution.keep(part, payloads)


async def read_end(
    around: Scope, participant: Participant, task: Task, event: Event, branch: Branch
) -> Outcome:
    """Give the outcome of a visit whose end is recorded; a replay does not enter it."""
    execution = around.execution
    await execution.turnstile.recorded(branch, event.seq)
    body = event.body
    imported = event.seq in execution.recording.imported
    spent = NOTHING if imported else Spending.read(body.get("spent", {}))
    around.ledger.add(spent, Spending.read(body.get("most", {})))
    if branch is not around.branch:
        around.unread[event.path] = event.seq
        around.unread_spent[event.path] = spent
    withheld_from(around, body)
    if not imported:
        ran_away_from(around, body)
    if not imported and body["outcome"]["status"] != "cancelled":
        reads = participant.reads(task)
        if body["participant"] != participant.kind or body["inputs"] != reads:
            await execution.halt("blocked", differs(event, participant, reads))
    return outcome_from(body["outcome"], event.seq, execution.stored)
