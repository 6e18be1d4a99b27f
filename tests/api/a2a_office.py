"""Workflows served by A2A on loopback, keys to come in by, and clients that speak the protocol."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from a2a.client import Client, ClientConfig, ClientFactory
from a2a.client.card_resolver import A2ACardResolver
from a2a.types import a2a_pb2 as pb
from google.protobuf.json_format import MessageToDict, ParseDict

from kernel.scenarios.house import OPERATOR, serving
from participants.agent_peer import listening
from ripieno import Function, Workflow, human, sequential
from ripieno.api.a2a.app import application, signed_in
from ripieno.api.mcp.workflows import Given, Offered
from ripieno.identity import administration
from ripieno.identity.api_keys import create_key
from ripieno.journal.identity import KeyScope
from ripieno.kernel.host import Host
from ripieno.workflows.workflow import Workflow as AnyWorkflow

__all__ = ["ASKS", "BREAKS", "DOUBLE", "Office", "office_at", "send", "text"]

ORDER = {"type": "object", "properties": {"amount": {"type": "integer"}}, "required": ["amount"]}


async def doubled(given: dict[str, int]) -> dict[str, int]:
    return {"doubled": given["amount"] * 2}


def broken(given: object) -> None:
    del given
    msg = "it is broken"
    raise ValueError(msg)


DOUBLE = Workflow("double", Function(doubled, pure=True), purpose="Doubles an amount", check_input=ORDER)
ASKS = Workflow("asks", sequential(human("clerk", role="clerk", title="may it be paid?")))
BREAKS = Workflow("breaks", Function(broken, pure=True))


class Office:
    """The server as clients reach it."""

    def __init__(self, host: Host, url: str) -> None:
        self.host, self.url = host, url

    async def key(self, who: str, *roles: str, scope: KeyScope | None = None) -> str:
        store, clock = self.host.store, self.host.clock
        await administration.grant(store, who, roles, by=OPERATOR)
        return (await create_key(store, clock, who, by=OPERATOR, scope=scope)).text

    @asynccontextmanager
    async def client(
        self, key: str, *, path: str = "", streaming: bool = False, binding: str = "JSONRPC"
    ) -> AsyncGenerator[Client]:
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {key}"}, timeout=20) as http:
            card = await A2ACardResolver(http, f"{self.url}{path}").get_agent_card()
            settings = ClientConfig(
                streaming=streaming, httpx_client=http, supported_protocol_bindings=[binding]
            )
            yield ClientFactory(settings).create(card)

    async def rpc(self, key: str, method: str, params: Any, **headers: str) -> dict[str, Any]:
        """Make a call by hand, and give all of the answer."""
        body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
        return (await self.post(key, body, **headers)).json()

    async def post(self, key: str, body: Any, *, path: str = "/a2a/rpc", **headers: str) -> httpx.Response:
        headers = {
            "authorization": f"Bearer {key}",
            "A2A-Version": "1.0",
            "content-type": "application/json",
        } | headers
        content = body if isinstance(body, str) else json.dumps(body)
        async with httpx.AsyncClient(headers=headers, timeout=20) as http:
            return await http.post(f"{self.url}{path}", content=content)


@asynccontextmanager
async def office_at(
    home: Path,
    *workflows: AnyWorkflow,
    push_to: Sequence[str] = (),
    patience: float = 10.0,
    open_to_all: bool = False,
    clock: Any = None,
) -> AsyncGenerator[Office]:
    """Serve workflows at an address of this machine."""
    async with serving(home, *workflows, clock=clock) as host:
        made: list[Any] = []

        async def asgi(scope: Any, receive: Any, send: Any) -> None:
            await made[0](scope, receive, send)

        offered = [Offered(one, Given(one)) for one in workflows]
        async with (
            listening(lambda _: asgi) as url,
            application(
                host,
                offered,
                url=url,
                came=signed_in(host, OPERATOR, open_to_all=open_to_all),
                folder=home,
                push_to=push_to,
                patience=patience,
                without_keys=open_to_all,
            ) as app,
        ):
            made.append(app)
            yield Office(host, url)


async def send(client: Client, *parts: dict[str, Any], at_once: bool = False, **fields: Any) -> Any:
    """Send a message; give the task, or all events of a stream."""
    message = {"messageId": "m-1", "role": "ROLE_USER", "parts": list(parts), **fields}
    params: dict[str, Any] = {"message": message, "configuration": {"returnImmediately": at_once}}
    request = ParseDict(params, pb.SendMessageRequest())
    found = [MessageToDict(event) async for event in client.send_message(request)]
    return found[0]["task"] if len(found) == 1 and "task" in found[0] else found


def text(said: str) -> dict[str, Any]:
    return {"text": said}
