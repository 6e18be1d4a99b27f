"""Another system with idempotency keys: what it was sent, what it did, and how it may fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from ripieno.connectors.tool import Tool
from ripieno.model.action import Call
from ripieno.model.participant import Context
from ripieno.participants.function import Function
from ripieno.patterns.base import Stage
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.resolvers import merge

__all__ = ["Elsewhere", "Slow", "cut", "nested", "uses"]

Act = Callable[[], Awaitable[None]]


class Elsewhere:
    """Books things: once per key, however often it is asked."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.booked: dict[str, str] = {}
        """What was done, by idempotency key."""
        self.asked: list[Call] = []
        """For which calls it was asked what became of them."""
        self.before: list[Act] = []
        """What happens before a call takes effect, one at each call."""
        self.after: list[Act] = []
        """What happens after it took effect and before it answers, one at each call."""
        self.when_asked: list[Act] = []

    @property
    def keys(self) -> list[str]:
        return [call.key for call in self.calls]

    async def book(self, what: str, call: Call) -> str:
        self.calls.append(call)
        if self.before:
            await self.before.pop(0)()
        found = self.booked.setdefault(call.key, f"{what} #{len(self.booked) + 1}")
        if self.after:
            await self.after.pop(0)()
        return found

    async def find(self, call: Call) -> str | None:
        self.asked.append(call)
        if self.when_asked:
            await self.when_asked.pop(0)()
        return self.booked.get(call.key)


def uses(tool: Tool, name: str = "desk", **arguments: Any) -> Function:
    """Give a participant that calls the tool once and gives what it gave."""

    async def use(given: object, context: Context) -> object:
        del given
        return await context.use(tool, **arguments)

    return Function(use, name=name, pure=True)


async def cut() -> None:
    msg = "the line was cut"
    raise ConnectionError(msg)


class Slow:
    """A call that takes until it is let go."""

    def __init__(self, system: Elsewhere) -> None:
        self.begun, self.released = asyncio.Event(), asyncio.Event()
        system.before.append(self._wait)

    async def _wait(self) -> None:
        self.begun.set()
        await self.released.wait()


def nested(stage: Stage, depth: int) -> Stage:
    for level in range(depth):
        stage = concurrent(stage, resolve=merge(), name=f"level-{level}")
    return stage
