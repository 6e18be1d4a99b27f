"""Limits as files write them: how far a run or a stage may go, and what happens when one trips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Discriminator, Field, Tag

from ripieno.workflows.fields import LARGEST, Document, Dollars, Time, by_key

if TYPE_CHECKING:
    from ripieno.workflows.document import Stage

__all__ = ["AllowanceDocument", "AskDocument", "DegradeDocument", "LimitDocument", "LimitsDocument"]


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
