"""Workflows and tasks served as tools: each call as whoever makes it, with their rights of then."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from kernel.scenarios.house import OPERATOR, serving
from ripieno import Context, Function, Workflow, human, sequential
from ripieno.api.mcp.acts import Acts
from ripieno.api.mcp.http import app, who_came
from ripieno.api.mcp.server import KEY, served
from ripieno.api.mcp.workflows import Given, Offered
from ripieno.cli.serve import serve
from ripieno.connectors.mcp.calling import call_tool
from ripieno.connectors.mcp.connection import close_connections, connected
from ripieno.connectors.mcp.server import McpServer
from ripieno.identity import administration
from ripieno.identity.api_keys import NewKey, create_key, revoke_key
from ripieno.journal.identity import KeyScope
from ripieno.journal.records import RunFilter
from ripieno.kernel.host import Host
from ripieno.model.action import Call
from ripieno.model.errors import InputError

ADDRESS = "http://127.0.0.1:8807/mcp"
ORDER = {"type": "object", "properties": {"amount": {"type": "integer"}}, "required": ["amount"]}


def doubled(amount: int) -> int:
    return amount * 2


async def double(given: dict[str, int], context: Context) -> object:
    del context
    return doubled(given["amount"])


DOUBLE = Workflow(
    "double", Function(double, name="doubler", pure=True), purpose="Doubles an amount", check_input=ORDER
)
ASKS = Workflow("asks", sequential(human("clerk-1", role="clerk")), data=["personal"])


class Office:
    """The server as clients reach it, and keys to come in by."""

    def __init__(self, host: Host) -> None:
        self.host = host
        offered = [Offered(one, Given(one)) for one in (DOUBLE, ASKS)]
        self.app = app(served(Acts(host, patience=20), offered, who_came), host, by=OPERATOR)

    async def key(self, who: str, *roles: str, scope: KeyScope | None = None) -> NewKey:
        store, clock = self.host.store, self.host.clock
        await administration.grant(store, who, roles, by=OPERATOR)
        return await create_key(store, clock, who, by=OPERATOR, scope=scope)

    def over_http(self, **headers: str) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app), headers=headers)

    @asynccontextmanager
    async def client(self, key: NewKey) -> AsyncGenerator[Client]:
        async with (
            self.over_http(Authorization=f"Bearer {key.text}") as http,
            Client(streamable_http_client(ADDRESS, http_client=http), cache=None) as client,
        ):
            yield client


@pytest.fixture
async def office(tmp_path: Path) -> AsyncGenerator[Office]:
    async with serving(tmp_path, DOUBLE, ASKS) as host:
        office = Office(host)
        inner: Any = office.app
        ready, leave = asyncio.Event(), asyncio.Event()

        async def lifespan() -> None:  # entered and left by one task, as what it opens wants it
            async with inner.inner.router.lifespan_context(inner.inner):
                ready.set()
                await leave.wait()

        task = asyncio.create_task(lifespan())
        await ready.wait()
        yield office
        leave.set()
        await task


WORKFLOW = """
from ripieno import Function, Workflow

def greet(input: dict) -> str:
    print("a line that belongs to nobody's protocol")
    return f"good day, {input['name']}"

