"""A person looks at a plan before anybody works after it: approves, edits, or rejects it with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Task
from ripieno.participants.base import BaseParticipant
from ripieno.patterns.magentic.documents import MalformedError, PlanReview, plan_items
from ripieno.patterns.magentic.ending import EndedError, Ending
from ripieno.patterns.magentic.plan import PlanItem, carried_over, changes

if TYPE_CHECKING:
    from ripieno.patterns.magentic.course import Course

__all__ = ["Verdict", "reviewed"]

DECISIONS = ("approve", "edit", "reject")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person said of a plan."""

    plan: list[PlanItem] | None
    """The plan as it stands now; None when it was rejected."""
    reason: str


async def reviewed(
    course: Course, reviewer: BaseParticipant, planned: list[PlanItem], about: Mapping[str, Json]
) -> Verdict:
    """Ask for a review, again where it cannot be followed, and record it."""
    problems: list[str] = []
    for _ in range(course.rules.asks):
        outcome = await course.consult(reviewer, shown(course, about, problems))
        said = decision(outcome)
        if said is None:
            why = f"{reviewer.name} did not review the plan: {outcome.reason or outcome.status}"
            raise EndedError(Ending("unreviewed", "escalated", why))
        try:
            review = course.understood(PlanReview, Outcome("complete", said))
        except MalformedError as malformed:
            problems = malformed.problems
            continue
        return await settled(course, planned, review, by(outcome, reviewer))
    why = f"{reviewer.name} gave no review that can be followed: {problems[0]}"
    raise EndedError(Ending("unreviewed", "escalated", why))


async def settled(course: Course, planned: list[PlanItem], review: PlanReview, by: str) -> Verdict:
    """Record a review, and give what the plan is after it."""
    edited = carried_over(course.ledger.plan, plan_items(review.items))
    because: dict[str, Any] = {"by": by, "reason": review.reason}
    if review.decision == "edit":
        because["changes"] = changes(planned, edited)
    chosen = await course.context.choose("plan review", review.decision, offered=DECISIONS, because=because)
    plans: dict[str, list[PlanItem]] = {"approve": planned, "edit": edited}
    return Verdict(plans.get(chosen), review.reason)


def shown(course: Course, about: Mapping[str, Json], problems: Sequence[str]) -> Task:
    """Give what the reviewer sees: the plan, what it changes, and what was wrong with the last review."""
    name, context = course.rules.name, course.context
    seen = course.told("review", **about, **({"problems": list(problems)} if problems else {}))
    facts: list[Json] = [fact.document() for fact in course.ledger.facts]
    what: dict[str, Json] = {**about, "facts": facts}
    if problems:
        what["problems"] = list(problems)
    words = context.value(f"plan {course.ledger.plans} to review")
    plan = Outcome("complete", context.value(what), reason=words)
    return Task(seen.input, {**seen.state, name: plan}, name, seen.turn)


def decision(outcome: Outcome) -> Any:
    """Give a review as it was said; a plain yes or no is one too. None when nobody said anything."""
    said = outcome.output
    fields = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
    if isinstance(fields.get("proceed"), bool):
        reason = fields.get("note") or outcome.reason or ""
        return {"decision": "approve" if fields["proceed"] else "reject", "reason": str(reason)}
    return outcome.output if outcome.ok else None


def by(outcome: Outcome, reviewer: BaseParticipant) -> str:
    """Name who reviewed, as exactly as it is known."""
    return reviewer.name if outcome.confidence is None else outcome.confidence.method
