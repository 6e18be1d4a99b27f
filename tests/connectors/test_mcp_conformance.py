"""The protocol's own conformance suite, against our client and our server; what fails has a reason."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import httpx2
import uvicorn
import yaml
from mcp.shared.auth import AuthorizationCodeResult
from starlette.types import ASGIApp, Receive, Scope, Send

from connectors.mcp_installed import NODE, PEERS, package
from kernel.scenarios.house import OPERATOR, serving
from ripieno import Function, Workflow
from ripieno.api.mcp.acts import Acts
from ripieno.api.mcp.http import app, who_came
from ripieno.api.mcp.server import served
from ripieno.api.mcp.workflows import Given, Offered
from ripieno.connectors.mcp.asking import answered
from ripieno.connectors.mcp.calling import call_tool
from ripieno.connectors.mcp.connection import (
    DEFAULT_TENANT,
    OF_LOOPS,
    Connection,
    Connections,
    close_connections,
    key_of,
)
from ripieno.connectors.mcp.oauth import Kept, Machine, Person
from ripieno.connectors.mcp.server import Elicitation, McpServer, OAuth
from ripieno.identity import administration
from ripieno.identity.api_keys import create_key
from ripieno.model.action import Call

EXPECTED: Final[dict[str, dict[str, str]]] = yaml.safe_load((PEERS / "expected-failures.yml").read_text())
LEAST: Final = {"client": 26, "server": 30}
ANY_TIME: Final = datetime(2100, 1, 1, tzinfo=UTC)


async def failures(kind: str, *arguments: str, folder: Path) -> tuple[set[str], str]:
    """Give which scenarios failed, and all that the suite says."""
    process = await asyncio.create_subprocess_exec(
        NODE,
        package("conformance"),
        kind,
        *arguments,
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    said = out.decode()
    ran = set(re.findall(r"^[✓✗] ([a-z0-9/_-]+):", said, re.MULTILINE))
    assert len(ran) >= LEAST[kind], said
    return set(re.findall(r"^✗ ([a-z0-9/_-]+):", said, re.MULTILINE)) - EXPECTED["timed"].keys(), said


# -- our client --------------------------------------------------------------------------------------


async def browse(page: str) -> AuthorizationCodeResult:
    """Do what a browser does where somebody signs in and says yes."""
    async with httpx2.AsyncClient() as http:
        answer = await http.get(page)
    given = httpx2.URL(answer.headers["location"]).params
    return AuthorizationCodeResult(code=given["code"], state=given.get("state"), iss=given.get("iss"))


class Trusting:
    """The suite's issuer is known once its server names it: an operator would have declared it."""

    declared: OAuth
    context: Any

    def _select_authorization_server(self, advertised: list[str]) -> str:
        self.declared = dataclasses.replace(self.declared, issuer=advertised[0])
        if self.context.client_info is not None:
            self.context.client_info.issuer = advertised[0]
        return advertised[0]


class Somebody(Trusting, Person):
    """A person who signs in."""


class Something(Trusting, Machine):
    """A machine with a secret."""

    def _check(self) -> None:
        self._issuer = self.declared.issuer
        super()._check()


def known_to(server: McpServer) -> httpx2.Auth:
    declared, kept = server.oauth, Kept(server, None)
    assert declared is not None
    if declared.by_machine:
        return Something(server, declared, kept)
    pages: list[str] = []

    async def show(page: str) -> None:
        pages.append(page)

    async def come_back() -> AuthorizationCodeResult:
        return await browse(pages.pop())

    return Somebody(
        server, declared, kept, redirect="http://127.0.0.1/callback", show=show, come_back=come_back
    )


