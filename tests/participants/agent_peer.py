"""A remote agent on loopback that speaks A2A 1.0 by the SDK's own server routes, and does as a test says."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from a2a.server.context import ServerCallContext
from a2a.server.request_handlers import RequestHandler
from a2a.server.routes import create_jsonrpc_routes
from a2a.server.routes.rest_routes import create_rest_routes
from a2a.types import a2a_pb2 as pb
from a2a.utils.errors import InternalError, TaskNotFoundError, UnsupportedOperationError
from google.protobuf.json_format import MessageToDict, ParseDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ripieno.participants.remote.card import digest_of

__all__ = ["Peer", "listening"]

SECRET = "peer-secret-one"  # noqa: S105 - of the tests
OTHER_PATHS = ("/token", "/.well-known/agent-card.json")


class Peer(RequestHandler):
    """Keeps tasks in memory. `on_send` says what becomes of a message; by default a task that works."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.tasks: dict[str, pb.Task] = {}
        self.messages: list[dict[str, Any]] = []
        self.seen: list[dict[str, Any]] = []
        """Headers, query and cookies of each call."""
        self.canceled: list[str] = []
        self.looks = 0
        self.on_send: Callable[[pb.Message], pb.Task | pb.Message | None] = self.working
        self.after_send: Callable[[], None] | None = None
        self.refuse: Callable[[Request], Response | None] = lambda _: None
        self.stream: Sequence[Any] = ()
        self.lists = True
        self.tokens = 0
        self.card: dict[str, Any] = {
            "name": "peer",
            "description": "does as it is told",
            "version": "1.0.0",
            "supportedInterfaces": [
                {"url": f"{url}/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
            ],
            "capabilities": {"streaming": True},
            "defaultInputModes": ["text/plain", "application/json"],
            "defaultOutputModes": ["text/plain", "application/json"],
            "skills": [{"id": "do", "name": "do", "description": "does it", "tags": ["t"]}],
        }

    @property
    def digest(self) -> str:
        return digest_of(self.card)

    # -- what tests do ----------------------------------------------------------------------------

    def working(self, message: pb.Message) -> pb.Task:
        task = self.tasks.get(message.task_id)
        if task is None:
            task = pb.Task(id=f"task-{len(self.tasks) + 1}", context_id=message.context_id)
            self.tasks[task.id] = task
        task.history.append(message)
        task.status.state = pb.TASK_STATE_WORKING
        return task

    def put(self, task: str, state: str, text: str | None = None, **fields: Any) -> None:
        """Set the state of a task, what it says, and fields such as artifacts in the protocol's JSON."""
        found = self.tasks[task]
        ParseDict({"state": f"TASK_STATE_{state}"}, found.status)
        found.status.ClearField("message")
        if text is not None:
            found.status.message.CopyFrom(
                pb.Message(message_id="said", role=pb.ROLE_AGENT, parts=[pb.Part(text=text)])
            )
        ParseDict(fields, found)

    def done(self, value: Any, task: str = "task-1", **fields: Any) -> None:
        """Complete a task with one artifact."""
        part = {"text": value} if isinstance(value, str) else {"data": value}
        self.put(
            task, "COMPLETED", artifacts=[{"artifactId": "a", "name": "answer", "parts": [part]}], **fields
        )

    # -- the protocol -----------------------------------------------------------------------------

    async def on_message_send(self, params: pb.SendMessageRequest, context: ServerCallContext) -> Any:
        del context
        self.messages.append(MessageToDict(params.message))
        answer = self.on_send(params.message)
        if self.after_send is not None:
            self.after_send()
        if answer is None:
            raise InternalError(message="nobody knows")
        return answer

    async def on_message_send_stream(
        self, params: pb.SendMessageRequest, context: ServerCallContext
    ) -> AsyncGenerator[Any]:
        del context
        self.messages.append(MessageToDict(params.message))
        task = self.working(params.message)
        yield task
        for event in self.stream:
            if isinstance(event, Exception):
                raise event
            yield event(task)

    async def on_get_task(self, params: pb.GetTaskRequest, context: ServerCallContext) -> pb.Task | None:
        del context
        self.looks += 1
        if params.id not in self.tasks:
            raise TaskNotFoundError
        return self.tasks[params.id]

    async def on_list_tasks(
        self, params: pb.ListTasksRequest, context: ServerCallContext
    ) -> pb.ListTasksResponse:
        del context
        if not self.lists:
            raise UnsupportedOperationError
        found = [task for task in self.tasks.values() if task.context_id == params.context_id]
        return pb.ListTasksResponse(tasks=found, total_size=len(found), page_size=50)

    async def on_cancel_task(self, params: pb.CancelTaskRequest, context: ServerCallContext) -> pb.Task:
        del context
        self.canceled.append(params.id)
        self.put(params.id, "CANCELED")
        return self.tasks[params.id]

    async def _not_here(self, params: Any, context: ServerCallContext) -> Any:
        del params, context
        raise UnsupportedOperationError

    on_create_task_push_notification_config = _not_here
    on_get_task_push_notification_config = _not_here
    on_list_task_push_notification_configs = _not_here
    on_delete_task_push_notification_config = _not_here
    on_get_extended_agent_card = _not_here

    async def on_subscribe_to_task(self, params: Any, context: ServerCallContext) -> AsyncGenerator[Any]:
        await self._not_here(params, context)
        yield

    # -- HTTP -------------------------------------------------------------------------------------

    async def _card(self, request: Request) -> Response:
        del request
        return JSONResponse(self.card)

    async def _token(self, request: Request) -> Response:
        self.tokens += 1
        self.seen.append({"form": (await request.body()).decode(), **dict(request.headers)})
        return JSONResponse({"access_token": f"token-number-{self.tokens}", "expires_in": 3600})

    def app(self) -> Any:
        routes = [
            Route("/.well-known/agent-card.json", self._card),
            Route("/token", self._token, methods=["POST"]),
            *create_jsonrpc_routes(self, "/rpc"),
            *create_rest_routes(self, path_prefix="/rest"),
        ]
        inner = Starlette(routes=routes)

        async def outer(scope: Any, receive: Any, send: Any) -> None:
            request = Request(scope)
            if request.url.path not in OTHER_PATHS:
                self.seen.append(
                    {
                        **dict(request.headers),
                        **dict(request.query_params),
                        **{f"cookie {k}": v for k, v in request.cookies.items()},
                    }
                )
                refusal = self.refuse(request)
                if refusal is not None:
                    await refusal(scope, receive, send)
                    return
            await inner(scope, receive, send)

        return outer


@asynccontextmanager
async def listening(app: Callable[[str], Any]) -> AsyncGenerator[str]:
    """Serve what `app` makes of its address, in this loop, until the block is left."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            app(url),
            lifespan="off",
            interface="asgi3",
            ws="none",
            log_config=None,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield url
        finally:
            server.should_exit = True
            await serving


@asynccontextmanager
async def peering() -> AsyncGenerator[Peer]:
    """Give an agent that listens."""
    made: list[Peer] = []

    def app(url: str) -> Any:
        made.append(Peer(url))
        return made[0].app()

    async with listening(app):
        yield made[0]
