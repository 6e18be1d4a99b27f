"""The embedded store with places at which a test may stand: before and after each of its operations."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from gates import shipped_gate
from ripieno.journal.budgets import Short
from ripieno.journal.records import Draft, Lease, Message, RunStatus, VersionRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.store import Replayable
from ripieno.model.stop import Stop

__all__ = ["WatchedStore"]

NOTHING = VersionRow("none", "default", "none", "", "{}", 0)

Act = Callable[[], Awaitable[None]]


class WatchedStore(SqliteStore):
    """Does what the embedded store does; acts of a test come between, each once."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, shipped_gate())
        self.acts: dict[str, list[Act]] = {}
        """What is done at a moment such as `before park`: one act each time it comes."""
        self.replayed: list[int] = []
        """How many events each takeover of a run read."""
        self.written_after: dict[str, Act] = {}
        """What is done before an event of a kind is written, all before it being on disk."""
        self._late: asyncio.Task[None] | None = None
        self._waiting: list[Draft] | None = None
        self.delay: Callable[[Draft], Awaitable[None]] | None = None
        """Awaited before it is told that a draft is on disk."""

    def at(self, moment: str, *acts: Act) -> None:
        self.acts.setdefault(moment, []).extend(acts)

    async def _at(self, moment: str) -> None:
        acts = self.acts.get(moment)
        if acts:
            await acts.pop(0)()

    async def fold(self, lease: Lease) -> tuple[Sequence[Message], int]:
        await self._all_handed_over()
        await self._at("before fold")
        found = await super().fold(lease)
        await self._at("after fold")
        return found

    async def park(
        self, lease: Lease, seen: int, status: RunStatus = "waiting", *, held: Sequence[Stop | Short] = ()
    ) -> bool:
        await self._all_handed_over()
        await self._at("before park")
        done = await super().park(lease, seen, status, held=held)
        await self._at("after park")
        return done

    async def unfolded(self) -> Sequence[str]:
        found = await super().unfolded()
        if found:
            await self._at("after unfolded")
        return found

    def append(self, draft: Draft) -> None:
        if self._waiting is None and draft.kind in self.written_after:
            self._waiting = []
            self._late = asyncio.create_task(self._append_after(self.written_after.pop(draft.kind), draft))
        elif self._waiting is None:
            super().append(draft)
        else:
            self._waiting.append(draft)

    async def _append_after(self, act: Act, draft: Draft) -> None:
        await self.register(NOTHING, "system:test")  # on disk together with all that was handed over before
        await act()
        super().append(draft)
        waiting, self._waiting = self._waiting, None
        for other in waiting or ():
            self.append(other)

    async def _all_handed_over(self) -> None:
        while self._waiting is not None and self._late is not None:
            await asyncio.shield(self._late)

    async def durable(self, draft: Draft) -> None:
        await super().durable(draft)
        if self.delay is not None:
            await self.delay(draft)

    async def acquire(self, run: str, *, idle: bool = False) -> Replayable | None:
        taken = await super().acquire(run, idle=idle)
        await self._at("after acquire")
        if taken is not None:
            self.replayed.append(len(taken.events))
        return taken
