"""A file names an agent of Pydantic AI that is brought along: the same workflow as Python declares."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.house import begin, ended, events, serving
from ripieno import BroughtAgent, Workflow
from ripieno.model.errors import DefinitionError, RipienoError
from ripieno.workflows.load import load_workflow

SHOP = """
from pydantic_ai import Agent
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel
from ripieno import BroughtAgent, Workflow, tool

def price(of: str) -> int:
    '''Look up what something costs.'''
    return len(of)

declared = tool(effect="read", name="price")(price)

def says(messages, info):
    if len(messages) < 2:
        return ModelResponse(parts=[ToolCallPart("price", {"of": "tea"}, "call-1")])
    return ModelResponse(parts=[TextPart("three")])

buyer = Agent(FunctionModel(says, model_name="scripted"), instructions="Buy.", tools=[price])
workflow = Workflow("buying", BroughtAgent("buyer", buyer, tools={"price": declared}, rounds=5))
named = Workflow("buying", BroughtAgent("buyer", "brought_shop:buyer", tools={"price": declared}, rounds=5))
"""
FILE = """
workflow: buying
participants:
  buyer: {agent: {brought: "brought_shop:buyer", tools: {price: "brought_shop:declared"}, rounds: 5}}
flow: {step: buyer}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    (tmp_path / "brought_shop.py").write_text(SHOP)
    (tmp_path / "buying.yaml").write_text(FILE)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    import brought_shop  # pyright: ignore[reportMissingImports] # noqa: PLC0415 - written above

    yield brought_shop
    del sys.modules["brought_shop"]


async def test_it_is_the_same_workflow_and_does_the_same(tmp_path: Path, shop: Any) -> None:
    found = load_workflow(str(tmp_path / "buying.yaml"))
    assert isinstance(found, Workflow)
    assert found.digest == shop.workflow.digest == shop.named.digest
    async with serving(tmp_path / "home", found) as host:
        run = await begin(host, found, "tea?")
        assert (await ended(host, run)).output == "three"
        [first, called, _] = await events(host, run, "intent")
    assert (first.body["tool"], called.body["tool"]) == ("function:scripted", "price")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("brought_shop:buyer", "brought_shop:says"), "expected an agent of Pydantic AI, found function"),
        (("brought_shop:buyer", "brought_shop:seller"), "has no 'seller'"),
        (("{price:", "{prize:"), "has no tool 'prize'"),
        (("rounds: 5", "model: x"), "model"),
    ],
)
def test_what_a_file_says_wrongly_is_named_with_its_place(
    tmp_path: Path, shop: Any, change: tuple[str, str], said: str
) -> None:
    del shop
    file = tmp_path / "buying.yaml"
    file.write_text(FILE.replace(*change))
    with pytest.raises(RipienoError, match=said) as refused:
        load_workflow(str(file))
    assert "buying.yaml:4" in str(refused.value)


def test_an_agent_that_stands_nowhere_is_known_as_brought(shop: Any) -> None:
    own = shop.Agent(shop.buyer.model)
    assert BroughtAgent("buyer", own).describe()["agent"]["brought"] is True  # type: ignore[index, call-overload]
    with pytest.raises(DefinitionError, match="expected an agent of Pydantic AI, found str"):
        BroughtAgent("buyer", "brought_shop:__name__")
