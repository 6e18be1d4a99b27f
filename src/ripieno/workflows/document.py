"""A workflow file as Pydantic models: what may stand where. They read files and give the JSON Schema.

Unions are told apart by the key that names the kind; tags are in angle brackets, so that no key of
a file is ever taken for one.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Discriminator, Field, Tag

from ripieno.model.failure import Failure
from ripieno.resilience.policy import PASSING
from ripieno.workflows.agents import (
    AboutSettings,
    CompactSettings,
    DirectSettings,
    SingleAgentSettings,
    StrategySettings,
    SummarySettings,
)
from ripieno.workflows.calendars import CalendarEntry
from ripieno.workflows.chats import End, EndSettings, ManagerRule, ManagerSettings
from ripieno.workflows.checks import RuleOfCheck, StageCheck
from ripieno.workflows.connector_entries import ConnectorEntry
from ripieno.workflows.entries import Schema, WithMode
from ripieno.workflows.fields import LARGEST, Decimal, Document, Import, Name, Time, by_key, list_or_settings
from ripieno.workflows.kinds import ParticipantEntry
from ripieno.workflows.limits import DegradeDocument, LimitDocument, LimitsDocument, WorkflowLimits
from ripieno.workflows.magentic import MagenticSettings
from ripieno.workflows.rules import JudgeSettings, Rule, RuleSettings

__all__ = [
    "FLOW_KINDS",
    "BranchStage",
    "ConcurrentStage",
    "DirectStage",
    "Escalation",
    "GroupChatSettings",
    "GroupChatStage",
    "HandoffSettings",
    "HandoffStage",
    "LoopStage",
    "MagenticStage",
    "MapStage",
    "Qualified",
    "Retry",
    "SequentialStage",
    "SingleAgentStage",
    "Stage",
    "StepStage",
    "WorkflowDocument",
]

# -- the flow --------------------------------------------------------------------------------------------


class Escalation(Document):
    """Hand the case to somebody when it is not certain enough, or not complete."""

    below: Decimal = Field(gt=0, le=1, description="confidence under which it is handed over")
    to: Stage = Field(description="a participant's name, or a stage")


class Retry(Document):
    """Try again after a failure."""

    attempts: int = Field(ge=1, le=LARGEST, description="how often it is tried in all")
    backoff: Time = Field(default="1s", description="wait before the second attempt; doubled each time")


class Qualified(WithMode):
    """What can be said of any stage in its place."""

    escalate: Escalation | None = Field(
        default=None, description="hand the case on under a confidence, or when it is not complete"
    )
    retry: Retry | None = Field(default=None, description="try again after a failure")
    timeout: Time | None = Field(default=None, description="longest time, waits included; then it has failed")
    on_failure: Literal["stop", "continue", "undo"] = Field(
        default="stop",
        description="what a sequence does when this does not complete; `undo` takes back what it has done",
    )
    limit: LimitDocument | None = Field(default=None, description="how far each visit may go")
    check: list[StageCheck] = Field(
        default_factory=list[StageCheck], description="what has to hold of its input and of its result"
    )
    about: AboutSettings | None = Field(
        default=None, description="its field and its security boundary, for `ripieno check` to compare"
    )


class StepStage(Qualified):
    """A participant, by name."""

    step: str = Field(description="name of a participant")


class DirectStage(Qualified):
    """One participant, asked once."""

    direct: DirectSettings


class SingleAgentStage(Qualified):
    """One participant with tools, asked again until it answers."""

    single_agent: SingleAgentSettings


class SequentialSettings(Document):
    """Stages one after another."""

    name: Name | None = Field(default=None, description="needed when there is more than one of its kind")
    steps: list[Stage] = Field(min_length=1, description="the stages in order")


class SequentialStage(Qualified):
    """One after another, each seeing what those before it found."""

    sequential: Annotated[
        Annotated[list[Stage], Field(min_length=1), Tag("<list>")]
        | Annotated[SequentialSettings, Tag("<settings>")],
        Discriminator(list_or_settings),
    ]


class FallbackSettings(Document):
    """One after another, until one does not fail."""

    name: Name | None = Field(default=None, description="needed when there is more than one of its kind")
    steps: list[Stage] = Field(min_length=1, description="who is asked, in order")
    on: list[Failure] = Field(
        default_factory=lambda: list(PASSING),
        min_length=1,
        description="after which failures the next one is asked; those that may pass when left out",
    )
    losers: Literal["list", "undo"] = Field(
        default="undo",
        description="what one that failed has done to other systems is taken back, or named in the log",
    )


class FallbackStage(Qualified):
    """The first that does not fail in a way that another may do better."""

    fallback: FallbackSettings


class ConcurrentSettings(Document):
    """Stages side by side."""

    name: Name | None = Field(default=None, description="needed when there is more than one of its kind")
    steps: list[Stage] = Field(min_length=1, description="the branches")
    resolve: Rule = Field(description="the rule that makes one result of theirs")
    on_failure: Literal["collect", "fail_fast"] | Annotated[int, Field(ge=1, le=LARGEST)] = Field(
        default="collect",
        description="wait for every branch, stop the others when one does not complete, or how many have to",
    )
    losers: Literal["list", "undo"] = Field(
        default="list",
        description="what branches that lose have done to other systems is named in the log, or taken back",
    )


class ConcurrentStage(Qualified):
    """Side by side, joined by a rule."""

    concurrent: ConcurrentSettings


Condition = Annotated[
    Annotated[str, Tag("<name>")] | Annotated[Import, Tag("<import>")],
    Discriminator(by_key({"import": "<import>"})),
]


class Case(Document):
    """A condition and what is done when it holds."""

    when: Condition = Field(description="an expression, or a Python function of the names it would see")
    then: Stage = Field(description="what is done")


class BranchSettings(Document):
    """The first case that holds."""

    name: Name | None = Field(default=None, description="needed when there is more than one of its kind")
    cases: list[Case] = Field(min_length=1, description="tried in order")
    otherwise: Stage | None = Field(default=None, description="when no case holds; nothing when left out")


class BranchStage(Qualified):
    """The first case whose condition holds."""

    branch: BranchSettings


class MapSettings(Document):
    """The same for every item."""

    name: Name | None = Field(default=None, description="needed when there is more than one of its kind")
    over: str = Field(min_length=1, description="an expression that gives a list")
    step: Stage = Field(description="what is done for each item")
    width: int = Field(default=10, ge=1, le=LARGEST, description="how many at a time")


class MapStage(Qualified):
    """The same stage for every item of a list."""

    map: MapSettings


class LoopSettings(Document):
    """Again and again."""

    name: Name | None = Field(default=None, description="needed when there is more than one of its kind")
    step: Stage = Field(description="what is repeated")
    until: Condition = Field(description="an expression, or a Python function of the names it would see")
    rounds: int = Field(ge=1, le=LARGEST, description="how often at most")


class LoopStage(Qualified):
    """The same stage again, until a condition holds."""

    loop: LoopSettings


class HandoffSettings(Document):
    """The case passes from hand to hand."""

    name: Name | None = Field(default=None, description="needed when there is more than one of its kind")
    steps: list[Stage] = Field(min_length=1, description="who takes part; it begins with the first")
    edges: dict[str, list[str]] = Field(description="who may hand over to whom, by name")
    otherwise: Stage | None = Field(
        default=None, description="who gets the case when a guard trips; escalated when left out"
    )
    limit: int = Field(default=8, ge=1, le=LARGEST, description="hand-overs in all")
    per_edge: int = Field(default=2, ge=1, le=LARGEST, description="hand-overs on one edge")
    within: Time | None = Field(default=None, description="time after which nothing is handed over any more")
    carry: Literal["all", "last", "summary"] | list[str] = Field(
        default="all",
        description="what travels: all that was found, the last result, also the results of those named,"
        " or what `summarise` makes of it all",
    )
    summarise: Stage | None = Field(
        default=None, description="who is asked at each hand-over when `carry` is `summary`"
    )
    compact: CompactSettings | None = Field(
        default=None, description="shows what travels as messages, and keeps these short"
    )


class HandoffStage(Qualified):
    """From hand to hand along declared edges, until one gives a result."""

    handoff: HandoffSettings


class GroupChatSettings(Document):
    """A conversation."""

    name: Name | None = Field(default=None, description="needed when there is more than one of its kind")
    steps: list[Stage] = Field(min_length=1, description="who speaks")
    until: End = Field(description="when it ends; a limit has to be among it")
    manager: ManagerRule = Field(default="round_robin", description="who says who speaks next")
    otherwise: Stage | None = Field(
        default=None, description="who decides when only a limit ends it; partial when left out"
    )
    sees: int = Field(default=20, ge=1, le=LARGEST, description="how many messages a speaker is shown")
    compact: CompactSettings | None = Field(default=None, description="keeps those messages short")


class GroupChatStage(Qualified):
    """One conversation, one speaker at a time."""

    group_chat: GroupChatSettings


class MagenticStage(Qualified):
    """Open-ended work: planned, directed, replanned when it stalls, within limits."""

    magentic: MagenticSettings


FLOW_KINDS: Final = {
    kind: f"<{kind}>"
    for kind in (
        "step",
        "direct",
        "single_agent",
        "sequential",
        "fallback",
        "concurrent",
        "handoff",
        "group_chat",
        "magentic",
        "branch",
        "map",
        "loop",
    )
}

type_of_stage = by_key(FLOW_KINDS)

Stage = Annotated[
    Annotated[str, Tag("<name>")]
    | Annotated[StepStage, Tag("<step>")]
    | Annotated[DirectStage, Tag("<direct>")]
    | Annotated[SingleAgentStage, Tag("<single_agent>")]
    | Annotated[SequentialStage, Tag("<sequential>")]
    | Annotated[FallbackStage, Tag("<fallback>")]
    | Annotated[ConcurrentStage, Tag("<concurrent>")]
    | Annotated[HandoffStage, Tag("<handoff>")]
    | Annotated[GroupChatStage, Tag("<group_chat>")]
    | Annotated[MagenticStage, Tag("<magentic>")]
    | Annotated[BranchStage, Tag("<branch>")]
    | Annotated[MapStage, Tag("<map>")]
    | Annotated[LoopStage, Tag("<loop>")],
    Discriminator(type_of_stage),
]
"""A stage of a flow: a participant's name, a step with settings, or a pattern."""

