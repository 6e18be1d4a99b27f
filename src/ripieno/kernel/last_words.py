"""What a child run tells its parent in the commit that ends it: its outcome, and what it has spent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ripieno.journal.records import Message, Told
from ripieno.journal.store import Store
from ripieno.journal.vouched import code, columns
from ripieno.model.event import Event
from ripieno.model.ids import short
from ripieno.model.outcome import Confidence, Outcome
from ripieno.model.spending import NOTHING, Spending
from ripieno.model.value import Value, decode, encode

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["last_words", "outcome_told", "spent_by"]

PARTS = ("output", "evidence", "reason")


def last_words(store: Store, started: Event, outcome: Outcome, spent: Spending, now: int) -> Told | None:
    """Give what goes to the parent of a run, committed under the parent's key; None where it has none.

    The parts of the outcome, which have been recorded, travel as the bytes that they are.
    """
    above = started.body.get("parent")
    if above is None:
        return None
    told: dict[str, Any] = {"run": started.stream, "status": outcome.status, "spent": spent.document()}
    for name, part in zip(PARTS, outcome.parts, strict=True):
        if isinstance(part, Value):
            told[name] = part.data.decode("utf-8")
    if outcome.confidence is not None:
        told["confidence"] = [outcome.confidence.value, outcome.confidence.method]
    parent, path = above["run"], above["path"]
    key = store.key(parent)
    data = encode(told)
    commitment = key.commit(data)
    message = Message(
        f"child:{started.stream}",
        parent,
        "child",
        f"run:{started.stream}",
        now,
        f"{parent}/{path}",
        path,
        commitment.hex(),
    )
    return Told(message, key.stream, commitment, key.seal(commitment, data), code(key, columns(message)))


def outcome_told(told: Mapping[str, Any], scope: Scope) -> tuple[Outcome, Spending]:
    """Read what a child told: its outcome as that of the visit, and what it has spent.

    A child that was cancelled, and not by its parent, has left the case to whoever cancelled it:
    `escalated`.
    """
    commit = scope.execution.lease.key.commit
    parts: dict[str, Value] = {}
    for name in PARTS:
        if name in told:
            data = told[name].encode("utf-8")
            parts[name] = Value(commit(data).hex(), data)
    spent = Spending.read(told["spent"])
    if told["status"] == "cancelled":
        why = parts["reason"].decode() if "reason" in parts else "cancelled"
        return Outcome("escalated", reason=f"run {short(told['run'])} was {why}"), spent
    sure = told.get("confidence")
    outcome = Outcome(
        told["status"],
        parts.get("output"),
        confidence=None if sure is None else Confidence(*sure),
        evidence=parts.get("evidence", ()),
        reason=parts.get("reason"),
    )
    return outcome, spent


def spent_by(store: Store, events: Iterable[Event]) -> Spending:
    """Add up what a run has spent by its events, for when it ends without being replayed."""
    spent = NOTHING
    for event in events:
        if event.kind == "result":
            spent += Spending.read(event.body.get("spent", {}))
        elif event.kind == "spent":
            spent += Spending.read(event.body.get("amounts", {}))
        elif event.kind == "answered" and event.body["what"] == "child":
            told: Any = decode(store.payload(event.stream, event.body["content"]))
            spent += Spending.read(told["spent"])
    return spent
