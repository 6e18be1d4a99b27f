"""How many calls of one system are under way at once: a bulkhead: who is slow holds up nobody else."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

from ripieno.resilience.policy import Bulkhead

__all__ = ["FullError", "Slots"]


class FullError(Exception):
    """Raised where as many wait as may: whoever comes has to come again."""


class Slots:
    """The places of one system. Of those who wait, the tenants have their turn one after another."""

    def __init__(self, name: str, declared: Bulkhead) -> None:
        self._name = name
        self._declared = declared
        self.under_way = 0
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return sum(map(len, self._waiting.values()))

    @cached_property
    def threads(self) -> ThreadPoolExecutor:
        """Where its plain functions run; as many as may be under way, and nobody else's."""
        return ThreadPoolExecutor(self._declared.at_once, f"ripieno {self._name}")

    async def enter(self, tenant: str) -> None:
        """Wait for a place and take it; raises `FullError` at once where too many wait already."""
        if self.under_way < self._declared.at_once and not self._waiting:
            self.under_way += 1
            return
        if self.waiting >= self._declared.queue:
            raise FullError
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(future)
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.leave()
            else:
                self._waiting[tenant].remove(future)
                self._tidy(tenant)
            raise

    def leave(self) -> None:
        """Give a place to whose turn it is, or up."""
        if not self._waiting:
            self.under_way -= 1
            return
        tenant = next(iter(self._waiting))
        line = self._waiting.pop(tenant)
        line.popleft().set_result(None)
        if line:  # whose next one has its turn after all others
            self._waiting[tenant] = line

    def _tidy(self, tenant: str) -> None:
        if not self._waiting[tenant]:
            del self._waiting[tenant]