def declared_for(scenario: str, url: str, context: dict[str, Any] | None) -> McpServer:
    elicitation = Elicitation(role="clerk", repeat=True) if scenario.startswith("elicitation") else None
    if not scenario.startswith("auth/"):
        return McpServer(name="suite", url=url, elicitation=elicitation)
    given = context or {}
    client = given.get("client_id")
    if scenario == "auth/basic-cimd":
        client = "https://conformance-test.local/client-metadata.json"
    secret = None
    if "client_secret" in given:
        name = "SUITE_" + re.sub("[^A-Z0-9]", "_", scenario.upper())
        os.environ[name] = given["client_secret"]
        secret = f"secret://env/{name}"
    who = None if secret is None else "machine" if "client-credentials" in scenario else "person"
    origin = str(httpx2.URL(url).copy_with(path="/"))
    return McpServer(
        name="suite", url=url, oauth=OAuth(issuer=origin, client_id=client, client_secret=secret, who=who)
    )


async def take_part(scenario: str, url: str, context: dict[str, Any] | None) -> None:
    """Connect, list the tools, and call each as it is."""
    server = declared_for(scenario, url, context)
    auth = None if server.oauth is None else known_to(server)
    connection = Connection(server, auth=auth)
    connections = OF_LOOPS.setdefault(asyncio.get_running_loop(), Connections())
    connections.open[key_of(server, DEFAULT_TENANT)] = connection
    try:
        await connection.ready()
        for definition in (await connection.listing()).tools.values():
            needed = definition.input_schema.get("properties", {})
            arguments: dict[str, Any] = dict.fromkeys(needed, 5)
            call = Call("k" * 40, "", "", 1, ANY_TIME)
            gave: Any = await call_tool(server, definition, arguments, call, effect="write")
            if isinstance(gave, dict) and "mcp_asks" in gave:
                told = answered(cast("dict[str, Any]", gave)["mcp_asks"], {"proceed": True, "answer": {}})
                arguments["mcp_answers"] = {"responses": told}
                await call_tool(server, definition, arguments, call, effect="write")
    finally:
        await connection.close()


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def one_client(incoming: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
    scenario, url, context = [(await incoming.readline()).decode().strip() for _ in range(3)]
    try:
        await take_part(scenario, url, json.loads(context))
    except Exception as error:  # noqa: BLE001 - the suite is told whatever it was
        out.write(f"{type(error).__name__}: {error}".replace("\n", " ").encode() + b"\n")
    else:
        out.write(b"done\n")
    out.close()


async def test_our_client_conforms(tmp_path: Path) -> None:
    async with await asyncio.start_server(one_client, "127.0.0.1", 0) as listening:
        command = f"bash {PEERS / 'forward.sh'} {listening.sockets[0].getsockname()[1]}"
        failed, said = await failures("client", "--command", command, "--suite", "all", folder=tmp_path)
    await close_connections()
    assert failed ^ set(EXPECTED["client"]) == set(), said


# -- our server --------------------------------------------------------------------------------------


class WithKey:
    """What is in front of a server and comes with a key of its own."""

    def __init__(self, inner: ASGIApp, key: str) -> None:
        self._inner, self._key = inner, key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["headers"] = [*scope["headers"], (b"authorization", f"Bearer {self._key}".encode())]
        await self._inner(scope, receive, send)


def greet(input: dict[str, str]) -> str:  # noqa: A002 - what it is given
    return f"good day, {input['name']}"


GREETING = Workflow("greeting", Function(greet, pure=True))


async def test_our_server_conforms(tmp_path: Path) -> None:
    async with serving(tmp_path / "home", GREETING) as host:
        await administration.grant(host.store, "service:suite", ["operator"], by=OPERATOR)
        key = await create_key(host.store, host.clock, "service:suite", by=OPERATOR)
        inner = app(
            served(Acts(host, patience=10), [Offered(GREETING, Given(GREETING))], who_came), host, by=OPERATOR
        )
        server = uvicorn.Server(uvicorn.Config(WithKey(inner, key.text), port=0, log_level="error"))
        at_work = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/mcp"
        failed, said = await failures("server", "--url", url, "--suite", "all", folder=tmp_path)
        server.should_exit = True
        await at_work
    assert failed ^ set(EXPECTED["server"]) == set(), said
