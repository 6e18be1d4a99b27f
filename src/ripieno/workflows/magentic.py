"""Open-ended work as files write it: its managers, its limits, and who approves its effects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Discriminator, Field, Tag

from ripieno.model.effect_rule import WITHHELD, EffectRule, approved
from ripieno.workflows.fields import LARGEST, Document, Name, Time, by_key

if TYPE_CHECKING:
    from ripieno.workflows.document import Stage

__all__ = ["MagenticSettings", "effect_rule"]


class ApproverSettings(Document):
    """Who is asked before something is done to another system."""

    role: str = Field(min_length=1, description="the role that may approve")
    due: Time | None = Field(default=None, description="time after which it is rejected; for ever")
    because: str | None = Field(default=None, description="why they are asked, in a sentence")


class ApprovedSettings(Document):
    """Each write effect waits for a person."""

    approved: Annotated[
        Annotated[str, Field(min_length=1), Tag("<name>")] | Annotated[ApproverSettings, Tag("<approver>")],
        Discriminator(by_key({}, otherwise="<approver>")),
    ] = Field(description="the role that approves each effect, or a mapping of it")


Effects = Annotated[
    Annotated[Literal["withheld"], Tag("<name>")] | Annotated[ApprovedSettings, Tag("<approved>")],
    Discriminator(by_key({}, otherwise="<approved>")),
]
"""What becomes of write effects: `withheld`, or `{approved: role}`."""


class MagenticSettings(Document):
    """Managers plan and direct, workers work."""

    name: Name | None = Field(default=None, description="needed when there is more than one of its kind")
    steps: list[Stage] = Field(min_length=1, description="the workers")
    planner: Stage = Field(description="who gives facts and plans")
    effects: Effects = Field(description="what becomes of effects: `withheld`, or who approves each")
    progress: Stage | None = Field(
        default=None, description="who says how it goes and who is next; the planner when left out"
    )
    synthesise: Stage | None = Field(
        default=None, description="who puts the answer together; the planner when left out"
    )
    review: Stage | None = Field(default=None, description="who approves, edits or rejects each plan")
    rounds: int = Field(default=20, ge=1, le=LARGEST, description="turns of workers in all")
    stalls: int = Field(
        default=3, ge=0, le=LARGEST, description="more than so many without progress, and it is replanned"
    )
    replans: int = Field(default=2, ge=0, le=LARGEST, description="how often a plan is made anew")
    asks: int = Field(default=3, ge=1, le=LARGEST, description="how often in all an answer is asked for")
    within: Time | None = Field(default=None, description="time after which the answer is put together")
    sees: Literal["own", "all"] | list[str] = Field(
        default="own",
        description="whose results a worker sees by name: its own, everybody's, or also those of these",
    )


def effect_rule(rule: str | ApprovedSettings) -> EffectRule:
    """Give the rule itself."""
    if isinstance(rule, str):
        return WITHHELD
    approver = rule.approved
    if isinstance(approver, str):
        return approved(approver)
    return approved(approver.role, due=approver.due, because=approver.because or "")
