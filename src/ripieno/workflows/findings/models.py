"""LLM agents whose model cannot be had, or whose tools cannot be told apart."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.model.errors import RipienoError
from ripieno.participants.llm.agent import Agent
from ripieno.participants.llm.models import MODELS
from ripieno.participants.llm.providers import missing
from ripieno.workflows.findings.base import Finding, FindingKind, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["UndescribedTool", "UnknownModel"]


class UnknownModel(FindingKind):
    """Where runs are served the project may declare other models: hence no error."""

    code = "unknown-model"
    severity = "warning"
    title = "A model that this project does not declare"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look each model up."""
        for agent in everyone(workflow):
            if not isinstance(agent, Agent) or agent.given is not None:
                continue
            for model in agent.models:
                try:
                    command = missing(MODELS.find(model).provider)
                except RipienoError as error:
                    reason = f"{agent.name!r} asks {model!r}: {error.message}"
                    yield self.at(places.of(agent), reason, error.remedy or "name another")
                else:
                    if command is not None:
                        reason = f"{agent.name!r} asks {model!r}, whose client is not installed here"
                        yield self.at(places.of(agent), reason, f"where runs are served: {command}")


class UndescribedTool(FindingKind):
    """All that a model knows of a tool is what stands there."""

    code = "undescribed-tool"
    severity = "warning"
    title = "A tool that says nothing of what it is for"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look for descriptions."""
        for agent in everyone(workflow):
            for tool in agent.tools if isinstance(agent, Agent) else ():
                if not tool.description:
                    reason = f"{agent.name!r} is to choose {tool.name!r}, and is told nothing of it"
                    fix = "say in its docstring what it does, for what, and what it gives"
                    yield self.at(places.of(agent), reason, fix)
