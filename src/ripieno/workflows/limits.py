"""Limits as files write them: how far a run or a stage may go, and what happens when one trips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Discriminator, Field, Tag

from ripieno.model.runaway import Rate, Runaway
from ripieno.workflows.fields import LARGEST, Document, Dollars, Time, by_key

if TYPE_CHECKING:
    from ripieno.workflows.document import Stage

__all__ = [
    "AllowanceDocument",
    "AskDocument",
    "DegradeDocument",
    "LimitDocument",
    "LimitsDocument",
    "RateSettings",
    "RunawaySettings",
    "WorkflowLimits",
    "runaway_of",
]


class AskSettings(Document):
    """Who may grant more."""

    role: str = Field(min_length=1, description="the role that may grant it")
    due: Time | None = Field(default=None, description="time to answer in; for ever when left out")


class AskDocument(Document):
    """A person is asked for more, and the work waits where it stands."""

    ask: AskSettings = Field(description="who is asked for more")


class DegradeDocument(Document):
    """Somebody cheaper does it instead."""

    degrade: Stage = Field(description="the cheaper participant: a name, or a stage")


Exhausted = Annotated[
    Annotated[Literal["stop", "escalate"], Tag("<name>")]
    | Annotated[AskDocument, Tag("<ask>")]
    | Annotated[DegradeDocument, Tag("<degrade>")],
    Discriminator(by_key({"ask": "<ask>", "degrade": "<degrade>"})),
]

Amount = Annotated[int, Field(ge=1, le=LARGEST)]


class Amounts(Document):
    """How far it may go."""

    active: Time | None = Field(
        default=None, description="time in which something is at work; waits for people are not counted"
    )
    deadline: Time | None = Field(default=None, description="from beginning to end, waits included")
    model_calls: Amount | None = Field(default=None, description="calls of models")
    tokens: Amount | None = Field(default=None, description="tokens")
    cost_usd: Dollars | None = Field(default=None, description="US dollars, such as `2` or `0.05`")
    handoffs: Amount | None = Field(default=None, description="hand-overs of all handoffs within")
    rounds: Amount | None = Field(default=None, description="rounds of all loops and chats within")


class LimitsDocument(Amounts):
    """How far it may go, and what happens when a limit trips."""

    on_exhausted: Exhausted | None = Field(
        default=None,
        description="`stop` with the best result so far, `escalate`, ask a role for more, or degrade to"
        " a cheaper participant; when left out, a deadline escalates and any other limit stops",
    )


class RateSettings(Document):
    """So many calls in so long a time, for one principal, all its runs together."""

    calls: Amount = Field(description="how many at once, and then as many as the time that passed allows")
    per: Time = Field(description="in how long a time")


class RunawaySettings(Document):
    """When a run is held to have run away."""

    repeats: Amount | None = Field(
        default=None,
        description="how often the same tool is called with the same arguments; when left out, 100 times"
        " where it writes and 1000 times where it reads",
    )
    fan_out: Amount | None = Field(default=None, description="branches of one participant at once")
    depth: int | None = Field(
        default=None, ge=0, le=LARGEST, description="workflows one within another below this one"
    )
    rates: dict[str, RateSettings] = Field(
        default_factory=dict[str, RateSettings], description="by name of a tool, how often it is called"
    )
    then: Literal["escalate", "stop"] = Field(
        default="escalate", description="what acts then ends as `escalated`, or with `stop` as `partial`"
    )


class WorkflowLimits(LimitsDocument):
    """How far a run may go, and when it is held to have run away."""

    runaway: RunawaySettings | None = Field(default=None, description="when a run is held to have run away")


class LimitDocument(LimitsDocument):
    """How far each visit of it may go, everything within included."""

    allowance: bool = Field(
        default=False, description="set all of it aside at the beginning; what is left goes back at the end"
    )


class AllowanceDocument(Amounts):
    """What each child run may spend, out of what is left above it; what it does not spend goes back."""

    on_exhausted: Literal["stop", "escalate"] | None = Field(
        default=None,
        description="`stop` with the best result so far, or `escalate`; when left out, a deadline escalates"
        " and any other limit stops",
    )


def runaway_of(declared: RunawaySettings | None) -> Runaway | None:
    """Give what a file says of runs that run away."""
    if declared is None:
        return None
    given = {name: value for name, value in declared if name != "rates"}
    rates = {tool: Rate(rate.calls, rate.per) for tool, rate in declared.rates.items()}
    return Runaway(**given, rates=rates)
