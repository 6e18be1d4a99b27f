"""Tools of agents that are hard to choose rightly: by their names, their descriptions, their schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any, Final, cast

from ripieno.connectors.search import words_in
from ripieno.connectors.tool import Tool
from ripieno.model.errors import DefinitionError
from ripieno.participants.base import BaseParticipant
from ripieno.participants.llm.agent import Agent
from ripieno.patterns.single_agent import SingleAgent
from ripieno.workflows.findings.base import Finding, FindingKind, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["AmbiguousToolNames", "LooseToolSchema", "OverlappingTools", "UndeclaredEffect", "VagueTool"]

FEWEST_WORDS: Final = 3
ALIKE: Final = 0.8
"""Of all words of two descriptions, the part that both have."""
SAYS_NOTHING: Final = frozenset(
    {
        "do",
        "run",
        "execute",
        "process",
        "handle",
        "call",
        "tool",
        "action",
        "perform",
        "helper",
        "api",
        "main",
    }
)
SMALL: Final = frozenset({"a", "an", "the", "of", "by", "to", "in", "for", "and", "or", "it", "its", "with"})
SAYS_WHAT: Final = frozenset({"type", "enum", "const", "$ref", "anyOf", "oneOf", "allOf"})


def agents_in(workflow: Workflow) -> Iterator[tuple[BaseParticipant, list[Tool]]]:
    """Give who chooses among tools, each with these."""
    for one in everyone(workflow):
        if isinstance(one, SingleAgent | Agent):
            yield one, one.tools


def models_in(workflow: Workflow) -> Iterator[tuple[BaseParticipant, list[Tool]]]:
    """Give the agents whose model chooses by what tools say of themselves."""
    yield from ((one, tools) for one, tools in agents_in(workflow) if isinstance(one, Agent))


class VagueTool(FindingKind):
    """A model knows a tool by its description alone."""

    code = "vague-tool"
    severity = "warning"
    title = "A tool that does not say what it does"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Count the words that its name does not say already; what says nothing at all is another finding."""
        for agent, tools in models_in(workflow):
            for tool in tools:
                new = set(words_in(tool.description)) - set(words_in(tool.name))
                if tool.description and len(new) < FEWEST_WORDS:
                    reason = (
                        f"{tool.name!r} says of itself only {tool.description!r},"
                        f" and the model of {agent.name!r} chooses by that"
                    )
                    fix = "say in a sentence or two what it does, and when to use it: the docstring is shown"
                    yield self.at(places.of(agent), reason, fix)


class OverlappingTools(FindingKind):
    """Two descriptions that say the same leave the choice to chance."""

    code = "overlapping-tools"
    severity = "warning"
    title = "Two tools of one agent that say the same"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Compare each two."""
        for agent, tools in agents_in(workflow):
            said = [(tool, frozenset(words_in(tool.description)) - SMALL) for tool in tools]
            for (one, words), (other, others) in combinations(said, 2):
                if min(len(words), len(others)) < FEWEST_WORDS:
                    continue
                if len(words & others) / len(words | others) >= ALIKE:
                    reason = f"{one.name!r} and {other.name!r} of {agent.name!r} are described alike"
                    fix = "say of each when to use it and not the other, or make them one"
                    yield self.at(places.of(agent), reason, fix)


class LooseToolSchema(FindingKind):
    """Where a schema allows anything, a model gives anything."""

    code = "loose-tool-schema"
    severity = "warning"
    title = "A tool that takes anything"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look at what each argument may be."""
        for agent, tools in agents_in(workflow):
            for tool in tools:
                loose = list(loose_in(tool))
                if loose:
                    reason = f"{tool.name!r} of {agent.name!r} takes anything as {', '.join(loose)}"
                    fix = "give a type: a model, Literal, or list of something in place of dict and Any"
                    yield self.at(places.of(agent), reason, fix)


class AmbiguousToolNames(FindingKind):
    """Names are the first that a model chooses by."""

    code = "ambiguous-tool-names"
    severity = "warning"
    title = "Tools that their names do not tell apart"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Compare names without case, marks and endings; look for those that say nothing."""
        for agent, tools in agents_in(workflow):
            alike: dict[tuple[str, ...], str] = {}
            for tool in tools:
                own = tool.name.rpartition(".")[2]
                words = tuple(sorted(words_in(tool.name)))
                other = alike.setdefault(words, tool.name)
                if other != tool.name:
                    reason = (
                        f"{other!r} and {tool.name!r} of {agent.name!r} are one name, written in two ways"
                    )
                    yield self.at(places.of(agent), reason, "name each by what it does: @tool(name=...)")
                elif set(re.split(r"[_\-\s]+", own.lower())) <= SAYS_NOTHING:
                    reason = f"{tool.name!r} of {agent.name!r} could be anything by its name"
                    yield self.at(
                        places.of(agent), reason, "name it by what it does: @tool(name='find_invoice')"
                    )


class UndeclaredEffect(FindingKind):
    """What is not declared is taken to write: a read then waits for approvals, and is not repeated."""

    code = "undeclared-effect"
    severity = "warning"
    title = "A tool that does not say whether it changes anything"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look for functions without a declared effect."""
        for agent, tools in models_in(workflow):
            for tool in tools:
                if not tool.declares_effect and tool.undo is None:
                    reason = f"{tool.name!r} of {agent.name!r} does not say whether it reads or writes"
                    yield self.at(places.of(agent), reason, "@tool(effect='read'), or effect='write'")


def loose_in(tool: Tool) -> Iterator[str]:
    """Give the arguments that may be anything."""
    try:
        schema = tool.input_schema
    except DefinitionError:
        return
    for name, said in cast("Mapping[str, Any]", schema.get("properties", {})).items():
        known: Mapping[str, Any] = cast("Mapping[str, Any]", said) if isinstance(said, Mapping) else {}
        further = known.get("additionalProperties", True)
        anything = known.get("type") == "object" and "properties" not in known and further is True
        if anything or not SAYS_WHAT & known.keys():
            yield repr(name)
    if schema.get("additionalProperties") is True:
        yield "further arguments"
