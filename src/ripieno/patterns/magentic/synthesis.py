"""The answer: put together at every ending, from what is known, with what is missing said beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ripieno.model.event import Json
from ripieno.model.outcome import Outcome

if TYPE_CHECKING:
    from ripieno.patterns.magentic.course import Course
    from ripieno.patterns.magentic.ending import Ending
    from ripieno.patterns.magentic.ledger import Ledger

__all__ = ["so_far", "synthesised"]

SHOWN = 5


async def synthesised(course: Course, ending: Ending) -> Outcome:
    """Have the answer put together; when whoever does that fails, it is the ledger itself.

    `complete` only when the request was found satisfied and the answer was put together.
    """
    rules, ledger = course.rules, course.ledger
    missing = ledger.missing()
    ended: dict[str, Any] = {"ending": ending.kind, "why": ending.why, "missing": missing}
    await course.context.choose("ending", ending.kind, offered=[ending.kind], because=ended)
    outcome = await course.context.call(
        rules.synthesise, course.told("synthesis", **ended), effects=rules.effects, kept_for=True
    )
    proofs = ledger.proofs()
    if outcome.status in ("complete", "partial") and outcome.output is not None:
        reasons = [] if ending.kind == "satisfied" else [ending.why]
        reasons += [] if outcome.ok else [outcome.reason or "the answer is partial"]
        return Outcome(
            ending.status if outcome.ok or ending.status != "complete" else "partial",
            {"answer": outcome.output, "missing": missing},
            confidence=outcome.confidence,
            evidence=[*proofs, *(one for one in outcome.evidence if one not in proofs)],
            reason=with_missing(reasons, missing),
        )
    why = "it gave nothing" if outcome.ok else outcome.reason or outcome.status
    failed = f"{rules.synthesise.name} put no answer together: {why}"
    reasons = [failed] if ending.kind == "satisfied" else [ending.why, failed]
    return Outcome(
        "partial" if ending.status == "complete" else ending.status,
        {"answer": from_ledger(ledger), "missing": missing},
        evidence=proofs,
        reason=with_missing(reasons, missing),
    )


def so_far(ledger: Ledger) -> Outcome:
    """Give the best result so far, for when a limit from outside ends it where it stands."""
    answer = {"answer": from_ledger(ledger), "missing": ledger.missing()}
    return Outcome("partial", answer, evidence=ledger.proofs())


def with_missing(reasons: list[str], missing: list[str]) -> str | None:
    """Give why it is not complete and what is missing; None when it is complete."""
    if not reasons:
        return None
    more = f"; and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
    lacking = f"; missing: {'; '.join(missing[:SHOWN])}{more}" if missing else ""
    return "; ".join(reasons) + lacking


def from_ledger(ledger: Ledger) -> dict[str, Json]:
    """Give the answer that the ledger itself is: what stands firm, and what came last of each item."""
    latest = {entry.item: entry for entry in ledger.evidence}
    return {
        "facts": [fact.text for fact in ledger.facts if fact.firm],
        "found": {item: entry.said for item, entry in latest.items() if entry.status == "complete"},
        "failed": {item: entry.said for item, entry in latest.items() if entry.status != "complete"},
    }
