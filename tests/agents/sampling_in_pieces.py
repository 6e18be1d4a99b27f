"""A call whose server asks a model before it goes on, for crashes to cut in pieces."""

from __future__ import annotations

import os
import sys
from typing import Any, Final

from agents.agent_in_pieces import settle
from connectors.mcp_desk import SERVER, offered
from kernel.support.errands import FOLDER, answered, effects
from kernel.support.scenario import Scenario
from providers.replies import Says, Script, turns
from ripieno import Context, Function, Workflow
from ripieno.connectors.mcp.connection import imported
from ripieno.connectors.mcp.connector import McpTool
from ripieno.connectors.mcp.definition import ToolDefinition
from ripieno.connectors.mcp.server import McpServer, Sampling
from ripieno.connectors.tool import Tool

__all__ = ["SCENARIO", "SCRIPT", "SERVER_FOLDER"]

SERVER_FOLDER: Final = "SAMPLING_SERVER_FOLDER"
SCRIPT: Final[Script] = turns(Says("fine"))


async def act(given: Any, context: Context) -> Any:
    """Call it; what it asks of a model names the folder of the run."""
    folder = os.environ.get(SERVER_FOLDER, "")
    server = McpServer(
        name="desk", command=[sys.executable, str(SERVER), folder], sampling=Sampling(model="local")
    )
    definition = ToolDefinition.read(offered("asks_model"), "desk")
    one = Tool(McpTool(server, definition, "read"), effect="read")
    return await context.use(one, text=given["folder"])


def given() -> dict[str, Any]:
    """Give an input by which the provider tells one run from another."""
    return {"folder": os.environ[FOLDER]}


imported()
SCENARIO = Scenario(
    Workflow("sampling", Function(act, name="desk", pure=True)),
    given,
    settle,
    effects,
    answered,
)
