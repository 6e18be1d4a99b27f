"""Agents that are more, or have more, than the work needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from ripieno.participants.base import BaseParticipant
from ripieno.participants.llm.agent import Agent
from ripieno.participants.step import Step
from ripieno.patterns.base import Pattern
from ripieno.patterns.group_chat import GroupChat
from ripieno.patterns.handoff import Handoff
from ripieno.patterns.sequential import Sequential
from ripieno.patterns.single_agent import SingleAgent
from ripieno.workflows.findings.base import Finding, FindingKind, bare, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["AgentWithoutTools", "OneAgentWouldDo", "TooManyTools"]

MOST_TOOLS: Final = 20
"""OpenAI's guide to function calling (2025) advises fewer than 20 functions at once."""


class Field(NamedTuple):
    """What a participant knows and may reach."""

    domain: str | None
    boundary: str


class OneAgentWouldDo(FindingKind):
    """Said of a sequence, a chat, and a handoff that carries all: there they share one context too."""

    code = "one-agent-would-do"
    severity = "warning"
    title = "Several agents in one domain, behind one boundary"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Compare what is said of those who share a context."""
        for pattern in everyone(workflow):
            if not isinstance(pattern, Pattern) or not shares_context(pattern):
                continue
            alike: dict[Field, list[str]] = {}
            for stage in pattern.stages:
                field = field_of(stage)
                if field is not None:
                    alike.setdefault(field, []).append(stage.name)
            for field, names in alike.items():
                if len(names) > 1:
                    domain = f"the domain {field.domain!r} and " if field.domain else ""
                    reason = (
                        f"{', '.join(names)} share {domain}the boundary {field.boundary!r},"
                        f" and {pattern.name!r} shows each what the others found"
                    )
                    fix = "let one do it: single_agent(..., tools=[...]) with the tools of all of them"
                    yield self.at(places.of(pattern), reason, fix)


class TooManyTools(FindingKind):
    """The more tools, the oftener the wrong one is taken."""

    code = "too-many-tools"
    severity = "warning"
    title = "An agent with more tools than it can tell apart"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Count the tools."""
        for agent in everyone(workflow):
            if isinstance(agent, SingleAgent | Agent) and len(agent.tools) > MOST_TOOLS:
                reason = (
                    f"{agent.name!r} chooses among {len(agent.tools)} tools; up to {MOST_TOOLS} are advised"
                )
                fix = "give it those it needs, or connector.on_demand(); of two domains make two agents"
                yield self.at(places.of(agent), reason, fix)


class AgentWithoutTools(FindingKind):
    """There is nothing that could be called."""

    code = "agent-without-tools"
    severity = "warning"
    title = "A single agent that has no tools"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look for tools."""
        for agent in everyone(workflow):
            if isinstance(agent, SingleAgent) and not agent.tools:
                reason = f"{agent.name!r} has no tools, so that it can only answer"
                yield self.at(places.of(agent), reason, f"ask it once: direct({agent.agent.name})")


def shares_context(pattern: Pattern) -> bool:
    """Tell whether each participant of a pattern sees what the others found."""
    if isinstance(pattern, Handoff):
        return pattern.carry == "all"
    return isinstance(pattern, Sequential | GroupChat)


def field_of(stage: BaseParticipant) -> Field | None:
    """Give what is declared of a stage; the boundary of a single agent is that of its tools."""
    settings = stage.settings if isinstance(stage, Step) else None
    domain = None if settings is None else settings.domain
    if settings is not None and settings.boundary is not None:
        return Field(domain, settings.boundary) if domain is not None else None
    inner = bare(stage)
    if isinstance(inner, SingleAgent) and inner.tools:
        return Field(domain, ", ".join(sorted(inner.toolbox.by_name)))
    return None
