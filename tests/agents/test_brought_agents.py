"""An agent that was made with Pydantic AI acts through the gate, and what would act beside it is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, RunContext
from pydantic_ai.capabilities import WebSearch
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from patterns.running import Running
from ripieno import BroughtAgent, agent, tool
from ripieno.model.errors import DefinitionError

made: list[str] = []


class Finding(BaseModel):
    """What was found."""

    total: int


def look_up(of: str) -> int:
    """Look up what something costs."""
    made.append(of)
    return len(of)


declared = tool(effect="read", name="look_up")(look_up)


def says(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Look something up, and answer with what was found."""
    asked = sum(isinstance(one, ModelResponse) for one in messages)
    if asked == 0:
        return ModelResponse(parts=[ToolCallPart("look_up", {"of": "tea"}, "call-1")])
    if info.output_tools:
        return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name, {"total": 3}, "call-2")])
    return ModelResponse(parts=[TextPart("three")])


def brought(**settings: Any) -> Agent[Any, Any]:
    made_of: dict[str, Any] = {"instructions": "Buy.", "output_type": Finding, "tools": [look_up], **settings}
    return Agent(FunctionModel(says, model_name="scripted"), **made_of)


async def test_its_requests_and_calls_are_steps(running: Running) -> None:
    made.clear()
    flow = BroughtAgent("buyer", brought(), tools={"look_up": declared})
    run = await running.begin(flow, "tea?")
    outcome = await running.ended(run)
    assert (outcome.output, made) == ({"total": 3}, ["tea"])
    assert [event.path for event in await running.events(run, "result")] == [
        "buyer@1/model/1",
        "buyer@1/look_up@1-1/tool/1",
        "buyer@1/model/2",
    ]
    [first, *_] = await running.events(run, "intent")
    assert first.body["tool"] == "function:scripted"


def test_a_tool_that_is_not_declared_is_taken_to_write_and_asked_about_in_doubt() -> None:
    [found] = BroughtAgent("buyer", brought()).tools
    assert (found.name, found.effect, found.on_uncertain, found.trust) == ("look_up", "write", "ask", None)


def with_context(ctx: RunContext[Any], of: str) -> str:
    """Take the context of the loop."""
    return f"{ctx.deps} {of}"


def finished(total: int) -> int:
    """Do something with the answer."""
    return total


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: brought(tools=[with_context]), "'with_context' takes the context of the loop"),
        (lambda: brought(capabilities=[WebSearch()]), "its capability WebSearch may call models or tools"),
        (lambda: brought(output_type=finished), "its answer goes to the function 'finished'"),
        (Agent, "has no model"),
    ],
    ids=["context", "capability", "output function", "no model"],
)
def test_what_would_act_beside_the_gate_is_refused(made: Callable[[], Any], says: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        BroughtAgent("buyer", made())
    assert says in str(refused.value)


async def test_a_model_of_pydantic_ai_stands_in_for_a_name(running: Running) -> None:
    made.clear()
    flow = agent("buyer", model=FunctionModel(says, model_name="scripted"), tools=[declared])
    outcome = await running.run(flow, "tea?")
    assert (outcome.output, made) == ("three", ["tea"])
