"""The rules that join concurrent branches, as files write them: a name, or a name with settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from ripieno.patterns import resolvers
from ripieno.workflows.fields import LARGEST, Decimal, Document, Time, by_key, wrong

if TYPE_CHECKING:
    from ripieno.participants.base import BaseParticipant
    from ripieno.workflows.document import Stage

__all__ = ["JudgeSettings", "Rule", "RuleName", "RuleSettings", "resolver"]

RuleName = Literal["merge", "unanimous", "majority", "median", "highest_confidence", "first"]
"""The rules that need no settings."""


class NoSettings(Document):
    """A rule without settings."""


class Compared(Document):
    """What is compared."""

    on: str | None = Field(default=None, description="dotted path of the field compared; else the whole")


class QuorumSettings(Compared):
    """So many have to agree."""

    k: int = Field(ge=1, le=LARGEST, description="how many branches have to say the same")


class WeightedSettings(Compared):
    """Not every branch counts the same."""

    weights: dict[str, Decimal] = Field(min_length=1, description="the weight of each branch, by name")
    above: Decimal = Field(default=0.5, ge=0, le=1, description="share of all weight that has to be passed")


class PrioritySettings(Document):
    """Which branch goes before which."""

    order: list[str] = Field(min_length=1, description="names of branches; the first that completed stands")


class FirstSettings(Document):
    """The fastest."""

    n: int = Field(default=1, ge=1, le=LARGEST, description="how many are waited for")
    within: Time | None = Field(default=None, description="time after which fewer will do")


class JudgeSettings(Compared):
    """Somebody who is asked."""

    step: Stage = Field(description="the participant that judges, a person too")
    always: bool = Field(default=False, description="ask also when the branches agree")


class RuleSettings(Document):
    """A rule with settings: exactly one of these."""

    merge: NoSettings | None = Field(default=None, description="each branch's output under its name")
    unanimous: Compared | None = Field(default=None, description="all say the same")
    majority: Compared | None = Field(default=None, description="more than half say the same")
    quorum: QuorumSettings | None = Field(default=None, description="at least `k` say the same")
    weighted: WeightedSettings | None = Field(default=None, description="the answer with the most weight")
    priority: PrioritySettings | None = Field(default=None, description="first of an order to complete")
    highest_confidence: NoSettings | None = Field(default=None, description="the surest")
    median: Compared | None = Field(default=None, description="the branch whose number stands in the middle")
    first: FirstSettings | None = Field(default=None, description="the first `n` to complete")
    judge: JudgeSettings | None = Field(
        default=None, description="a participant settles what they disagree on"
    )

    @model_validator(mode="after")
    def _one(self) -> RuleSettings:
        if len(self.model_fields_set) != 1:
            msg = f"expected one rule: {', '.join(type(self).model_fields)}"
            raise wrong(msg)
        return self

    @property
    def kind(self) -> str:
        """Which rule it is."""
        return next(iter(self.model_fields_set))


Rule = Annotated[
    Annotated[RuleName, Tag("<name>")] | Annotated[RuleSettings, Tag("<rule>")],
    Discriminator(by_key({}, otherwise="<rule>")),
]


def resolver(rule: str | RuleSettings, judge: BaseParticipant | None) -> resolvers.Resolver:
    """Give the rule itself; `judge` is whom a judge's settings name."""
    name = rule if isinstance(rule, str) else rule.kind
    settings: dict[str, Any] = {} if isinstance(rule, str) else dict(getattr(rule, name))
    if name == "judge":
        assert judge is not None, "its settings name one"
        settings.pop("step")
        return resolvers.judge(judge, **settings)
    if name == "priority":
        return resolvers.priority(*settings["order"])
    make: dict[str, Any] = {
        "merge": resolvers.merge,
        "unanimous": resolvers.unanimous,
        "majority": resolvers.majority,
        "quorum": resolvers.quorum,
        "weighted": resolvers.weighted,
        "highest_confidence": resolvers.highest_confidence,
        "median": resolvers.median,
        "first": resolvers.first,
    }
    return make[name](**settings)