greeting = Workflow(
    "greeting", Function(greet, pure=True), purpose="Greets somebody",
    check_input={"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
)
"""


async def test_over_stdio_it_serves_whoever_starts_it_another_ripieno_say(tmp_path: Path) -> None:
    (tmp_path / "greeting.py").write_text(WORKFLOW)
    command = [sys.executable, "-m", "ripieno.cli", "serve", f"{tmp_path}/greeting.py:greeting", "--mcp"]
    command += ["--stdio", "--home", str(tmp_path / "home")]
    server = McpServer(name="other", command=command)
    until = datetime.now(UTC) + timedelta(seconds=20)
    try:
        async with connected(server) as connection:
            definition = (await connection.listing()).tools["greeting"]
        one = Call("k" * 40, "", "", 1, until)
        first, again = [
            await call_tool(server, definition, {"name": "Dora"}, one, effect="write") for _ in range(2)
        ]
    finally:
        await close_connections()
    assert first["output"] == "good day, Dora"
    assert first["run"] == again["run"], "the key of the call makes it one run"


def test_without_a_protocol_it_says_what_to_do() -> None:
    with pytest.raises(InputError, match="by which protocol") as refused:
        serve()
    assert refused.value.remedy is not None


async def said(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert json.loads(result.content[0].text) == result.structured_content  # type: ignore[union-attr]
    return result.structured_content


async def why_not(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return str(result.content[0].text)  # type: ignore[union-attr]


async def test_a_workflow_is_a_tool_with_its_inputs_schema_and_gives_what_its_run_came_to(
    office: Office,
) -> None:
    key = await office.key("service:shop", "operator")
    async with office.client(key) as client:
        tools = {one.name: one for one in (await client.list_tools()).tools}
        assert tools["double"].input_schema == ORDER
        assert str(tools["double"].description).startswith("Doubles an amount.")
        assert {"asks", "runs_show", "inbox_list", "inbox_show", "inbox_answer"} < tools.keys()
        gave = await said(client, "double", amount=21)
        assert (gave["status"], gave["output"]) == ("complete", 42)
        shown = await said(client, "runs_show", run=gave["run"])
        assert shown["output"] == 42
    row = await office.host.store.run(gave["run"])
    assert row.principal == "service:shop"


async def test_calls_with_one_key_are_one_run_and_what_does_not_fit_starts_none(office: Office) -> None:
    key = await office.key("service:shop", "operator")
    async with office.client(key) as client:
        first, again = [
            await client.call_tool("double", {"amount": 2}, meta={KEY: "order-17"}) for _ in range(2)
        ]
        assert first.structured_content["run"] == again.structured_content["run"]
        assert "input:" in await why_not(client, "double", amount="two")
        assert "no argument 'amount'" in await why_not(client, "asks", amount=1)
        with pytest.raises(MCPError, match="no tool 'erase'"):
            await client.call_tool("erase", {})
    assert len(await office.host.store.runs(RunFilter(tenant="default", limit=9))) == 1


async def test_a_run_that_waits_gives_its_task_to_whom_it_concerns_alone_and_their_answer_ends_it(
    office: Office,
) -> None:
    starter = await office.key("service:shop", "operator")
    clerk = await office.key("person:cora", "clerk")
    async with office.client(starter) as client:
        gave = await said(client, "asks", input={"about": "Dora"})
        assert gave["status"] == "waiting"
        [waits] = gave["waiting_for"]
        assert (waits["role"], waits["title"]) == ("clerk", None), "its title is for clerks"
        assert (await said(client, "inbox_list"))["tasks"] == []
        assert "not_allowed" in await why_not(client, "inbox_show", task=waits["task"])
        assert "not_allowed" in await why_not(
            client, "inbox_answer", task=waits["task"], answer={"proceed": True}
        )
    async with office.client(clerk) as client:
        [one] = (await said(client, "inbox_list"))["tasks"]
        assert one["task"] == waits["task"]
        shown = await said(client, "inbox_show", task=one["task"])
        assert shown["form"]["type"] == "object"
        assert "input:" in await why_not(client, "inbox_answer", task=one["task"], answer="perhaps")
        after = await said(client, "inbox_answer", task=one["task"], answer={"proceed": True}, reason="seen")
        assert after["status"] == "complete"
        assert "refused" in await why_not(client, "inbox_answer", task=one["task"], answer={"proceed": True})
    events = await office.host.store.events(gave["run"])
    assert "person:cora" in str([one.body for one in events])
    stream = await office.host.store.events(await office.host.store.tenant_stream("default"))
    reads = [one.body for one in stream if one.kind == "data.read"]
    assert {str(one["what"]) for one in reads} == {"inbox list", "inbox show"}


async def test_a_key_is_good_for_what_it_says_and_no_longer_than_that(office: Office) -> None:
    narrow = await office.key("service:shop", "operator", scope=KeyScope(workflows=("asks",)))
    reader = await office.key("service:eye", "operator", scope=KeyScope(acts=("data.read",)))
    async with office.client(narrow) as client:
        assert "double" not in {one.name for one in (await client.list_tools()).tools}
        with pytest.raises(MCPError, match="no tool 'double'"):
            await client.call_tool("double", {"amount": 1})
    async with office.client(reader) as client:
        assert "not_allowed" in await why_not(client, "double", amount=1)
        await revoke_key(office.host.store, reader.row.id, by=OPERATOR)
        with pytest.raises(MCPError):
            await client.list_tools()


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Basic b3A6b3A="}, {"Authorization": "Bearer ripieno_aaaaaaaaaa_" + "x" * 43}],
    ids=["nothing", "a password", "a key of nobody"],
)
async def test_whoever_comes_without_a_key_that_is_good_is_turned_away(
    office: Office, headers: dict[str, str]
) -> None:
    async with office.over_http(**headers) as http:
        answer = await http.post(ADDRESS, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_page_of_elsewhere_reaches_nothing_by_a_name_that_leads_here(office: Office) -> None:
    key = await office.key("service:shop", "operator")
    async with office.over_http(Authorization=f"Bearer {key.text}") as http:
        answer = await http.post(
            "http://evil.example:8807/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        )
        assert answer.status_code == 421
        answer = await http.post(
            ADDRESS,
            json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
            headers={"Origin": "https://evil.example"},
        )
        assert answer.status_code == 403
