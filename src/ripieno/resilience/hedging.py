"""A second request where the first is slow: the first answer counts, and the other request is called off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["first_of"]


@dataclass(frozen=True, slots=True)
class Left:
    """That code exits: it ends its own call, and not the loop that runs its task."""

    error: SystemExit


async def first_of(request: Callable[[int], Awaitable[Any]], after: float) -> Any:
    """Give the answer of request 0, or of request 1, which begins where that is not there after a time.

    Where one fails, the other is waited for; where both do, the first one's error is raised. What is called
    off has ended when this returns.
    """

    async def one(number: int) -> Any:
        try:
            return await request(number)
        except SystemExit as error:
            return Left(error)

    tasks = [asyncio.create_task(one(0))]
    try:
        left = {*tasks}
        done, _ = await asyncio.wait(left, timeout=after)
        if not done:
            tasks.append(asyncio.create_task(one(1)))
            left = {*tasks}
            while left:
                _, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
                good = next((task for task in tasks if task not in left and answered(task)), None)
                if good is not None:
                    return good.result()
        return given(tasks[0])
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answered(task: asyncio.Task[Any]) -> bool:
    """Tell whether a request that has ended has an answer."""
    return not task.cancelled() and task.exception() is None and not isinstance(task.result(), Left)


def given(task: asyncio.Task[Any]) -> Any:
    """Give what a request gave, or raise what it raised."""
    found = task.result()
    if isinstance(found, Left):
        raise found.error
    return found
