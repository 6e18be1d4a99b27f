"""The embedded store with places at which a test may stand: before and after each of its operations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from ripieno.journal.records import Draft, Lease, Message
from ripieno.journal.sqlite import SqliteStore
from ripieno.model.event import Event

__all__ = ["WatchedStore"]

Act = Callable[[], Awaitable[None]]


class WatchedStore(SqliteStore):
    """Does what the embedded store does; acts of a test come between, each once."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.acts: dict[str, list[Act]] = {}
        """What is done at a moment such as `before park`: one act each time it comes."""
        self.replayed: list[int] = []
        """How many events each takeover of a run read."""
        self.hold: Callable[[Draft], Awaitable[None]] | None = None
        """Awaited before it is told that a draft is on disk."""

    def at(self, moment: str, *acts: Act) -> None:
        self.acts.setdefault(moment, []).extend(acts)

    async def _at(self, moment: str) -> None:
        acts = self.acts.get(moment)
        if acts:
            await acts.pop(0)()

    async def fold(self, lease: Lease) -> tuple[Sequence[Message], int]:
        await self._at("before fold")
        found = await super().fold(lease)
        await self._at("after fold")
        return found

    async def park(self, lease: Lease, seen: int) -> bool:
        await self._at("before park")
        done = await super().park(lease, seen)
        await self._at("after park")
        return done

    async def unfolded(self) -> Sequence[str]:
        found = await super().unfolded()
        if found:
            await self._at("after unfolded")
        return found

    async def durable(self, draft: Draft) -> None:
        await super().durable(draft)
        if self.hold is not None:
            await self.hold(draft)

    def _replayed(self, run: str, after: int, needed: Sequence[int]) -> list[Event]:
        found = super()._replayed(run, after, needed)
        self.replayed.append(len(found))
        return found
