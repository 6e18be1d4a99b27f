"""What the inventory holds of a workflow: who answers for it, and everyone who may act in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ripieno.model.event import Json
from ripieno.participants.base import BaseParticipant
from ripieno.participants.frameworks.base import FrameworkAgent
from ripieno.participants.human import Human
from ripieno.participants.llm.agent import Agent
from ripieno.participants.remote import RemoteAgent
from ripieno.participants.step import Step
from ripieno.patterns.single_agent import SingleAgent
from ripieno.workflows.tools import classes_in

if TYPE_CHECKING:
    from ripieno.workflows.workflow import Workflow

__all__ = ["inventory"]


def inventory(workflow: Workflow) -> Mapping[str, Any]:
    """Give owner, purpose, risk, classes of data and policy, and of each participant what is declared.

    An agent with tools is listed with them; a tool that plain code uses is known once it was used. What its
    tools and the workflows within it are declared with stands beside its own classes of data.
    """
    facts: dict[str, Json] = {
        "owner": workflow.owner,
        "purpose": workflow.purpose,
        "risk": workflow.risk,
        "data": [str(item) for item in workflow.data],
        "carries": [*classes_in(workflow.everyone())],
        "policy": workflow.policy,
    }
    tools: dict[str, list[str]] = {}
    for pattern in workflow.everyone():
        if isinstance(pattern, SingleAgent):
            tools.setdefault(acting(pattern.agent).name, []).extend(tool.name for tool in pattern.tools)
        elif isinstance(pattern, RemoteAgent | Agent | FrameworkAgent):
            tools[pattern.name] = [tool.name for tool in pattern.tools]
    agents = {leaf.name: entry(leaf, tools.get(leaf.name, [])) for leaf in workflow.leaves()}
    return {**{name: value for name, value in facts.items() if value}, "agents": agents}


def acting(participant: BaseParticipant) -> BaseParticipant:
    """Give who acts at a step."""
    return participant.participant if isinstance(participant, Step) else participant


def entry(leaf: BaseParticipant, tools: list[str]) -> dict[str, Json]:
    """Give what is declared of one participant."""
    identity = leaf.identity()
    found: dict[str, Json] = {
        "kind": leaf.kind,
        **({"model": leaf.model} if isinstance(leaf, Agent) else {}),
        "version": identity.get("version"),
        "source": identity.get("source"),
        "tools": list(dict.fromkeys(tools)),
    }
    if isinstance(leaf, Human):
        found["asks"] = [asked.name for asked in leaf.asked]
    return {name: value for name, value in found.items() if value}
