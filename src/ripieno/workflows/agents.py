"""The first two rungs and histories made to fit, as files write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, cast

from pydantic import Discriminator, Field, Tag, model_validator

from ripieno.connectors.connector import PREFIX, Connector
from ripieno.connectors.tool import Tool
from ripieno.model.errors import DefinitionError, NotFoundError, nearest
from ripieno.patterns import compacting
from ripieno.workflows.checks import PlainCheck, check
from ripieno.workflows.fields import LARGEST, Decimal, Document, Name, Reference, ToolName, by_key, wrong
from ripieno.workflows.objects import import_from
from ripieno.workflows.resilience import ResilienceDocument, resilience

if TYPE_CHECKING:
    from ripieno.participants.base import BaseParticipant
    from ripieno.resilience.compaction import Strategy
    from ripieno.workflows.document import Stage

__all__ = [
    "AboutSettings",
    "CollapseSettings",
    "CompactSettings",
    "DirectSettings",
    "SingleAgentSettings",
    "StrategyRule",
    "StrategySettings",
    "SummarySettings",
    "ToolRule",
    "ToolSettings",
    "strategy",
    "tools",
]


class AboutSettings(Document):
    """What a participant knows and may reach; nothing at run time depends on it."""

    domain: str | None = Field(default=None, min_length=1, description="its field, such as `billing`")
    boundary: str | None = Field(
        default=None, min_length=1, description="what it may reach, such as `payments`: data, tools, systems"
    )


class CollapseSettings(Document):
    """What the oldest calls gave is left out."""

    keep: int = Field(default=1, ge=1, le=LARGEST, description="so many of the latest batches of calls stay")


class SummarySettings(Document):
    """The oldest messages in short."""

    step: Stage = Field(description="the participant that tells them in short")
    share: Decimal = Field(default=0.25, gt=0, lt=1, description="part of the tokens that it may use")


class StrategySettings(Document):
    """A strategy with settings: exactly one of these."""

    collapse: CollapseSettings | None = Field(
        default=None, description="what the oldest calls gave is left out, errors are not"
    )
    summary: SummarySettings | None = Field(
        default=None, description="a participant tells the oldest messages in short"
    )

    @model_validator(mode="after")
    def _one(self) -> StrategySettings:
        if len(self.model_fields_set) != 1:
            msg = f"expected one strategy: {', '.join(type(self).model_fields)}"
            raise wrong(msg)
        return self


StrategyRule = Annotated[
    Annotated[Literal["collapse", "window"], Tag("<name>")] | Annotated[StrategySettings, Tag("<strategy>")],
    Discriminator(by_key({}, otherwise="<strategy>")),
]
"""A strategy: `collapse`, `window`, or a mapping."""

DEFAULT: Final[tuple[StrategyRule, ...]] = ("collapse", "window")


class CompactSettings(Document):
    """A history made to fit."""

    tokens: int = Field(ge=1, le=LARGEST, description="how many tokens the messages may have")
    by: list[StrategyRule] = Field(
        default_factory=lambda: list(DEFAULT),
        min_length=1,
        description="strategies in order: `collapse`, `window`, `summary`; collapse, then window if left out",
    )
    count: Reference | None = Field(
        default=None, description="`module:attribute` of a function that counts; estimated when left out"
    )


class DirectSettings(Document):
    """One participant."""

    name: Name | None = Field(default=None, description="needed when there is more than one of its kind")
    step: Stage = Field(description="who is asked")


class ToolSettings(Document):
    """A tool, and what is declared of it here in place of Python."""

    object: Reference = Field(alias="import", description="`module:attribute` of the tool")
    secrets: dict[str, str] = Field(
        default_factory=dict[str, str],
        description="references such as `secret://env/PAYMENTS_KEY`, by the parameter that receives each",
    )
    check: list[PlainCheck] = Field(
        default_factory=list[PlainCheck], description="what has to hold of its arguments and results"
    )
    resilience: ResilienceDocument | None = Field(
        default=None, description="what its calls pass on their way out; see there"
    )


ToolRule = Annotated[
    Annotated[ToolName, Tag("<name>")] | Annotated[ToolSettings, Tag("<tool>")],
    Discriminator(by_key({"import": "<tool>"})),
]
"""A tool by name, or with settings."""


class SingleAgentSettings(Document):
    """An agent and its tools."""

    name: Name | None = Field(default=None, description="needed when there is more than one of its kind")
    step: Stage = Field(description="the agent: it gives an answer, or asks for calls")
    tools: list[ToolRule] = Field(
        description="`module:attribute` of each tool, alone or with settings; `connector:name/tool`"
    )
    rounds: int = Field(default=10, ge=1, le=LARGEST, description="how often it is asked at most")
    repeats: int = Field(default=2, ge=1, le=LARGEST, description="how often the very same call is made")
    mistakes: int = Field(
        default=3, ge=0, le=LARGEST, description="how many calls that cannot be made it is told of"
    )
    sees: int = Field(default=20, ge=1, le=LARGEST, description="of how many rounds it sees the calls")
    otherwise: Stage | None = Field(
        default=None, description="who gets the case when a limit ends it; partial when left out"
    )
    compact: CompactSettings | None = Field(default=None, description="keeps what it sees short")


def strategy(rule: str | StrategySettings, told_by: BaseParticipant | None) -> Strategy:
    """Give the strategy itself; `told_by` is whom a summary's settings name."""
    if isinstance(rule, str):
        return compacting.window() if rule == "window" else compacting.collapse()
    if rule.summary is not None:
        assert told_by is not None, "its settings name one"
        return compacting.summary(told_by, share=rule.summary.share)
    return compacting.collapse() if rule.collapse is None else compacting.collapse(rule.collapse.keep)


def tools(
    declared: Sequence[str | ToolSettings], folder: Path, connectors: Mapping[str, Connector]
) -> list[Tool]:
    """Give the tools of an agent; a plain function is taken for one, `connector:name` for a search."""
    found: list[Tool] = []
    for rule in declared:
        if isinstance(rule, str) and rule.startswith(PREFIX):
            found.extend(of_connector(rule, connectors))
            continue
        reference = rule if isinstance(rule, str) else rule.object
        one: Any = import_from(folder, reference)
        if not isinstance(one, Tool) and not callable(one):
            msg = f"expected a tool at {reference!r}, found {type(one).__name__}"
            raise DefinitionError(msg, remedy="declare a function with @tool, and name that")
        known = one if isinstance(one, Tool) else Tool(cast("Callable[..., Any]", one))
        found.append(known if isinstance(rule, str) else as_declared(known, rule, folder))
    return found


def of_connector(rule: str, connectors: Mapping[str, Connector]) -> list[Tool]:
    """Give a tool of a connector, all of them (`/*`), or the one that finds the others."""
    name, slash, tool = rule.removeprefix(PREFIX).partition("/")
    known = connectors.get(name)
    if known is None:
        declared = ", ".join(connectors) or "none"
        msg = f"no connector is called {name!r}{nearest(name, connectors)}; declared: {declared}"
        raise DefinitionError(msg)
    if not slash:
        return [known.on_demand()]
    try:
        return known.tools if tool == "*" else [known.tool(tool)]
    except NotFoundError as error:
        raise DefinitionError(error.message) from None


def as_declared(tool: Tool, settings: ToolSettings, folder: Path) -> Tool:
    """Give a tool with what a file says of it."""
    checks = [check(one, folder) for one in settings.check]
    declared = None if settings.resilience is None else resilience(settings.resilience)
    return tool.declared_with(secrets=settings.secrets, check=checks, resilience=declared)
