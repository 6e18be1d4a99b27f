"""A server over HTTP that does what it must not: what fails says whether it was done, and no key strays."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest
import uvicorn

from ripieno.connectors.mcp.calling import LostError, call_tool
from ripieno.connectors.mcp.connection import close_connections
from ripieno.connectors.mcp.connector import McpConnector, write_approved
from ripieno.connectors.mcp.definition import ToolDefinition
from ripieno.connectors.mcp.server import McpServer, OAuth
from ripieno.connectors.mcp.sign_in import sign_in, sign_out
from ripieno.journal.keys import MasterKey
from ripieno.kernel.home import data_folder
from ripieno.model.action import Call
from ripieno.model.errors import DefinitionError, NotSentError, ToolError

PAY = {"name": "pay", "inputSchema": {"type": "object"}}
ONE = Call("k" * 40, "", "", 1, datetime(2100, 1, 1, tzinfo=UTC))
WHERE = "secret://env/DESK_SECRET"
KEY = "a-client-secret-of-the-desk"

Answer = tuple[int, dict[str, str], bytes]
Misdeed = Callable[[], Awaitable[Answer]]


def said(body: object, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"content-type": "application/json", **named}, json.dumps(body).encode()


class Service:
    """A server and, beside it, an authorization server; both keep what they were sent."""

    def __init__(self) -> None:
        self.url = ""
        self.misdeed: Misdeed | None = None
        self.token: str | None = None
        """What has to be shown; None lets everybody in."""
        self.issuer = ""
        self.issuers: list[str] = []
        self.sent: list[tuple[str, dict[str, str], str]] = []

    def at(self, path: str) -> list[tuple[dict[str, str], str]]:
        return [(headers, body) for asked, headers, body in self.sent if asked == path]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while (event := await receive())["type"] == "http.request":
            body += event["body"]
            if not event.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        query = scope["query_string"].decode()
        self.sent.append((scope["path"], headers, body.decode() or query))
        status, answered, content = await self.answer(scope["path"], headers, body)
        named = [(name.encode(), value.encode()) for name, value in answered.items()]
        await send({"type": "http.response.start", "status": status, "headers": named})
        await send({"type": "http.response.body", "body": content})

    async def answer(  # noqa: PLR0911 - one for each address
        self, path: str, headers: dict[str, str], body: bytes
    ) -> Answer:
        if path.startswith("/.well-known/oauth-protected-resource"):
            return said({"resource": self.url, "authorization_servers": self.issuers or [self.issuer]})
        if path.startswith("/.well-known/oauth-authorization-server"):
            ends = {
                "token_endpoint": f"{self.issuer}/token",
                "authorization_endpoint": f"{self.issuer}/authorize",
                "revocation_endpoint": f"{self.issuer}/revoke",
            }
            more = {"registration_endpoint": f"{self.issuer}/register", "response_types_supported": ["code"]}
            pkce = {"code_challenge_methods_supported": ["S256"]}
            return said({"issuer": self.issuer, **ends, **more, **pkce})
        if path == "/register":
            return said(
                {**json.loads(body), "client_id": "someone", "token_endpoint_auth_method": "none"}, 201
            )
        if path == "/revoke":
            return said({})
        if path == "/token":
            return said({"access_token": self.token, "token_type": "Bearer", "expires_in": 3600})
        if path != "/mcp" or not body:
            return said({}, 405)
        if self.token is not None and headers.get("authorization") != f"Bearer {self.token}":
            metadata = self.url.replace("/mcp", "/.well-known/oauth-protected-resource")
            where = f'Bearer resource_metadata="{metadata}"'
            return said({}, 401, www_authenticate=where)
        return await self.rpc(json.loads(body))

    async def rpc(self, message: dict[str, Any]) -> Answer:
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": message.get("id")}
        match message["method"]:
            case "initialize":
                about = {"protocolVersion": "2025-11-25", "serverInfo": {"name": "pay", "version": "1"}}
                return said({**answer, "result": {**about, "capabilities": {"tools": {}}}})
            case "tools/list":
                return said({**answer, "result": {"tools": [PAY]}})
            case "tools/call":
                if self.misdeed is not None:
                    return await self.misdeed()
                return said({**answer, "result": {"content": [{"type": "text", "text": "paid"}]}})
            case "notifications/initialized":
                return 202, {}, b""
            case _:
                return said({**answer, "error": {"code": -32601, "message": "no"}}, 400)


@asynccontextmanager
async def listening() -> AsyncGenerator[Service]:
    service = Service()
    server = uvicorn.Server(uvicorn.Config(service, port=0, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.005)
    origin = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    service.url, service.issuer = f"{origin}/mcp", origin
    try:
        yield service
    finally:
        await close_connections()
        server.should_exit = True
        await task


@pytest.fixture
async def service() -> AsyncGenerator[Service]:
    async with listening() as one:
        yield one


async def pay(server: McpServer, *, tenant: str = "default") -> Any:
    call = replace(ONE, tenant=tenant)
    return await call_tool(server, ToolDefinition(PAY), {}, call, effect="write")


async def refuses() -> Answer:
    return said({"why": "not you"}, 403)


async def breaks() -> Answer:
    return said({"why": "a fault"}, 500)


async def is_html() -> Answer:
    return 200, {"content-type": "text/html"}, b"<html>"


async def accepts() -> Answer:
    return 202, {}, b""


async def is_huge() -> Answer:
    return said({"jsonrpc": "2.0", "id": 1, "result": "x" * 300_000})


async def is_packed() -> Answer:
    return said({}, content_encoding="gzip")


async def cuts_off() -> Answer:
    status, headers, body = said({"jsonrpc": "2.0"})
    return status, {**headers, "content-length": "9999"}, body


async def is_no_json() -> Answer:
    return 200, {"content-type": "application/json"}, b'{"jsonrpc": "2.0", '


async def leads_elsewhere() -> Answer:
    return 307, {"location": "http://127.0.0.1:9/mcp"}, b""


@pytest.mark.parametrize(
    ("misdeed", "kind", "why"),
    [
        (refuses, ToolError, "HTTP 403"),
        (leads_elsewhere, ToolError, "not followed"),
        (breaks, LostError, "HTTP 500"),
        (is_html, LostError, "text/html"),
        (accepts, LostError, "HTTP 202"),
        (is_huge, LostError, "more than 100,000 bytes"),
        (is_packed, LostError, "packed by gzip"),
        (cuts_off, LostError, "broke off|ended"),
        (is_no_json, LostError, "Failed to parse JSON"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
async def test_whether_a_call_was_made_is_told_by_how_it_failed_and_the_next_is_made(
    service: Service, misdeed: Misdeed, kind: type[Exception], why: str
) -> None:
    server = McpServer(name="pay", url=service.url, max_bytes=100_000)
    service.misdeed = misdeed
    with pytest.raises(kind, match=why):
        await pay(server)
    service.misdeed = None
    assert await pay(server) == "paid"
    assert len([body for _, body in service.at("/mcp") if '"tools/call"' in body]) == 2


async def test_a_server_that_wants_to_be_left_alone_says_for_how_long(service: Service) -> None:
    async def is_busy() -> Answer:
        return said({"why": "slowly"}, 429, retry_after="7")

    service.misdeed = is_busy
    with pytest.raises(NotSentError) as refused:
        await pay(McpServer(name="pay", url=service.url))
    assert (refused.value.failure, refused.value.retry_after) == ("rate_limited", 7)


async def test_what_becomes_of_one_call_is_nothing_to_those_beside_it(service: Service) -> None:
    server = McpServer(name="pay", url=service.url)
    under_way, go_on = asyncio.Event(), asyncio.Event()

    async def waits() -> Answer:
        under_way.set()
        await go_on.wait()
        return said({}, 403)

    async def is_not_known() -> Answer:
        return said({}, 404)

    service.misdeed = waits
    first = asyncio.create_task(pay(server))
    await under_way.wait()
    service.misdeed = is_not_known
    with pytest.raises(ToolError, match="HTTP 404"):
        await pay(server)
    service.misdeed = None
    assert await pay(server) == "paid", "over a connection of its own"
    go_on.set()
    with pytest.raises(ToolError, match="HTTP 403"):
        await first


async def test_a_server_that_is_gone_is_an_error_of_its_own_with_nothing_sent() -> None:
    async with listening() as service:
        server = McpServer(name="pay", url=service.url)
        assert await pay(server) == "paid"
    with pytest.raises(ToolError, match=r"MCP server pay cannot be used|ConnectError"):
        await pay(server)
    await close_connections()


# -- becoming known ----------------------------------------------------------------------------------


@pytest.fixture
def declared(service: Service, monkeypatch: pytest.MonkeyPatch) -> McpServer:
    monkeypatch.setenv("DESK_SECRET", KEY)
    service.token = "an-access-token-for-pay"  # noqa: S105 - no password of anybody
    oauth = OAuth(issuer=service.issuer, client_id="desk", client_secret=WHERE, scope="pay")
    return McpServer(name="pay", url=service.url, oauth=oauth)


async def test_a_machine_has_a_token_for_this_server_alone_and_asks_for_no_more_than_declared(
    service: Service, declared: McpServer
) -> None:
    assert await pay(declared) == "paid"
    assert await pay(declared) == "paid"
    [(headers, body)] = service.at("/token")
    asked = {name: values[0] for name, values in parse_qs(body).items()}
    assert asked == {"grant_type": "client_credentials", "resource": service.url, "scope": "pay"}
    assert headers["authorization"].startswith("Basic ")
    assert KEY not in "".join(body for _, body in service.at("/mcp"))


async def test_a_server_that_leads_to_another_issuer_has_nothing_sent_there(
    service: Service, declared: McpServer
) -> None:
    async with listening() as evil:
        evil.token, service.issuers = service.token, [evil.issuer]
        with pytest.raises(ToolError, match=r"the project trusts http.* alone"):
            await pay(declared)
        assert evil.sent == []
    assert service.at("/token") == []


async def test_an_issuer_that_calls_itself_otherwise_is_given_no_secret(
    service: Service, declared: McpServer
) -> None:
    service.issuers, service.issuer = [service.issuer], "http://127.0.0.1:9"
    with pytest.raises(ToolError, match="issuer mismatch"):
        await pay(declared)
    assert service.at("/token") == []


async def test_a_token_that_is_refused_is_asked_for_anew(service: Service, declared: McpServer) -> None:
    assert await pay(declared) == "paid"
    service.token = "another-access-token-by-now"  # noqa: S105 - no password of anybody
    assert await pay(declared) == "paid"
    assert len(service.at("/token")) == 2


async def test_a_person_signs_in_once_with_a_browser_and_calls_are_made_with_that(
    service: Service, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = data_folder(tmp_path / "home")
    monkeypatch.setenv("RIPIENO_HOME", str(home))
    MasterKey.at(home / "master.key")
    service.token = "an-access-token-for-cora"  # noqa: S105 - no password of anybody
    server = McpServer(name="pay", url=service.url, oauth=OAuth(issuer=service.issuer))
    with pytest.raises(ToolError, match="somebody has to sign in to MCP server pay"):
        await pay(server)
    pages: list[httpx2.URL] = []
    browsing: set[asyncio.Task[Any]] = set()

    async def show(page: str) -> None:
        asked = httpx2.URL(page)
        pages.append(asked)
        back = httpx2.URL(asked.params["redirect_uri"]).copy_merge_params(
            {"code": "yes", "state": asked.params["state"]}
        )

        async def browse() -> None:
            async with httpx2.AsyncClient() as http:
                await http.get(back)

        browsing.add(asyncio.create_task(browse()))

    assert await sign_in(server, show) == ["pay"]
    await asyncio.gather(*browsing)
    assert pages[0].params["code_challenge_method"] == "S256"
    assert pages[0].params["resource"] == service.url
    [(_, body)] = service.at("/token")
    assert parse_qs(body)["resource"] == [service.url]
    assert "code_verifier" in parse_qs(body)
    assert await pay(server) == "paid"
    [kept] = (home / "sealed").glob("*/*")
    assert kept.stat().st_mode & 0o077 == 0
    assert b"cora" not in kept.read_bytes()
    with pytest.raises(ToolError, match="somebody has to sign in"):  # nobody has for another tenant
        await pay(server, tenant="clinic")
    assert await pay(server) == "paid"
    assert await sign_out(server)
    assert parse_qs(service.at("/revoke")[0][1])["token"] == ["an-access-token-for-cora"]
    with pytest.raises(ToolError, match="somebody has to sign in"):  # by the connection that was open
        await pay(server)
    assert not await sign_out(server)
    assert not kept.exists()


async def test_a_key_that_was_replaced_is_opened_anew_and_the_call_made_with_it(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESK_TOKEN", "the-first-token-there-was")
    service.token = "the-first-token-there-was"  # noqa: S105 - no password of anybody
    server = McpServer(
        name="pay", url=service.url, headers={"Authorization": "Bearer secret://env/DESK_TOKEN"}
    )
    write_approved(tmp_path / "pay.json", {"pay": ToolDefinition(PAY)})
    tool = McpConnector("pay", server, approved=tmp_path / "pay.json").tool("pay")
    assert await tool() == "paid"
    service.token = "the-second-token-there-was"  # noqa: S105 - no password of anybody
    monkeypatch.setenv("DESK_TOKEN", "the-second-token-there-was")
    assert await tool() == "paid"


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"url": "http://crm.example/mcp"}, "is not encrypted"),
        ({"url": "https://ann:pw@crm.example/mcp"}, "its url holds a name or password"),
        (
            {"url": "https://crm.example", "headers": {"Authorization": "Bearer x"}},
            "would stand in the definition",
        ),
        ({"url": "https://crm.example", "headers": {"X-Y": "secret://nowhere/k"}}, "no provider of secrets"),
        ({"url": "https://crm.example", "comand": "x"}, "did you mean 'command'"),
        ({}, "either a command or a url"),
        ({"command": "npx server"}, "a list of words"),
        ({"url": "https://crm.example", "oauth": {"isuer": "x"}}, "isuer"),
    ],
)
def test_a_declaration_that_cannot_work_says_why(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(DefinitionError, match=why):
        McpServer.read("crm", settings)
