"""A server of tests in a folder, what was approved of it, and workflows that call its tools."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from kernel.scenarios.house import begin, ended, events, serving
from ripieno import Context, Function, Outcome, Workflow
from ripieno.connectors.connector import Overrides
from ripieno.connectors.mcp.connection import close_connections
from ripieno.connectors.mcp.connector import McpConnector, write_approved
from ripieno.connectors.mcp.definition import ToolDefinition
from ripieno.connectors.mcp.server import McpServer
from ripieno.kernel.host import Host
from ripieno.model.event import Event

__all__ = ["SAYS", "TEXT", "Desk", "at_work", "offered", "outcome_of"]

SERVER = Path(__file__).parent / "mcp_server_of_tests.py"
SAYS = {"type": "object", "properties": {"answer": {"type": "integer"}}, "required": ["answer"]}
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}}


def offered(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "description": f"Does {name}.", "inputSchema": TEXT, **more}


class Desk:
    """A server in a folder, what was approved of it, and the calls that it got."""

    def __init__(self, folder: Path, *tools: Mapping[str, Any], **settings: Any) -> None:
        self.folder = folder / "server"
        self.folder.mkdir()
        self.home = folder / "home"
        self.approved = folder / "desk.mcp.json"
        self.server = McpServer(
            name="desk", command=[sys.executable, str(SERVER), str(self.folder)], **settings
        )
        self.offer(*tools)
        self.approve()

    def offer(self, *tools: Mapping[str, Any]) -> None:
        (self.folder / "tools.json").write_text(json.dumps(tools))

    def approve(self) -> None:
        kept = [
            ToolDefinition.read(one, "desk") for one in json.loads((self.folder / "tools.json").read_text())
        ]
        write_approved(self.approved, {one.name: one for one in kept})

    def connector(self, **overrides: Overrides) -> McpConnector:
        return McpConnector("desk", self.server, approved=self.approved, overrides=overrides)

    def using(self, name: str, effect: str = "write", **said: Any) -> Workflow:
        one = self.connector(**{name: {"effect": effect, "attempts": 1, **said}}).tool(name)  # type: ignore[typeddict-item]

        async def act(given: object, context: Context) -> object:
            del given
            return await context.use(one, text="hello")

        return Workflow("using", Function(act, name="desk", pure=True))

    def asked_for(self, method: str) -> list[dict[str, Any]]:
        file = self.folder / "asked.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        return [one for one in map(json.loads, lines) if one.get("method") == method]


@asynccontextmanager
async def at_work(desk: Desk, workflow: Workflow) -> AsyncGenerator[Host]:
    try:
        async with serving(desk.home, workflow) as host:
            yield host
    finally:
        await close_connections()


async def outcome_of(desk: Desk, workflow: Workflow) -> tuple[Outcome, list[Event]]:
    async with at_work(desk, workflow) as host:
        run = await begin(host, workflow)
        return await ended(host, run), await events(host, run, "result")
