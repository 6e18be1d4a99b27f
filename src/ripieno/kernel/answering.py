"""What a run says: its answer, and what it asks people. It calls nothing, and may be somebody else's word.

Where a policy reads where answers come from it is found which parts of one are from which source. That is
recorded with the end of the run, policies decide by it, and whoever is asked is shown it. Where none does,
nothing is looked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ripieno.kernel.consent import Consent
from ripieno.kernel.results import recorded
from ripieno.model.errors import DeniedError
from ripieno.model.event import Json
from ripieno.model.gate import Approval, Decision
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Question
from ripieno.model.provenance import Carried, Traced, unanswered_for
from ripieno.model.value import Value

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["ANSWER", "Answered", "given_out", "noted", "sources_of"]

ANSWER: Final = "answer"
"""The path of what is decided about the answer of a run."""

PARTS: Final = ("output", "evidence", "reason")


@dataclass(frozen=True, slots=True)
class Answered:
    """What was let be given out, and what is recorded of it."""

    parts: Mapping[str, str]
    """Commitments of what is said."""
    traced: Value
    decided: Mapping[str, Json]


async def given_out(root: Scope, outcome: Outcome) -> Outcome:
    """Give an outcome once it may be given out; `escalated`, without what it says, where it may not."""
    execution = root.execution
    if not is_read(root, ANSWER):
        return outcome
    outcome = recorded(execution, outcome)
    values = {name: one for name, one in zip(PARTS, outcome.parts, strict=True) if isinstance(one, Value)}
    said = {name: one.decode() for name, one in values.items()}
    traced = await traced_of(root, ANSWER, said)

    def decide(approvals: Sequence[Approval]) -> Decision:
        return execution.proposals.answer(root, ANSWER, said, traced, approvals)

    about = {**said, "sources": traced.for_people()}
    consent = Consent(root, ANSWER, decide, f"the answer of {execution.definition.name} is given", about)
    try:
        decision = await consent.given()
    except DeniedError as error:
        return Outcome("escalated", reason=error.message)
    refs = {name: one.ref for name, one in values.items()}
    root.answered = Answered(refs, execution.value(traced.document), execution.proposals.noted(decision))
    return outcome


def noted(root: Scope, outcome: Outcome, payloads: list[tuple[bytes, bytes]]) -> dict[str, Json]:
    """Give what the end of a run says of its answer; nothing where it ends in another one."""
    found = root.answered
    if found is None:
        return {}
    parts = zip(PARTS, outcome.parts, strict=True)
    if {name: one.ref for name, one in parts if isinstance(one, Value)} != found.parts:
        return {}
    return {**found.decided, "traced": root.execution.keep(found.traced, payloads)}


async def sources_of(scope: Scope, question: Question) -> Mapping[str, str]:
    """Say where what somebody is asked comes from, as they are shown it."""
    path = f"{scope.path}/{ANSWER}"
    if not is_read(scope, path):
        return {}
    traced = await traced_of(scope, path, {"about": question.about})
    return unanswered_for(traced.document)


def is_read(scope: Scope, path: str) -> bool:
    """Tell whether a policy reads where what is said there comes from."""
    execution = scope.execution
    return bool(execution.store.gate.traces(execution.proposals.answering(scope, path, {}, None, ())))


async def traced_of(scope: Scope, path: str, said: Mapping[str, Any]) -> Traced:
    """Find where what is said comes from, by all that came in."""
    execution = scope.execution
    await execution.all_durable()
    open_ = {one.path: one.kind for one in execution.open_scopes if one.path}
    return await execution.tracer.trace(
        Carried(path, said, None, open=open_, tool=ANSWER, under=execution.store.gate.version, detect=True)
    )
