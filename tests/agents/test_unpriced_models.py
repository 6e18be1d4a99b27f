"""A limit of money over a model without a price is found, wherever the limit and the model are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic_ai.models.test import TestModel

from connectors.mcp_desk import offered
from ripieno import Limits, Workflow, agent, sequential
from ripieno.connectors.mcp.connector import McpConnector, write_approved
from ripieno.connectors.mcp.definition import ToolDefinition
from ripieno.connectors.mcp.server import McpServer, Sampling
from ripieno.participants.base import BaseParticipant
from ripieno.participants.llm.models import MODELS, read
from ripieno.workflows.findings.unpriced_model import UnpricedModel
from ripieno.workflows.places import places_in_python

OWN = "openai:of-nobody"
MONEY = Limits(cost_usd="1")


def found(flow: BaseParticipant, **settings: Any) -> list[str]:
    workflow = Workflow("buying", flow, **settings)
    return [one.reason for one in UnpricedModel().find(workflow, places_in_python(workflow))]


def test_it_is_told_of_each_model_that_an_agent_may_ask() -> None:
    buyer = agent("buyer", model=["openai:gpt-5-mini", OWN])
    [reason] = found(buyer, limits=MONEY)
    assert "'buyer' asks 'openai:of-nobody'" in reason
    assert "of the run does not hold it" in reason
    assert found(buyer) == []
    assert found(buyer, limits=Limits(tokens=10)) == []


def test_a_limit_of_one_step_is_for_what_is_in_it() -> None:
    limited, free = agent("limited", model=OWN), agent("free", model=OWN)
    [reason] = found(sequential(limited.limit(cost_usd="1"), free))
    assert "limit of money of 'limited'" in reason


def test_a_price_of_the_projects_own_is_one_and_nothing_is_a_price() -> None:
    said = {"provider": "ollama", "model": "llama3.2", "price": {"input": "0", "output": "0"}}
    MODELS.declare(read({"mine": said}, "a test"))
    assert found(agent("buyer", model="mine"), limits=MONEY) == []
    assert found(agent("buyer", model="ollama:llama3.2"), limits=MONEY) != []
    assert found(agent("buyer", model="of-no-provider"), limits=MONEY) == [], "which is another finding"


def test_a_model_that_was_given_itself_and_one_that_a_server_may_ask_are_looked_up(tmp_path: Path) -> None:
    [given] = found(agent("buyer", model=TestModel()), limits=MONEY)
    assert "'test:test'" in given
    file = tmp_path / "desk.json"
    write_approved(file, {"echo": ToolDefinition.read(offered("echo"), "desk")})
    server = McpServer(name="desk", command=["desk"], sampling=Sampling(model=OWN))
    tools = McpConnector("desk", server, approved=file).tools
    buyer = agent("buyer", model="openai:gpt-5-mini", tools=tools)
    [asked] = found(buyer, limits=MONEY)
    assert "connector 'desk' may ask 'openai:of-nobody' for answers" in asked
    assert found(buyer) == []
