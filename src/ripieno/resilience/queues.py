"""Waiting for room in windows, in the order of coming: who asks for much is not passed by who asks for less.

Who waits for one window does not hold up who needs others alone.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ripieno.kernel.clock import MICROSECONDS, Clock
from ripieno.resilience.window import Taken, Window

__all__ = ["Asked", "Queues"]

Asked = tuple[Window, int]
"""A window, and how much is asked of it."""

SOONEST_SECONDS: Final = 0.001


@dataclass(slots=True, eq=False)
class Waiter:
    """Who waits for room in all of its windows at once."""

    number: int
    asks: Sequence[Asked]
    future: asyncio.Future[Sequence[Taken]]


class Queues:
    """Everybody in this process who waits for room: in a line for each set of windows."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: dict[tuple[int, ...], deque[Waiter]] = {}
        self._number = 0
        self._timer: asyncio.TimerHandle | None = None

    def wait(self, asks: Sequence[Asked]) -> float:
        """Give the seconds until there is room, were nobody else to wait for it."""
        now = self._clock.now()
        return max((window.wait(now, amount) for window, amount in asks), default=0) / MICROSECONDS

    async def take(self, asks: Sequence[Asked]) -> Sequence[Taken]:
        """Wait for room in all of these windows at once, and take it; called off, nothing is taken."""
        waiter = Waiter(self._number, asks, asyncio.get_running_loop().create_future())
        self._number += 1
        line = tuple(id(window) for window, _ in asks)
        self._lines.setdefault(line, deque()).append(waiter)
        self.look()
        try:
            return await waiter.future
        except asyncio.CancelledError:
            if waiter.future.done() and not waiter.future.cancelled():
                self.settle(asks, waiter.future.result(), [0] * len(asks))
            else:
                self._lines[line].remove(waiter)
                self.look()
            raise

    def settle(self, asks: Sequence[Asked], taken: Sequence[Taken], amounts: Sequence[int]) -> None:
        """Count what a call has really needed, and let in who has room by it."""
        for (window, _), one, amount in zip(asks, taken, amounts, strict=True):
            window.settle(one, amount)
        self.look()

    def look(self) -> None:
        """Let in everybody for whom there is room, first come first; and look again when there may be."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._clock.now()
        taken_up: set[int] = set()
        soonest: int | None = None
        heads = [(line[0].number, key) for key, line in self._lines.items() if line]
        heapq.heapify(heads)
        while heads:
            _, key = heapq.heappop(heads)
            line = self._lines[key]
            waiter = line[0]
            waits = {id(window): window.wait(now, amount) for window, amount in waiter.asks}
            if not taken_up.isdisjoint(waits):  # somebody who came before waits for it
                continue
            lacking = {window for window, wait in waits.items() if wait > 0}
            if lacking:
                taken_up |= lacking
                wait = max(waits.values())
                soonest = wait if soonest is None else min(soonest, wait)
                continue
            line.popleft()
            waiter.future.set_result([window.take(now, amount) for window, amount in waiter.asks])
            if line:
                heapq.heappush(heads, (line[0].number, key))
        self._lines = {key: line for key, line in self._lines.items() if line}
        if soonest is not None:
            delay = max(soonest / MICROSECONDS, SOONEST_SECONDS)
            self._timer = asyncio.get_running_loop().call_later(delay, self.look)
