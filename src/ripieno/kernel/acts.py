"""What is done within a visit once the gate lets it: its beginning, choices, calls of tools, child runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from ripieno.kernel.checking import check_result
from ripieno.kernel.children import Child
from ripieno.kernel.clock import moment
from ripieno.kernel.consent import Consent, UnsettledError
from ripieno.kernel.covering import covered
from ripieno.kernel.effects import Effect
from ripieno.kernel.permits import Proposal
from ripieno.kernel.preparing import refuse_secrets
from ripieno.kernel.tracing import input_of
from ripieno.model.definition import Definition
from ripieno.model.errors import InvalidError
from ripieno.model.event import Json
from ripieno.model.gate import ActionKind, Approval, Decision
from ripieno.model.limits import Limits
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Participant, ToolLike
from ripieno.model.quotation import Quoted, stands_in
from ripieno.model.value import Value

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["choose", "may_work", "now", "start", "use"]

GOVERNED: Final[Mapping[str, ActionKind]] = {"hand over": "handoff", "speaker": "chat.speak", "plan": "plan"}
"""Choices that are acts of their own: the gate decides about them."""


async def may_work(scope: Scope, participant: Participant) -> Decision | None:
    """Wait until a visit may begin; raises `DeniedError` when it may not.

    One that has begun goes on whatever policies say by now: None where they would not let it any more.
    """

    def decide(approvals: Sequence[Approval]) -> Decision:
        return scope.execution.proposals.work(participant, scope.path, approvals)

    about = {"participant": participant.name, "path": scope.path}
    consent = Consent(scope, scope.path, decide, f"{participant.name} works", about)
    return await consent.standing(begun=scope.execution.recording.worked(scope.path))


async def start(
    scope: Scope, path: str, workflow: Definition, given: Value, allowance: Limits | None
) -> Outcome:
    """Run another workflow as a child run, once it may start; raises `DeniedError` when it may not."""
    proposals = scope.execution.proposals

    def decide(approvals: Sequence[Approval]) -> Decision:
        return proposals.start(scope, workflow, path, approvals)

    about = {"workflow": workflow.name, "path": path}
    consent: Consent | None = None
    if not scope.execution.recording.has(path):
        consent = Consent(scope, path, decide, f"a run of {workflow.name} starts", about)
    while True:
        if consent is not None:
            await consent.given()
        try:
            return await Child(scope, path, workflow, given, allowance, consent=consent).outcome()
        except UnsettledError:  # what let it start does not stand any more
            continue


async def use(scope: Scope, path: str, tool: ToolLike, arguments: Mapping[str, Any]) -> Any:
    """Call a tool: claimed before, recorded after, judged before it is used."""
    passed = {name: value.ref for name, value in arguments.items() if isinstance(value, Value)}
    quotes = {name: value.text for name, value in arguments.items() if isinstance(value, Quoted)}
    if quotes:
        check_quotes(scope, tool, quotes)
    given = scope.value(
        {**arguments, **decoded(arguments), **quotes} if passed or quotes else dict(arguments)
    )
    await refuse_secrets(scope, tool, path, given)
    proposal = Proposal(scope, tool, path, given, passed, quotes=quotes)
    while True:
        try:
            output = await Effect(scope, tool, path, await proposal.permit()).result()
        except UnsettledError:  # what permitted it does not stand any more
            continue
        return await check_result(scope, tool, path, output)


def check_quotes(scope: Scope, tool: ToolLike, quotes: Mapping[str, str]) -> None:
    """Raise `InvalidError` for what is said to be quoted from the input and does not stand there."""
    asked = scope.execution.stored(input_of(scope.execution)).decode()
    for name, text in quotes.items():
        if not stands_in(text, asked):
            msg = f"{tool.name}: {name}: {text!r} does not stand in what the run was asked to do"
            raise InvalidError(msg)


def decoded(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give those that were passed by reference as what they stand for."""
    return {name: value.decode() for name, value in arguments.items() if isinstance(value, Value)}


async def choose(
    scope: Scope, path: str, what: str, chosen: str, *, offered: Sequence[str], because: Mapping[str, Any]
) -> str:
    """Record a choice, once the gate allows one that is an act; on replay the recorded one is given back."""
    execution = scope.execution
    for event in scope.take(path, frozenset({"choice"})):
        await execution.turnstile.recorded(scope.branch, event.seq)
        return event.body["chosen"]
    kind = GOVERNED.get(what)
    allowed: Mapping[str, Json] = {}
    if kind is not None:

        def decide(approvals: Sequence[Approval]) -> Decision:
            return execution.proposals.choice(scope, kind, chosen, path, approvals)

        about = {"choice": what, "chosen": chosen, "path": path}
        decision = await Consent(scope, path, decide, f"{scope.name}: {what} {chosen}", about).given()
        allowed = execution.proposals.noted(decision)
    payloads: list[tuple[bytes, bytes]] = []
    reason = execution.keep(covered(execution, dict(because)), payloads)
    body: dict[str, Json] = {"what": what, "chosen": chosen, "offered": list(offered), "because": reason}
    await scope.append("choice", path, {**body, **allowed}, payloads=payloads)
    return chosen


async def now(scope: Scope, path: str) -> datetime:
    """Give the time; recorded."""
    execution = scope.execution
    for event in scope.take(path, frozenset({"moment"})):
        await execution.turnstile.recorded(scope.branch, event.seq)
        return moment(event.body["now"])
    at = execution.clock.now()
    await scope.append("moment", path, {"now": at})
    return moment(at)
