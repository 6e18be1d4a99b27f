"""Pydantic AI's loop, in a task of its own: whatever it wants done it asks for, one thing after another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, NoReturn, Self

from pydantic_ai import RunContext
from pydantic_ai.capabilities import HandleDeferredToolCalls
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import ModelMessage, ModelResponse, ToolCallPart
from pydantic_ai.models import (
    CompletedStreamedResponse,
    Model,
    ModelRequestParameters,
    StreamedResponse,
)
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import DeferredToolRequests, DeferredToolResults
from pydantic_ai.toolsets import AbstractToolset

from ripieno.participants.llm.call import Asked

__all__ = ["ANSWERING", "Answered", "Answering", "AskingModel", "CallsWanted", "Mind", "wanted"]

CURRENT: ContextVar[Mind] = ContextVar("whose loop is at work")


@dataclass(frozen=True, slots=True)
class CallsWanted:
    """Calls of tools that a model asked for in one response."""

    calls: Sequence[ToolCallPart]


@dataclass(frozen=True, slots=True)
class Answered:
    """The loop has ended in an answer."""

    output: Any


class Mind:
    """One turn of an agent's loop: it is asked what it wants, and told what came of that."""

    def __init__(self, run: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self._run = run
        self._wants: asyncio.Future[Asked | CallsWanted | Answered] | None = None
        self._told: asyncio.Future[Any] | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._wants = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._think())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None, "it was begun"
        self._task.cancel()
        await asyncio.wait([self._task])  # what it had to say was said, or nobody asks any more

    async def _think(self) -> None:
        CURRENT.set(self)
        try:
            output = await self._run()
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever asked is told
            self._say(error)
        else:
            self._say(Answered(output))

    def _say(self, wanted: Any) -> None:
        assert self._wants is not None, "it was begun"
        if self._wants.done():  # nobody asks any more
            return
        if isinstance(wanted, Exception):
            self._wants.set_exception(wanted)
        else:
            self._wants.set_result(wanted)

    async def wants(self) -> Asked | CallsWanted | Answered:
        """Give what it wants next; raises what ended it."""
        assert self._wants is not None, "it was begun"
        wanted = await self._wants
        self._wants = asyncio.get_running_loop().create_future()
        return wanted

    def tell(self, found: Any) -> None:
        """Tell it what came of what it wanted, so that it goes on."""
        assert self._told is not None, "it wanted something"
        self._told.set_result(found)

    async def ask(self, wanted: Asked | CallsWanted) -> Any:
        """Want something, and wait for what comes of it; called from within the loop."""
        if self._told is not None and not self._told.done():
            msg = "a turn asks for one thing at a time"
            raise UserError(msg)
        self._told = asyncio.get_running_loop().create_future()
        self._say(wanted)
        return await self._told


class AskingModel(WrapperModel):
    """Stands for a model within the loop: knows what it can do, and asks it nothing by itself."""

    def __init__(self, shape: Model) -> None:
        super().__init__(shape)

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Have the turn make the request as a step."""
        return await CURRENT.get().ask(Asked(messages, model_settings, model_request_parameters))

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """Give the recorded response as a stream that is over; what streams is shown by whoever asks it."""
        del run_context
        response = await self.request(messages, model_settings, model_request_parameters)
        yield CompletedStreamedResponse(
            response, model_request_parameters=model_request_parameters, replay_events=True
        )

    async def count_tokens(self, *_: Any, **__: Any) -> NoReturn:
        """Raise `UserError`: it would be a request that nobody decides about."""
        raise UserError(self._besides("counts tokens"))

    async def compact_messages(self, *_: Any, **__: Any) -> NoReturn:
        """Raise `UserError`, as above."""
        raise UserError(self._besides("compacts messages"))

    async def batch_create(self, *_: Any, **__: Any) -> NoReturn:
        """Raise `UserError`, as above."""
        raise UserError(self._besides("works in batches"))

    def _besides(self, what: str) -> str:
        return f"{self.model_name}: no request {what} beside the gate"


async def wanted(ctx: RunContext[Any], requests: DeferredToolRequests) -> DeferredToolResults | None:
    """Have the turn make the calls of one response, each as a step."""
    del ctx
    found: Mapping[str, Any] = await CURRENT.get().ask(CallsWanted(requests.calls))
    return requests.build_results(calls=dict(found))


ANSWERING: Final = HandleDeferredToolCalls[Any](wanted)
"""What lets the loop's calls of tools be made by the turn that it is part of."""


@dataclass
class Answering(HandleDeferredToolCalls[Any]):
    """The same, for a loop that has no tools but these.

    They stand in place of whatever the loop has, so that it asks one set of tools, and not several side by
    side in tasks of their own, three times for each request.
    """

    tools: AbstractToolset[Any]

    def get_wrapper_toolset(self, toolset: AbstractToolset[Any]) -> AbstractToolset[Any]:
        """Give the tools that there are."""
        del toolset
        return self.tools
