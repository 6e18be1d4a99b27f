"""Agents that are Python objects, as `ripieno agents import` finds them: of LangGraph, of Agent Framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from ripieno.model.errors import InputError
from ripieno.participants.frameworks.base import FrameworkAgent
from ripieno.participants.remote.card import digest_of
from ripieno.workflows.objects import import_from

__all__ = ["Found", "by_object"]

AGENT = '''\
"""Wrapped by `ripieno agents import`: requests to its model and calls of its functions pass the gate."""

import {module}
from ripieno.participants.frameworks import agent_framework_agent


def build():
    """Give the agent as it stands."""
    return {module}.{attribute}


agent = agent_framework_agent("{name}", build)
'''

GRAPH = '''\
"""Wrapped by `ripieno agents import`, as one act: what it asks of models and tools does not pass the gate.

For each of these to pass, let a function build the graph from a model and tools, and give that to
`ripieno.participants.frameworks.langgraph_agent`.
"""

import {module}
from ripieno.participants.frameworks.base import text_of


async def run(input):
    """Run the whole graph on a text."""
    found = await {module}.{attribute}.ainvoke({{"messages": [("user", text_of(input))]}})
    return found["messages"][-1].text
'''


@dataclass(frozen=True, slots=True)
class Found:
    """An agent as it was found."""

    kind: str
    name: str
    about: str
    source: str
    digest: str
    can: Sequence[str]
    """What it says that it can do."""
    beyond: Sequence[str]
    """What it can reach that does not pass the gate."""
    participant: Mapping[str, Any]
    """How it stands in a workflow file."""
    approved: Mapping[str, Any]
    """What was approved, kept beside the file."""
    beside: Mapping[str, str] = field(default_factory=dict[str, str])
    """Files that are written beside it, by their names."""
    connectors: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the workflow declares of systems that it reaches."""


def by_object(source: str, name: str, folder: Path) -> Found:
    """Look at a Python object; raises `InputError` for what is no agent that is known here."""
    found = import_from(folder, source)
    home = type(found).__module__.partition(".")[0]
    if isinstance(found, FrameworkAgent):
        return of_ours(source, found)
    if home == "agent_framework" and hasattr(found, "run"):
        return of_agent_framework(source, found, name)
    if home == "langgraph" and hasattr(found, "ainvoke"):
        return of_langgraph(source, found, name)
    msg = f"{source!r} is a {type(found).__name__}: no graph of LangGraph and no agent of the Agent Framework"
    raise InputError(msg, remedy="name what is compiled, or the agent itself")


def of_ours(source: str, found: FrameworkAgent) -> Found:
    """Take what is a participant already."""
    approved = {**found.describe(), "identity": found.identity()}
    return Found(
        kind=found.kind,
        name=found.name,
        about="",
        source=source,
        digest=digest_of(approved),
        can=[f"call {tool.name}" for tool in found.tools],
        beyond=["what it does without the model and the tools that it is given"],
        participant={"import": source},
        approved=approved,
    )


def of_agent_framework(source: str, found: Any, name: str) -> Found:
    """Wrap an agent whose requests and calls are caught by middleware."""
    module, _, attribute = source.partition(":")
    options = cast("dict[str, Any]", getattr(found, "default_options", None) or {})
    tools = [tool for tool in options.get("tools") or () if tool is not None]
    own = [tool.name for tool in tools if getattr(tool, "func", None) is not None]
    elsewhere = [str(getattr(tool, "name", tool)) for tool in tools if getattr(tool, "func", None) is None]
    providers = [type(one).__name__ for one in getattr(found, "context_providers", None) or ()]
    approved = {"instructions": str(options.get("instructions") or ""), "tools": sorted([*own, *elsewhere])}
    wrapped = f"{name.replace('-', '_')}_wrapped"
    return Found(
        kind="agent_framework",
        name=name,
        about=str(getattr(found, "description", None) or ""),
        source=source,
        digest=digest_of(approved),
        can=[f"call {tool}" for tool in own],
        beyond=[
            *(f"{tool}: run by its provider, at its own end" for tool in elsewhere),
            *(f"{one}: what it reads and keeps" for one in providers),
            "what its functions reach by themselves, once they are called",
        ],
        participant={"import": f"{wrapped}:agent"},
        approved=approved,
        beside={f"{wrapped}.py": AGENT.format(module=module, attribute=attribute, name=name)},
    )


def of_langgraph(source: str, found: Any, name: str) -> Found:
    """Wrap a compiled graph as one act: nobody sees into its nodes."""
    module, _, attribute = source.partition(":")
    nodes: Mapping[str, Any] = getattr(found, "nodes", {})
    tools: list[str] = []
    for node in nodes.values():
        tools += getattr(getattr(node, "bound", None), "tools_by_name", {})
    approved = {"nodes": sorted(nodes), "tools": sorted(tools)}
    wrapped = f"{name.replace('-', '_')}_wrapped"
    return Found(
        kind="langgraph",
        name=name,
        about="",
        source=source,
        digest=digest_of(approved),
        can=[f"call {tool}" for tool in tools],
        beyond=[
            *(f"{tool}: its graph calls it itself" for tool in tools),
            *(
                f"the node {node}: its models, and whatever else it reaches"
                for node in nodes
                if node[:2] != "__"
            ),
        ],
        participant={"function": {"import": f"{wrapped}:run", "timeout": "10m"}},
        approved=approved,
        beside={f"{wrapped}.py": GRAPH.format(module=module, attribute=attribute)},
    )