# -- the whole -------------------------------------------------------------------------------------------


class ReplacesDocument(Document):
    """What the workflow takes over."""

    minutes: Decimal | None = Field(default=None, ge=0, description="manual work per case")
    touchpoints: int | None = Field(
        default=None, ge=0, le=LARGEST, description="hand-overs between people per case"
    )
    value: str | None = Field(default=None, description="what a case is worth, such as `35 USD`")


ConnectorName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9\-]{0,39}$")]

DataClass = Literal["public", "internal", "personal", "phi", "financial", "secret"]


class WorkflowDocument(Document):
    """A workflow."""

    workflow: str = Field(
        pattern=r"^[a-z][a-z0-9\-]{0,63}$", description="its name: lower-case letters, digits and `-`"
    )
    owner: str | None = Field(default=None, description="the team that answers for it")
    purpose: str | None = Field(default=None, description="what it is for, in one sentence")
    risk: Literal["low", "medium", "high"] = Field(default="medium", description="how much harm it can do")
    data: list[DataClass] = Field(
        default_factory=list[DataClass], description="the classes of data it touches"
    )
    input_trust: Literal["trusted", "untrusted"] = Field(
        default="trusted", description="`untrusted` where the input comes from outside, whoever starts a run"
    )
    policy: str | None = Field(default=None, description="the policy pack it runs under")
    limits: WorkflowLimits = Field(default_factory=WorkflowLimits, description="how far a run may go")
    replaces: ReplacesDocument = Field(
        default_factory=ReplacesDocument, description="what it takes over, so that its impact can be computed"
    )
    input: Schema | None = Field(default=None, description="what a run's input has to be")
    calendars: dict[Name, CalendarEntry] = Field(
        default_factory=dict[str, CalendarEntry], description="when people work, by name"
    )
    connectors: dict[ConnectorName, ConnectorEntry] = Field(
        default_factory=dict[str, ConnectorEntry], description="the systems that its tools reach, by name"
    )
    participants: dict[Name, ParticipantEntry] = Field(
        default_factory=dict[str, ParticipantEntry], description="who acts, by name"
    )
    flow: Stage = Field(description="how they work together")


for _model in (
    JudgeSettings,
    RuleSettings,
    EndSettings,
    ManagerSettings,
    MagenticSettings,
    SummarySettings,
    StrategySettings,
    CompactSettings,
    DirectSettings,
    RuleOfCheck,
    StageCheck,
    SingleAgentSettings,
    FallbackSettings,
    ConcurrentSettings,
    GroupChatSettings,
    Escalation,
    DegradeDocument,
    LimitsDocument,
    LimitDocument,
    WorkflowDocument,
):
    _model.model_rebuild(force=True, _types_namespace={**globals(), "JudgeSettings": JudgeSettings})
