"""LLM agents as workflow files write them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import Discriminator, Field, Tag, model_validator

from ripieno.connectors.connector import Connector
from ripieno.connectors.tool import Tool
from ripieno.model.errors import DefinitionError, nearest
from ripieno.model.failure import Failure
from ripieno.participants.base import BaseParticipant
from ripieno.participants.llm.agent import DEFAULT_TIMEOUT, MISTAKES, ROUNDS, Agent
from ripieno.participants.llm.brought import BroughtAgent
from ripieno.participants.llm.confidence import ConfidenceRule, Judged, Samples
from ripieno.participants.llm.prompts import SEEN, Example
from ripieno.patterns.compacting import Compact, summary
from ripieno.resilience.compaction import Strategy
from ripieno.resilience.compaction.budget import Counter
from ripieno.resilience.policy import PASSING
from ripieno.workflows.agents import CollapseSettings, StrategySettings, ToolRule, strategy, tools
from ripieno.workflows.declared import form
from ripieno.workflows.entries import Schema, WithMode
from ripieno.workflows.fields import LARGEST, Decimal, Document, Name, Reference, Time, by_key, wrong
from ripieno.workflows.objects import import_from
from ripieno.workflows.text import LARGEST_FILE

__all__ = ["AgentEntry", "AgentSettings", "BroughtSettings", "agent"]


class TextFile(Document):
    """A text in a file of its own."""

    file: str = Field(min_length=1, description="a file beside this one, in UTF-8")


def text_shape(value: Any) -> str:
    """Tell a text from the file that holds it."""
    return "<text>" if isinstance(value, str) else "<file>"


class ExampleDocument(Document):
    """A case and the answer to it."""

    input: Any = Field(description="the case, as the agent is given it")
    output: Any = Field(description="the answer that it should give")


class ModelOptions(Document):
    """How a model is asked."""

    max_tokens: int | None = Field(default=None, ge=1, le=LARGEST, description="of one response; 8192")
    temperature: Decimal | None = Field(default=None, ge=0, description="how freely it chooses its words")
    top_p: Decimal | None = Field(default=None, ge=0, le=1, description="share of likely words it takes from")
    seed: int | None = Field(default=None, description="for the same answers, as far as a provider can")
    thinking: bool | Literal["minimal", "low", "medium", "high", "xhigh"] | None = Field(
        default=None, description="whether it thinks before it answers, and how much"
    )
    parallel_tool_calls: bool | None = Field(
        default=None, description="whether it may ask for several calls at once"
    )
    presence_penalty: Decimal | None = Field(default=None, description="against what was said already")
    frequency_penalty: Decimal | None = Field(default=None, description="against what was said often")


class SamplesSettings(Document):
    """As sure as repeated samples agree."""

    samples: int = Field(ge=2, le=20, description="how often it is asked, side by side")


class JudgedSettings(Document):
    """As sure as another participant says."""

    judge: Name = Field(description="the participant that says it")


ConfidenceSettings = Annotated[
    Annotated[Literal["self"], Tag("<name>")]
    | Annotated[SamplesSettings, Tag("<samples>")]
    | Annotated[JudgedSettings, Tag("<judge>")],
    Discriminator(by_key({"samples": "<samples>", "judge": "<judge>"})),
]


ModelName = Annotated[str, Field(min_length=1)]
ModelNames = Annotated[
    Annotated[ModelName, Tag("<name>")] | Annotated[list[ModelName], Field(min_length=1), Tag("<list>")],
    Discriminator(lambda value: "<list>" if isinstance(value, list) else "<name>"),
]
"""A model, or several in the order in which they are asked."""


Intent = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,59}$")]
Intents = Annotated[
    Annotated[list[Intent], Tag("<list>")] | Annotated[dict[str, str], Tag("<described>")],
    Discriminator(lambda value: "<list>" if isinstance(value, list) else "<described>"),
]


class RecapSettings(Document):
    """The oldest messages in short."""

    participant: Name = Field(description="who tells them in short, of those that are declared")
    share: Decimal = Field(default=0.25, gt=0, lt=1, description="part of the tokens that it may use")


class ShortSettings(Document):
    """A strategy with settings: exactly one of these."""

    collapse: CollapseSettings | None = Field(
        default=None, description="what the oldest calls gave is left out, errors are not"
    )
    summary: RecapSettings | None = Field(
        default=None, description="a participant tells the oldest messages in short"
    )

    @model_validator(mode="after")
    def _one(self) -> ShortSettings:
        if len(self.model_fields_set) != 1:
            msg = f"expected one strategy: {', '.join(type(self).model_fields)}"
            raise wrong(msg)
        return self


ShortRule = Annotated[
    Annotated[Literal["collapse", "window"], Tag("<name>")] | Annotated[ShortSettings, Tag("<strategy>")],
    Discriminator(by_key({}, otherwise="<strategy>")),
]
"""A strategy: `collapse`, `window`, or a mapping."""


class TurnCompactSettings(Document):
    """What a model is told in a long turn, kept short."""

    tokens: int = Field(ge=1, le=LARGEST, description="how many tokens the messages of a turn may have")
    by: list[ShortRule] = Field(
        default_factory=lambda: list[ShortRule](("collapse", "window")),
        min_length=1,
        description="strategies in order: `collapse`, `window`, `summary`; collapse, then window if left out",
    )
    count: Reference | None = Field(
        default=None, description="`module:attribute` of a function that counts; estimated when left out"
    )

    @property
    def asks(self) -> set[str]:
        """Who tells messages in short."""
        rules = [rule.summary for rule in self.by if not isinstance(rule, str)]
        return {rule.participant for rule in rules if rule is not None}


class AgentSettings(Document):
    """An LLM agent: a model with instructions and tools."""

    model: ModelNames = Field(
        description="`provider:name`, such as `openai:gpt-5`, or one that ripieno.toml declares; of a list"
        " the next is asked where one fails"
    )
    fall_back_on: list[Failure] = Field(
        default_factory=lambda: list(PASSING),
        min_length=1,
        description="after which failures the next of a list is asked; when left out, those that may pass",
    )
    instructions: (
        Annotated[
            Annotated[str, Tag("<text>")] | Annotated[TextFile, Tag("<file>")], Discriminator(text_shape)
        ]
        | None
    ) = Field(default=None, description="what it is told first, or the file that says it")
    tools: list[ToolRule] = Field(
        default_factory=list[ToolRule],
        description="`module:attribute` of each tool, alone or with settings; `connector:name/tool`",
    )
    output: Schema | None = Field(
        default=None, description="JSON Schema of its answer, or a Pydantic model; text when left out"
    )
    examples: list[ExampleDocument] = Field(
        default_factory=list[ExampleDocument], description="cases with the answers it should give"
    )
    sees: list[Name] = Field(
        default_factory=lambda: list(SEEN),
        description="what it is shown: `input`, `previous`, `turn`, `complaint`, or participants by name",
    )
    settings: ModelOptions = Field(default_factory=ModelOptions, description="how its model is asked")
    confidence: ConfidenceSettings | None = Field(
        default=None, description="how sure it is: `self`, `{samples: 5}`, or `{judge: reviewer}`"
    )
    intents: Intents = Field(
        default_factory=list[Intent],
        description="what it may be asked for, a list of names, or each with what it is; which of them it has"
        " recognised, or `other`, is a recorded choice",
    )
    rounds: int = Field(default=ROUNDS, ge=1, le=LARGEST, description="how often its model is asked at most")
    mistakes: int = Field(
        default=MISTAKES, ge=0, le=LARGEST, description="how many mistakes in a row it is told of"
    )
    timeout: Time = Field(default=DEFAULT_TIMEOUT, description="of one request to its model; 5 min")
    compact: TurnCompactSettings | None = Field(
        default=None, description="keeps what its model is told in a long turn short"
    )

    @property
    def asks(self) -> set[str]:
        """Whom it asks itself: those have to be known before it."""
        judges: set[str] = set() if self.judge is None else {self.judge}
        return judges | (set() if self.compact is None else self.compact.asks)

    @property
    def judge(self) -> str | None:
        """Who judges it, if anybody does."""
        return self.confidence.judge if isinstance(self.confidence, JudgedSettings) else None


class BroughtSettings(Document):
    """An agent of Pydantic AI as it is, whose instructions, model, tools and answers are its own."""

    brought: Reference = Field(description="`module:attribute` of the agent")
    tools: dict[str, ToolRule] = Field(
        default_factory=dict[str, ToolRule],
        description="declared tools in place of its own, by the names of those: `{price: shop:price}`",
    )
    rounds: int = Field(default=ROUNDS, ge=1, le=LARGEST, description="how often its model is asked at most")
    mistakes: int = Field(
        default=MISTAKES, ge=0, le=LARGEST, description="how many mistakes in a row it is told of"
    )
    timeout: Time = Field(default=DEFAULT_TIMEOUT, description="of one request to its model; 5 min")
    compact: TurnCompactSettings | None = Field(
        default=None, description="keeps what its model is told in a long turn short"
    )

    @property
    def asks(self) -> set[str]:
        """Whom it asks itself: those have to be known before it."""
        judges: set[str] = set() if self.judge is None else {self.judge}
        return judges | (set() if self.compact is None else self.compact.asks)

    @property
    def judge(self) -> str | None:
        """Nobody judges it."""
        return None


def agent_shape(value: Any) -> str:
    """Tell an agent that was brought along from one that is declared."""
    return "<brought>" if isinstance(value, dict) and "brought" in value else "<agent>"


class AgentEntry(WithMode):
    """An LLM agent."""

    agent: Annotated[
        Annotated[AgentSettings, Tag("<agent>")] | Annotated[BroughtSettings, Tag("<brought>")],
        Discriminator(agent_shape),
    ]


def agent(
    name: str,
    settings: AgentSettings | BroughtSettings,
    folder: Path,
    known: Mapping[str, BaseParticipant | None],
    connectors: Mapping[str, Connector],
) -> Agent:
    """Give the agent that an entry declares; who judges it is among the `known`."""
    if isinstance(settings, BroughtSettings):
        return brought(name, settings, folder, known, connectors)
    output = None if settings.output is None else form(settings.output, folder)
    return Agent(
        name,
        model=settings.model,
        fall_back_on=settings.fall_back_on,
        instructions=instructions(settings.instructions, folder),
        tools=tools(settings.tools, folder, connectors),
        output=output,
        examples=[Example(one.input, one.output) for one in settings.examples],
        sees=settings.sees,
        settings=settings.settings.model_dump(exclude_none=True),
        confidence=confidence(name, settings, known),
        intents=settings.intents,
        rounds=settings.rounds,
        mistakes=settings.mistakes,
        timeout=settings.timeout,
        compact=short(name, settings.compact, folder, known),
    )


def brought(
    name: str,
    settings: BroughtSettings,
    folder: Path,
    known: Mapping[str, BaseParticipant | None],
    connectors: Mapping[str, Connector],
) -> BroughtAgent:
    """Give an agent that was brought along."""
    import_from(folder, settings.brought)
    declared: dict[str, Tool] = {}
    for key, rule in settings.tools.items():
        found = tools([rule], folder, connectors)
        if len(found) > 1:
            msg = f"{name}: several tools in place of {key!r}"
            raise DefinitionError(msg, remedy="name the one that stands for it")
        declared[key] = found[0]
    return BroughtAgent(
        name,
        settings.brought,
        tools=declared,
        rounds=settings.rounds,
        mistakes=settings.mistakes,
        timeout=settings.timeout,
        compact=short(name, settings.compact, folder, known),
    )


def short(
    name: str,
    settings: TurnCompactSettings | None,
    folder: Path,
    known: Mapping[str, BaseParticipant | None],
) -> Compact | None:
    """Give how what an agent's model is told is kept short."""
    if settings is None:
        return None
    by: list[Strategy] = []
    for rule in settings.by:
        if isinstance(rule, str) or rule.summary is None:
            by.append(
                strategy(rule if isinstance(rule, str) else StrategySettings(collapse=rule.collapse), None)
            )
            continue
        whom = known.get(rule.summary.participant)
        if whom is None:
            said = rule.summary.participant
            msg = f"{name} has {said!r} sum up what came before, which is no participant that could do so"
            raise DefinitionError(msg, remedy=f"declare {said!r}, and let it be nobody who asks {name}")
        by.append(summary(whom, share=rule.summary.share))
    return Compact(settings.tokens, by, None if settings.count is None else counter(folder, settings.count))


