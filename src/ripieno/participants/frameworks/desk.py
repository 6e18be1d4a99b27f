"""Where a framework at work asks for what the gate decides: one act at a time, in the order of asking.

The framework runs in a task of its own, with as many tasks below as it likes; acts are done by the visit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Final

from ripieno.model.action import Call, Effect, OnUncertain
from ripieno.model.errors import RejectedError, ToolError, WithheldError
from ripieno.model.gate import ActionKind
from ripieno.model.participant import Context, ToolLike
from ripieno.model.spending import NOTHING, Cost, Spending

__all__ = ["Desk", "Errand", "at_desk"]

DESK: Final[ContextVar[Desk | None]] = ContextVar("ripieno_desk", default=None)
YEAR_SECONDS: Final = 366 * 86_400.0
LEAST: Final = Cost(model_calls=1, tokens=1)
"""What has to be left for one request where nobody says what it can cost; what it really did is counted."""


class Errand:
    """A call that is made by what the framework has at hand: a model that is asked, a tool of its own."""

    settle = 0.0
    key_lifetime = YEAR_SECONDS
    undo = None
    data = ()
    outside = True

    def __init__(
        self,
        name: str,
        work: Callable[[Call], Awaitable[Any]],
        *,
        act: ActionKind,
        timeout: float,
        version: str,
        facts: Mapping[str, Any] | None = None,
        cost: Cost | None = None,
    ) -> None:
        self.name, self.version, self.timeout = name, version, timeout
        self.act: ActionKind = act
        self.effect: Effect = "read" if act == "model.call" else "write"
        self.on_uncertain: OnUncertain = "retry" if act == "model.call" else "ask"
        self.attempts = 3 if act == "model.call" else 1
        self.trust = None if act == "model.call" else "untrusted"
        self.facts = facts or {}
        self.cost = cost or (LEAST if act == "model.call" else None)
        self._work = work

    def maximum(self, arguments: Mapping[str, Any]) -> Spending:
        """Give the most that one call can cost, as declared."""
        del arguments
        return NOTHING if self.cost is None else self.cost.spending

    async def call(self, arguments: Mapping[str, Any], call: Call) -> Any:
        """Make it."""
        del arguments
        return await self._work(call)

    async def verify(self, arguments: Mapping[str, Any], call: object) -> Any:
        """Nobody can tell."""
        raise NotImplementedError(
            self.name, arguments, call
        )  # pragma: no cover - `ask` and `retry` never verify


class Desk:
    """Takes what one visit's framework asks for."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._asked: asyncio.Queue[tuple[ToolLike, Mapping[str, Any], asyncio.Future[Any]]] = asyncio.Queue()

    async def ask(self, tool: ToolLike, arguments: Mapping[str, Any]) -> Any:
        """Have a call made by the visit, and give what it gave; raises `ToolError` where it was not made."""
        told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        await self._asked.put((tool, arguments, told))
        return await told

    async def serve(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Let a framework work, and give what it gives; what it may not do at all ends the visit."""
        token = DESK.set(self)
        working = asyncio.create_task(work)
        DESK.reset(token)
        try:
            while not working.done():
                next_ = asyncio.create_task(self._asked.get())
                await asyncio.wait({working, next_}, return_when=asyncio.FIRST_COMPLETED)
                if not next_.done():
                    next_.cancel()
                    with suppress(asyncio.CancelledError):
                        await next_
                    continue
                await self._do(*next_.result())
            return working.result()
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await working

    async def _do(self, tool: ToolLike, arguments: Mapping[str, Any], told: asyncio.Future[Any]) -> None:
        try:
            found = await self._context.use(tool, **arguments)
        except (RejectedError, WithheldError):
            raise
        except ToolError as error:
            if not told.done():
                told.set_exception(error)
        else:
            if not told.done():
                told.set_result(found)


def at_desk() -> Desk:
    """Give the desk of the visit at hand; raises `ToolError` for a framework that is run beside any."""
    desk = DESK.get()
    if desk is None:
        msg = "this model or tool is governed, and is used within a workflow alone"
        raise ToolError(msg)
    return desk
