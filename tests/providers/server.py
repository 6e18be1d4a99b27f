"""Providers of models on loopback: the wire formats of OpenAI, Anthropic, Gemini and Bedrock, by a script.

In a test's own loop by `serving(script)`; for tests that kill processes, from the folder of tests, by
`python -m providers.server module:SCRIPT port-file`.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from providers import anthropic_wire, bedrock_wire, gemini_wire, openai_wire
from providers.replies import Asked, Broken, Cut, Dawdles, Held, Script

__all__ = ["Provider", "serving"]


class CutError(Exception):
    """Raised in the middle of a response, so that its connection is closed."""


@dataclass(slots=True)
class Provider:
    """A server that is up, and what it was asked."""

    script: Script
    port: int = 0
    asked: list[Asked] = field(default_factory=list[Asked])
    models: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """What it has, as Ollama lists it."""

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def app(self) -> Starlette:
        """Give the application."""
        return Starlette(
            routes=[
                Route("/openai/v1/chat/completions", self._openai_chat, methods=["POST"]),
                Route("/v1/chat/completions", self._openai_chat, methods=["POST"]),
                Route("/api/tags", self._ollama_models, methods=["GET"]),
                Route("/mistral/v1/chat/completions", self._openai_chat, methods=["POST"]),
                Route("/azure/openai/deployments/{m}/chat/completions", self._openai_chat, methods=["POST"]),
                Route("/openai/v1/responses", self._openai_responses, methods=["POST"]),
                Route("/anthropic/v1/messages", self._anthropic, methods=["POST"]),
                Route("/google/v1beta/models/{call:path}", self._gemini, methods=["POST"]),
                Route(
                    "/vertex/v1beta1/projects/of-tests/locations/europe-west1/publishers/google/models/{call:path}",
                    self._gemini,
                    methods=["POST"],
                ),
                Route("/vertex/token", self._vertex_token, methods=["POST"]),
                Route("/bedrock/model/{model:path}/converse", self._bedrock, methods=["POST"]),
                Route("/bedrock/model/{model:path}/converse-stream", self._bedrock, methods=["POST"]),
            ]
        )

    async def _reply(self, asked: Asked) -> Any:
        self.asked.append(asked)
        reply = self.script(asked)
        if isinstance(reply, Held):
            reply.begun.set()
            await reply.until.wait()
            return reply.then
        return reply

    async def _openai_chat(self, request: Request) -> Response:
        key = request.headers.get("authorization") or request.headers.get("api-key", "")
        asked = openai_wire.chat_asked(await request.json(), key)
        reply = await self._reply(asked)
        if isinstance(reply, Broken):
            return broken(reply, openai_wire.error(reply))
        if isinstance(reply, Cut):
            return cut()
        if isinstance(reply, Dawdles):
            events = list(openai_wire.chat_events(asked, reply.then))
            return StreamingResponse(dawdling(events, reply.until), media_type="text/event-stream")
        if asked.streamed:
            return streamed(openai_wire.chat_events(asked, reply))
        return JSONResponse(openai_wire.chat(asked, reply))

    async def _ollama_models(self, request: Request) -> Response:
        del request
        return JSONResponse({"models": self.models})

    async def _openai_responses(self, request: Request) -> Response:
        asked = openai_wire.responses_asked(await request.json(), request.headers.get("authorization", ""))
        reply = await self._reply(asked)
        if isinstance(reply, Broken):
            return broken(reply, openai_wire.error(reply))
        if isinstance(reply, Cut):
            return cut()
        if asked.streamed:
            return streamed(openai_wire.responses_events(asked, reply))
        return JSONResponse(openai_wire.responses(asked, reply))

    async def _anthropic(self, request: Request) -> Response:
        key = request.headers.get("x-api-key") or request.headers.get("authorization", "")
        asked = anthropic_wire.asked_in(await request.json(), key)
        reply = await self._reply(asked)
        if isinstance(reply, Broken):
            return broken(reply, anthropic_wire.error(reply))
        if isinstance(reply, Cut):
            return cut()
        if asked.streamed:
            return streamed(anthropic_wire.events(asked, reply))
        return JSONResponse(anthropic_wire.message(asked, reply))

    async def _gemini(self, request: Request) -> Response:
        model, _, verb = request.path_params["call"].partition(":")
        key = request.headers.get("x-goog-api-key") or request.headers.get("authorization", "")
        streaming = verb == "streamGenerateContent"
        asked = gemini_wire.asked_in(await request.json(), model, key, streamed=streaming)
        reply = await self._reply(asked)
        if isinstance(reply, Broken):
            return broken(reply, gemini_wire.error(reply))
        if isinstance(reply, Cut):
            return cut()
        if asked.streamed:
            return streamed(gemini_wire.events(asked, reply))
        return JSONResponse(gemini_wire.content(asked, reply))

    async def _vertex_token(self, request: Request) -> Response:
        """Give a token for a signed assertion of a service account (RFC 7523)."""
        form = dict(parse_qsl((await request.body()).decode()))
        grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        if form.get("grant_type") != grant or form.get("assertion", "").count(".") != 2:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"access_token": "of-vertex", "expires_in": 3600, "token_type": "Bearer"})

    async def _bedrock(self, request: Request) -> Response:
        streaming = request.url.path.endswith("-stream")
        key = request.headers.get("authorization", "")
        model = request.path_params["model"]
        asked = bedrock_wire.asked_in(await request.json(), model, key, streamed=streaming)
        reply = await self._reply(asked)
        if isinstance(reply, Broken):
            kind = {"x-amzn-errortype": bedrock_wire.ERRORS.get(reply.status, "InternalServerException")}
            return broken(reply, bedrock_wire.error(reply), **kind)
        if isinstance(reply, Cut):
            return cut()
        if asked.streamed:
            return streamed(bedrock_wire.events(asked, reply), "application/vnd.amazon.eventstream")
        return JSONResponse(bedrock_wire.message(asked, reply))


def broken(reply: Broken, body: Any, **more: str) -> Response:
    """Give an error as HTTP has it."""
    text = json.dumps(body) if reply.body is None else reply.body
    return Response(text, reply.status, headers={"content-type": "application/json", **more, **reply.headers})


def cut() -> Response:
    """Begin a response that promises more than it gives."""

    async def half() -> AsyncIterator[bytes]:
        yield b'{"id": "x'
        raise CutError

    return StreamingResponse(half(), headers={"content-type": "application/json", "content-length": "1000"})


async def dawdling(events: Sequence[str], until: asyncio.Event) -> AsyncIterator[str]:
    """Give half of a stream, and the rest once that is let."""
    half = len(events) // 2
    for event in events[:half]:
        yield event
    await until.wait()
    for event in events[half:]:
        yield event


def streamed(chunks: Iterable[str | bytes], kind: str = "text/event-stream") -> Response:
    """Give events, each in a packet of its own."""

    async def sent() -> AsyncIterator[str | bytes]:
        for chunk in chunks:
            yield chunk
            await asyncio.sleep(0)

    return StreamingResponse(sent(), headers={"content-type": kind})


class Server(uvicorn.Server):
    """A server that leaves signals to whoever it is part of."""

    @asynccontextmanager
    async def up(self, listening: socket.socket) -> AsyncGenerator[None]:
        """Serve until the block ends."""
        task = asyncio.create_task(self._serve(sockets=[listening]))
        try:
            yield
        finally:
            self.should_exit = True
            self.force_exit = True
            await task


@asynccontextmanager
async def serving(script: Script) -> AsyncGenerator[Provider]:
    """Serve on a free port of loopback, in this loop."""
    provider = Provider(script)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(2048)
        provider.port = listening.getsockname()[1]
        config = uvicorn.Config(provider.app(), log_level="critical", lifespan="off", backlog=2048)
        async with Server(config).up(listening):
            yield provider


async def main(script: str, file: str) -> None:
    """Serve until the process is ended; the port is written to a file."""
    module, _, name = script.partition(":")
    async with serving(getattr(import_module(module), name)) as provider:
        Path(file).write_text(str(provider.port), encoding="ascii")  # noqa: ASYNC240 - once, and nobody waits
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
