"""Servers on loopback, in the loop of the test: real HTTP, without a process of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from ripieno.mediation.secrets.resolver import SECRETS
from ripieno.model.action import Call

__all__ = ["Heard", "a_call", "serving_at"]


@asynccontextmanager
async def serving_at(app: Any) -> AsyncGenerator[str]:
    """Serve an ASGI app, and give its address."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    bound.listen()  # who connects from now on waits for the server
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none"))
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


Answering = Callable[[Request, bytes], Response]


@dataclass
class Heard:
    """A server that does as the test says, and remembers what it was sent."""

    answer: Answering
    requests: list[tuple[Request, bytes]] = field(default_factory=list[tuple[Request, bytes]])

    @property
    def app(self) -> Starlette:
        """The server."""
        app = Starlette()

        async def hear(request: Request) -> Response:
            body = await request.body()
            self.requests.append((request, body))
            return self.answer(request, body)

        app.add_route("/{path:path}", hear, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
        return app

    @property
    def asked(self) -> list[str]:
        """What was asked for: method, path and query."""
        return [
            f"{one.method} {one.url.path}{'?' if one.url.query else ''}{one.url.query}"
            for one, _ in self.requests
        ]


async def a_call(seconds: float = 20, **secrets: str) -> Call:
    """Give a call as the kernel makes it, with its secrets opened."""
    call = Call(
        "key-of-forty-characters", "run", "step/tool/1", 1, datetime.now(UTC) + timedelta(seconds=seconds)
    )
    for name, reference in secrets.items():
        call.given[name] = await SECRETS.open(SECRETS.reference(reference))
    return call