def counter(folder: Path, reference: str) -> Counter:
    """Give the function that counts tokens."""
    found = import_from(folder, reference)
    if not callable(found):
        msg = f"expected a function at {reference!r} that counts the tokens of a message"
        raise DefinitionError(msg)
    return cast("Counter", found)


def confidence(
    name: str, settings: AgentSettings, known: Mapping[str, BaseParticipant | None]
) -> ConfidenceRule | None:
    """Give how sure an agent is."""
    rule = settings.confidence
    if isinstance(rule, JudgedSettings):
        judge = known.get(rule.judge)
        if judge is None:
            hint = nearest(rule.judge, known)
            msg = f"{name} is judged by {rule.judge!r}, which is no participant that could do so{hint}"
            raise DefinitionError(msg, remedy=f"declare {rule.judge!r}, and let it be judged by others")
        return Judged(judge)
    return Samples(rule.samples) if isinstance(rule, SamplesSettings) else rule


def instructions(said: str | TextFile | None, folder: Path) -> str:
    """Give what an agent is told, read from its file where it has one."""
    if not isinstance(said, TextFile):
        return said or ""
    file = folder / said.file
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_FILE + 1)
        if len(content) <= LARGEST_FILE:
            return content.decode()
        reason = f"it has more than {LARGEST_FILE:,} bytes"
    except OSError as error:
        reason = error.strerror or str(error)
    except UnicodeDecodeError as error:
        reason = str(error)
    msg = f"cannot read the instructions {str(file)!r}: {reason}"
    raise DefinitionError(msg)
