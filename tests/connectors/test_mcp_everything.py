"""A server as others write them, with everything that the protocol has: spoken with by both transports."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.mcp_installed import NODE, package
from kernel.scenarios.house import asked, begin, ended, reply, serving
from ripieno import Context, Function, Workflow
from ripieno.connectors.mcp.calling import call_tool
from ripieno.connectors.mcp.connection import close_connections, connected
from ripieno.connectors.mcp.connector import McpConnector, write_approved
from ripieno.connectors.mcp.server import Elicitation, McpServer
from ripieno.connectors.progress import PROGRESS
from ripieno.model.action import Call
from ripieno.model.errors import ToolError

ONE = Call("k" * 40, "run", "step/tool/1", 1, datetime(2100, 1, 1, tzinfo=UTC))


@pytest.fixture
def by_stdio() -> McpServer:
    return McpServer(
        name="everything",
        command=[NODE, package("server-everything"), "stdio"],
        elicitation=Elicitation(role="clerk", repeat=True),
    )


async def test_it_gives_texts_structures_images_and_resources_and_tells_of_progress(
    by_stdio: McpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    heard: list[str] = []
    async with connected(by_stdio) as connection:
        tools = (await connection.listing()).tools

        async def call(tool: str, **arguments: Any) -> Any:
            return await call_tool(by_stdio, tools[tool], arguments, ONE, effect="write")

        assert await call("echo", message="hello") == "Echo: hello"
        weather = await call("get-structured-content", location="New York")
        assert sorted(weather) == ["conditions", "humidity", "temperature"]
        kinds = [one["type"] for one in (await call("get-tiny-image"))["content"]]
        assert "image" in kinds
        links = await call("get-resource-links", count=2)
        assert [one["uri"] for one in links["content"] if one["type"] == "resource_link"]
        embedded = await call("get-resource-reference", resourceType="Text", resourceId=1)
        assert [one["resource"]["uri"] for one in embedded["content"] if one["type"] == "resource"]
        with PROGRESS.listen(lambda run, path, text: heard.append(f"{run} {path}: {text}")):
            await call("trigger-long-running-operation", duration=0.1, steps=2)
        assert "mcp_error" in await call("get-sum", a="one")
    assert "done=2.0" in capsys.readouterr().out
    assert heard[-1] == "run step/tool/1: everything.trigger-long-running-operation 2/2"
    await close_connections()


async def test_a_person_answers_what_it_asks_within_a_run(tmp_path: Path, by_stdio: McpServer) -> None:
    file = tmp_path / "approved.json"
    async with connected(by_stdio) as connection:
        write_approved(file, (await connection.listing()).tools)
    one = McpConnector("everything", by_stdio, approved=file).tool("trigger-elicitation-request")

    async def act(given: object, context: Context) -> object:
        del given
        return await context.use(one)

    workflow = Workflow("asking", Function(act, name="desk", pure=True))
    async with serving(tmp_path / "home", workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await reply(host, question, {"proceed": True, "answer": {"name": "Dora", "check": True}})
        outcome = await ended(host, run)
    await close_connections()
    assert outcome.ok, outcome.reason
    assert "Dora" in str(outcome.output)


@asynccontextmanager
async def over_http() -> AsyncGenerator[str]:
    """Start it as a server over HTTP at a port that was free."""
    async with await asyncio.start_server(lambda _, out: out.close(), "127.0.0.1", 0) as probe:
        port = probe.sockets[0].getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        NODE,
        package("server-everything"),
        "streamableHttp",
        env={**os.environ, "PORT": str(port)},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        while b"listening" not in await process.stderr.readline():
            pass
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        await process.communicate()


async def test_over_http_a_server_that_ended_and_began_again_is_reached_again() -> None:
    async with over_http() as url:
        server = McpServer(name="everything", url=url)
        async with connected(server) as connection:
            echo = (await connection.listing()).tools["echo"]
        assert await call_tool(server, echo, {"message": "one"}, ONE, effect="write") == "Echo: one"
    with pytest.raises(ToolError, match="ConnectError"):
        await call_tool(server, echo, {"message": "two"}, ONE, effect="write")
    async with over_http() as url:
        again = McpServer(name="everything", url=url)
        assert await call_tool(again, echo, {"message": "three"}, ONE, effect="write") == "Echo: three"
    await close_connections()
