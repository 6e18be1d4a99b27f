"""How a claimed call goes out: straight to its tool, or by what guards the system that it is for.

What that is stands above the kernel, which knows only where it has its place: behind the claim, so that all
that was decided and recorded holds, and before the tool. An attempt that failed is made again as a claim of
its own, at the time that is recorded with its result.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ripieno.journal.store import Store
from ripieno.kernel.claims import Claim, Ending
from ripieno.kernel.clock import MICROSECONDS, Clock
from ripieno.model.action import Call
from ripieno.model.failure import LASTING, Failure
from ripieno.model.participant import ToolLike

__all__ = ["Around", "Guard", "Missed", "guard_of", "put_off", "send"]

BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Around:
    """What a guard knows of where a call is made."""

    store: Store
    clock: Clock
    tenant: str
    left: float
    """Seconds until the deadline of the claim, after which nothing may be sent."""
    spell: int | None = 0
    """That of the store in which it was claimed: in another one nothing may be sent."""


@dataclass(frozen=True, slots=True)
class Missed:
    """An attempt that is to be made again, or not."""

    attempt: int
    """How many there were so far."""
    failure: Failure | None
    retry_after: float | None
    """Seconds for which the other side asked not to be called again."""
    since: float
    """Seconds since the first of them was claimed."""
    chance: float
    """Between 0 and 1, other for every attempt, and the same wherever it is asked for."""


class Guard(Protocol):
    """What the attribute `resilience` of a tool holds."""

    @property
    def copies(self) -> int:
        """How many times the most that a call can cost is reserved, as so many may be under way."""
        ...

    async def call(self, tool: ToolLike, arguments: Mapping[str, Any], call: Call, around: Around) -> Any:
        """Carry out one call within `around.left` seconds; raises as a tool does, and `NotSentError`."""
        ...

    def pause(self, missed: Missed) -> float | None:
        """Give the seconds before the next attempt; None where there is to be none."""
        ...


def guard_of(tool: ToolLike) -> Guard | None:
    """Give what guards the calls of a tool; asked of every call, so without a protocol."""
    return getattr(tool, "resilience", None)


async def send(tool: ToolLike, arguments: Mapping[str, Any], call: Call, around: Around) -> Any:
    """Carry out a claimed call, for as long as its claim holds."""
    guard = guard_of(tool)
    if guard is None:
        async with asyncio.timeout(around.left):
            return await tool.call(arguments, call)
    return await guard.call(tool, arguments, call, around)


def put_off(tool: ToolLike, claim: Claim, ending: Ending, times: int, *, since: int, now: int) -> Ending:
    """Give an ending with the time of the next attempt, or as the last one."""
    chance = int(claim.key[:8], 16) / 2**32
    missed = Missed(times, ending.failure, ending.retry_after, (now - since) / MICROSECONDS, chance)
    guard = guard_of(tool)
    if ending.status == "failed" and ending.failure in LASTING:
        wait = None
    elif guard is None:
        backoff = min(BACKOFF_SECONDS * 2 ** min(times - 1, 20), LONGEST_BACKOFF_SECONDS)
        wait = max(backoff, ending.retry_after or 0.0)
    else:
        wait = guard.pause(missed)
    if wait is None and ending.status == "failed":
        return dataclasses.replace(ending, final=True)
    return ending.later(now + int((LONGEST_BACKOFF_SECONDS if wait is None else wait) * MICROSECONDS))
