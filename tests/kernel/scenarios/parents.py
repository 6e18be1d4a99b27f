"""Workflows that others run as child runs, and how to find what such a run is at."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from kernel.scenarios.house import (
    events,
    until,
)
from ripieno import (
    Context,
    Workflow,
    function,
    human,
    sequential,
    tool,
)
from ripieno.journal.records import QuestionRow
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify
from ripieno.kernel.host import Host
from ripieno.participants.function import Function

__all__ = ["YES", "Slow", "asking", "child_of", "double", "doubling", "question_of", "sound"]

YES = {"proceed": True}


@function(pure=True)
def double(input: Any) -> Any:  # noqa: A002 - the name by which it receives its input
    return {"doubled": input * 2}


asking = Workflow("asking", sequential(double, human("clerk", role="clerk")))
doubling = Workflow("doubling", double)


async def question_of(host: Host) -> QuestionRow:
    """Wait until anybody is asked anything, in whichever run."""

    async def look() -> QuestionRow | None:
        return next(iter(await host.store.questions()), None)

    return await until(look)


async def child_of(host: Host, run: str) -> str:
    async def look() -> str | None:
        found = [event.body["child"] for event in await events(host, run, "asked") if "child" in event.body]
        return found[-1] if found else None

    return await until(look)


def sound(home: Path) -> bool:
    with SqliteAudit(home) as audit:
        return verify(audit).sound


class Slow:
    """A system that takes its time, so that a call is under way while something else happens."""

    def __init__(self) -> None:
        self.called, self.go = asyncio.Event(), asyncio.Event()
        self.done: list[str] = []

    async def act(self) -> str:
        self.called.set()
        await self.go.wait()
        self.done.append("act")
        return "acted"

    def uses(self) -> Function:
        slow = tool(self.act)

        async def acts(context: Context) -> object:
            return await context.use(slow)

        return Function(acts, name="acts", pure=True)
