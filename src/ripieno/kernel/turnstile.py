"""Lets recorded results out in journal order, and knows exactly when a run can do nothing by itself.

Every branch of a run is either at work or blocked in a wait of the kernel. While a run replays, the
next recorded result is let out only when all branches are blocked, so that replay takes the same
turns as the journal did. When all are blocked and nothing recorded is left, the run is quiet.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from typing import Any

from ripieno.kernel.meter import Meter
from ripieno.model.event import Json

__all__ = ["Branch", "Turnstile"]


class Branch:
    """One line of work within a run."""

    __slots__ = ("blocked", "cancelled", "meters", "task")

    def __init__(self, meters: tuple[Meter, ...] = ()) -> None:
        self.task: asyncio.Task[Any] | None = None
        self.meters = meters
        """Of the limited visits around it: they run while it is at work."""
        self.blocked = False
        self.cancelled = False
        """True from the moment at which it was cancelled, though it may not have heard of it yet."""


class Turnstile:
    """Counts the branches at work and orders what replay lets out."""

    __slots__ = ("_entries", "_live", "_on_live", "_on_quiet", "_recorded", "active", "meters", "replaying")

    def __init__(self, *, replaying: bool, on_live: Callable[[], bool], on_quiet: Callable[[], None]) -> None:
        self.active = 0
        self.replaying = replaying
        self.meters: list[Meter] = []
        """Of the limited visits that are open; they stand still while the run replays."""
        self._on_live = on_live
        self._on_quiet = on_quiet
        self._recorded: list[tuple[int, int, Branch, asyncio.Future[None]]] = []
        self._live: deque[tuple[Branch, asyncio.Future[None]]] = deque()
        self._entries = 0

    def begin(self, above: Branch | None = None, *meters: Meter) -> Branch:
        """Count a new branch as at work, also by the meters of the branch that it is part of."""
        branch = Branch(meters if above is None else (*above.meters, *meters))
        self._work(branch)
        return branch

    def used(self, path: str) -> dict[str, Json]:
        """Give what an event at a path says of the active time so far of the limited visits around it."""
        used: list[Json] = [meter.used for meter in self.meters if path.startswith(f"{meter.path}/")]
        return {"active": used} if used else {}

    def end(self, branch: Branch) -> None:
        """Count a branch as over."""
        self._rest(branch)
        if self.active == 0:
            self._idle()

    def _work(self, branch: Branch) -> None:
        self.active += 1
        for meter in branch.meters:
            meter.enter()

    def _rest(self, branch: Branch) -> None:
        self.active -= 1
        for meter in branch.meters:
            meter.leave()

    async def wait(self, branch: Branch, future: asyncio.Future[Any]) -> Any:
        """Block a branch until `resume` is called for the future."""
        branch.blocked = True
        self._rest(branch)
        if self.active == 0:
            self._idle()
        try:
            return await future
        finally:
            if branch.blocked:  # cancelled from outside while blocked
                branch.blocked = False
                self._work(branch)

    def resume(self, branch: Branch, future: asyncio.Future[Any], result: object = None) -> None:
        """Let a blocked branch go on; it counts as at work from this moment."""
        if not future.done():
            assert branch.blocked, "whoever has a future to wait for waits for it at once"
            branch.blocked = False
            self._work(branch)
            future.set_result(result)

    def cancel(self, branch: Branch) -> None:
        """Cancel a branch's task; it counts as at work until it has unwound."""
        if branch.task is None or branch.task.done():
            return
        branch.cancelled = True
        if branch.blocked:
            branch.blocked = False
            self._work(branch)
        branch.task.cancel()

    def interrupt(self, branch: Branch) -> None:
        """Cancel what a branch is at, not the branch: whoever asked for it absorbs the cancellation."""
        assert branch.task is not None, "only a branch that is at work in an open visit is interrupted"
        if branch.blocked:
            branch.blocked = False
            self._work(branch)
        branch.task.cancel()

    async def recorded(self, branch: Branch, seq: int) -> None:
        """Wait for the turn of a result recorded at `seq`."""
        if not self.replaying or (self.active == 1 and not self._recorded):
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._entries += 1
        heapq.heappush(self._recorded, (seq, self._entries, branch, future))
        await self.wait(branch, future)

    @property
    def holding(self) -> bool:
        """True while a recorded result waits for its turn."""
        return bool(self._recorded)

    async def live(self, branch: Branch, *, urgent: bool = False) -> None:
        """Wait until everything recorded was let out; `urgent` goes on before all others."""
        if not self.replaying:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if urgent:
            self._live.appendleft((branch, future))
        else:
            self._live.append((branch, future))
        last = self.active == 1 and not self._recorded
        await self.wait(branch, future)
        if last and not urgent:
            await asyncio.sleep(0)  # whoever blocks last is let out without a pause, and the others after it

    def go_live(self) -> None:
        """Let whatever is new happen; for when everything recorded was let out."""
        if not self.replaying:
            return
        self.replaying = False
        for meter in self.meters:
            meter.start()
        for branch, future in self._live:
            self.resume(branch, future)
        self._live.clear()

    def _idle(self) -> None:
        while self._recorded:
            _, _, branch, future = heapq.heappop(self._recorded)
            if not future.done():
                self.resume(branch, future)
                return
        if self.replaying:
            if not self._on_live():
                for _, future in self._live:  # a run that is stopped goes live no more
                    future.cancel()
                return
            self.go_live()
        if self.active == 0:
            self._on_quiet()
