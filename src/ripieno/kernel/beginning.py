"""What a run begins with: where a policy asks about its start, the approval, before anything is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ripieno.kernel.answering import given_out
from ripieno.kernel.consent import Consent
from ripieno.kernel.covering import covered
from ripieno.kernel.inheritance import Top
from ripieno.kernel.rolled_back import WHOLE
from ripieno.kernel.undo import undo_for
from ripieno.kernel.verdicts import AWAITS, START
from ripieno.model.errors import DeniedError
from ripieno.model.event import Event, Json
from ripieno.model.gate import Approval, Decision
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Task
from ripieno.model.value import Value

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["outcome_of"]

LONGEST: Final = 20_000
"""So many bytes of an input are shown to whoever approves; of a longer one its length is told."""


async def outcome_of(root: Scope, started: Event, top: Top, task: Task) -> Outcome:
    """Do what a run is for, once it may begin; `escalated` where nobody let it."""
    if AWAITS in started.body:
        try:
            await may_begin(root, started.body, task.input)
        except DeniedError as error:
            return Outcome("escalated", reason=error.message)
    if "undoes" in started.body:
        return await undo_for(root, WHOLE, started)
    outcome = await root.call(top.participant, task, limits=top.limits)
    if "parent" in started.body:  # it is told, and not people
        return outcome
    return await given_out(root, outcome)


async def may_begin(root: Scope, started: Mapping[str, Any], given: Value) -> None:
    """Wait until everybody whom policies name has approved the start; raises `DeniedError`."""
    execution = root.execution
    for event in root.take(START, frozenset({"choice"})):
        await execution.turnstile.recorded(root.branch, event.seq)
        return

    def decide(approvals: Sequence[Approval]) -> Decision:
        return execution.proposals.begin(approvals)

    shown = given.decode() if len(given.data) <= LONGEST else f"{len(given.data)} bytes; runs show has it"
    about = {"workflow": started["workflow"], "by": started["principal"], "input": shown}
    if started.get("key") is not None:
        about["key"] = started["key"]
    decision = await Consent(root, START, decide, f"a run of {started['workflow']} starts", about).given()
    payloads: list[tuple[bytes, bytes]] = []
    because = execution.keep(covered(execution, "what policies asked for was approved"), payloads)
    body: dict[str, Json] = {"what": START, "chosen": START, "offered": [START], "because": because}
    await root.append("choice", START, {**body, **execution.proposals.noted(decision)}, payloads=payloads)
