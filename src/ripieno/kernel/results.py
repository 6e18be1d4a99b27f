"""Outcomes as they stand in the journal: structure in the event, every data value by reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ripieno.kernel.covering import covered, redacted
from ripieno.model.confidential import CONFIDENTIAL
from ripieno.model.decimals import decimal
from ripieno.model.event import Json
from ripieno.model.outcome import Confidence, Outcome
from ripieno.model.value import Value

if TYPE_CHECKING:
    from ripieno.kernel.execution import Execution

__all__ = ["held", "outcome_body", "outcome_from", "recorded"]


def recorded(execution: Execution, outcome: Outcome) -> Outcome:
    """Give the same outcome with every data value encoded, as replay will give it back."""
    output, evidence, reason = outcome.parts
    if output is not None:
        output = covered(execution, output)
    if evidence and not isinstance(evidence, Value):
        evidence = covered(execution, [asdict(item) for item in evidence])
    if isinstance(reason, str):
        reason = covered(execution, reason)
    return Outcome(
        outcome.status,
        output,
        confidence=outcome.confidence,
        evidence=evidence,
        reason=reason,
        seq=outcome.seq,
        failure=outcome.failure,
    )


def outcome_body(
    execution: Execution, outcome: Outcome, payloads: list[tuple[bytes, bytes]]
) -> dict[str, Json]:
    """Give a recorded outcome for an envelope; values not yet stored go to `payloads`."""
    body: dict[str, Json] = {"status": outcome.status}
    output, evidence, reason = parts = outcome.parts
    if isinstance(output, Value):
        body["output"] = execution.keep(output, payloads)
    if isinstance(evidence, Value):
        body["evidence"] = execution.keep(evidence, payloads)
    if isinstance(reason, Value):
        body["reason"] = execution.keep(reason, payloads)
    if outcome.confidence is not None:
        body["confidence"] = decimal(outcome.confidence.value)
        body["method"] = outcome.confidence.method
    if outcome.failure is not None:
        body["failure"] = outcome.failure
    if CONFIDENTIAL.known:
        body.update(redacted(*parts))
    return body


def outcome_from(body: Mapping[str, Any], seq: int, stored: Callable[[str], Value]) -> Outcome:
    """Give an outcome from an event's body, its values by the function `stored`."""
    confidence = body.get("confidence")
    return Outcome(
        body["status"],
        stored(body["output"]) if "output" in body else None,
        confidence=None if confidence is None else Confidence(float(confidence), body["method"]),
        evidence=stored(body["evidence"]) if "evidence" in body else (),
        reason=stored(body["reason"]) if "reason" in body else None,
        seq=seq,
        failure=body.get("failure"),
    )


def held(outcome: Outcome) -> Outcome:
    """Give the same outcome with every value in memory, so that it outlives its store."""
    for part in outcome.parts:
        if isinstance(part, Value):
            _ = part.data  # reading it loads it
    return outcome
