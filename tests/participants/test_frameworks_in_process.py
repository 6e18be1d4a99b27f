"""Agents of other frameworks, as far as is told without the frameworks: `make frameworks` has the rest."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.house import begin, ended, serving
from ripieno import Workflow, tool
from ripieno.model.errors import DefinitionError, ToolError
from ripieno.participants.frameworks import agent_framework_agent, langgraph_agent
from ripieno.participants.frameworks.desk import at_desk


@tool(effect="read")
def beds(ward: str) -> int:
    """Count the free beds of a ward."""
    return len(ward)


def build(*given: Any) -> Any:
    return given


@pytest.mark.parametrize(
    ("make", "module", "extra"),
    [
        (langgraph_agent, "langchain_core", "langgraph"),
        (agent_framework_agent, "agent_framework", "agent-framework"),
    ],
)
async def test_a_framework_that_is_missing_is_named_with_its_extra(
    tmp_path: Path, make: Any, module: str, extra: str
) -> None:
    assert find_spec(module) is None, "it is no dependency of the tests"
    agent = make("triage", build, tools=[beds], **({"model": object()} if extra == "langgraph" else {}))
    workflow = Workflow("care", agent)
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow, "where?"))
    assert outcome.status == "failed"
    assert f"pip install 'ripieno[{extra}]'" in (outcome.reason or "")


@pytest.mark.parametrize("make", [langgraph_agent, agent_framework_agent])
def test_what_builds_it_and_its_tools_stand_in_the_definition(make: Any) -> None:
    one, other = make("triage", build, tools=[beds]), make("triage", build)
    [described] = one.describe().values()
    assert described["import"].endswith("test_frameworks_in_process:build")
    assert described["tools"] == ["beds"]
    assert Workflow("care", one).digest != Workflow("care", other).digest


@pytest.mark.parametrize("settings", [{"build": "graph"}, {"build": build, "requests": 0}])
def test_what_cannot_work_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError):
        langgraph_agent("triage", **settings)


def test_what_is_governed_is_used_within_a_workflow_alone() -> None:
    with pytest.raises(ToolError, match="within a workflow"):
        at_desk()
