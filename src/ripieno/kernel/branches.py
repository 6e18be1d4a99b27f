"""Participants side by side within one scope: started, awaited in journal order, stopped."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ripieno.kernel.runaway import runaway_of, too_many, trip, tripped
from ripieno.kernel.terms import Terms
from ripieno.kernel.turnstile import Branch, Turnstile
from ripieno.model.effect_rule import EffectRule
from ripieno.model.limits import Limits
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Participant, Task

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["Group", "shielded"]

T = TypeVar("T")


async def shielded(
    turnstile: Turnstile,
    outer: Branch,
    work: Callable[[Branch], Coroutine[Any, Any, T]],
    withdraw: Callable[[], None],
) -> T:
    """Do work in a branch of its own, and await it even when `outer` is cancelled.

    `withdraw` is called at a cancellation, so that the work can cut short what it need not finish.
    """
    inner = turnstile.begin(outer)
    waiters: list[asyncio.Future[None]] = []

    def finished(_: asyncio.Task[T]) -> None:
        for waiter in waiters:
            turnstile.resume(outer, waiter)
        turnstile.end(inner)

    task = inner.task = asyncio.create_task(work(inner))
    task.add_done_callback(finished)
    cancelled = False
    while not task.done():
        waiters[:] = [asyncio.get_running_loop().create_future()]
        try:
            await turnstile.wait(outer, waiters[0])
        except asyncio.CancelledError:
            cancelled = True
            withdraw()
    if cancelled:
        raise asyncio.CancelledError
    return task.result()


class Group:
    """The branches of one scope. None outlives it."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._turnstile = scope.execution.turnstile
        self._running: dict[Branch, tuple[str, Participant, Task]] = {}
        self._ended: deque[tuple[str, Outcome]] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._failure: BaseException | None = None
        self._untold = 0
        """How many were started and not told of by `next` yet: the same on every replay."""
        self._most = runaway_of(scope.execution).fan_out

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.stop()
        finally:
            self._forget()

    def start(
        self,
        participant: Participant,
        task: Task,
        *,
        key: str | None = None,
        effects: EffectRule | None = None,
        limits: Limits | None = None,
        gives_way: bool = False,
    ) -> str:
        """Start a branch, within limits of its own where they are given, and give its path."""
        path = self._scope.child(participant.name, key)
        branch = self._turnstile.begin(self._scope.branch)
        self._running[branch] = (path, participant, task)
        terms = Terms(effects, limits, gives_way=gives_way)
        self._untold += 1
        work = self._run(branch, participant, task, path, terms)
        if self._most is not None and self._untold > self._most:
            work.close()
            work = self._run_away(branch, path, self._most)
        branch.task = asyncio.create_task(work)
        branch.task.add_done_callback(lambda task: self._done(branch, task))
        return path

    async def next(self) -> tuple[str, Outcome] | None:
        """Give path and outcome of the next branch to end, in journal order; None when all have."""
        while not self._ended and self._running and self._failure is None:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._turnstile.wait(self._scope.branch, self._waiter)
        if self._failure is not None:
            raise self._failure
        if not self._ended:
            return None
        path, outcome = self._ended.popleft()
        self._untold -= 1
        self._scope.unread.pop(path, None)
        self._scope.unread_spent.pop(path, None)
        self._scope.note(outcome)
        return path, outcome

    async def stop(self) -> None:
        """Cancel the branches still at work; claimed effects are awaited and recorded first.

        On replay, branches whose end is recorded end by themselves, each in its turn.
        """
        cancelled = False
        if self._scope.execution.rest is not None:
            self._cancel()
        elif not self._end_is_recorded():
            try:
                await self._turnstile.live(self._scope.branch, urgent=True)
            except asyncio.CancelledError:
                cancelled = True
            self._cancel()
        while self._running:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._turnstile.wait(self._scope.branch, self._waiter)
            except asyncio.CancelledError:
                cancelled = True  # what is claimed is still awaited; then the cancellation goes on
                self._cancel()  # once more: a branch that had reason to stay may have none left
        if cancelled:
            raise asyncio.CancelledError

    def _forget(self) -> None:
        """Let go of ends that nobody will be told of any more: no segment has to keep them for a replay."""
        for path, _ in self._ended:
            self._scope.unread.pop(path, None)
            self._scope.unread_spent.pop(path, None)

    def _end_is_recorded(self) -> bool:
        recording = self._scope.execution.recording
        return self._turnstile.replaying and all(recording.has(path) for path, _, _ in self._running.values())

    def _cancel(self) -> None:
        for branch in list(self._running):
            self._turnstile.cancel(branch)

    async def _run_away(self, branch: Branch, path: str, most: int) -> None:
        """Fail as one branch too many: whoever started it is told so in place of an outcome."""
        await tripped(self._scope, path, branch)
        await trip(self._scope, path, branch, too_many(most, path))

    async def _run(
        self, branch: Branch, participant: Participant, task: Task, path: str, terms: Terms
    ) -> None:
        scope = self._scope
        try:
            outcome = await scope.visit(participant, task, path, branch, terms)
        except asyncio.CancelledError:
            if scope.execution.rest is not None:
                raise
            outcome = await scope.cancelled(participant, task, path, branch)
        self._ended.append((path, outcome))

    def _done(self, branch: Branch, task: asyncio.Task[None]) -> None:
        del self._running[branch]
        if not task.cancelled() and self._failure is None:
            self._failure = task.exception()  # a defect of the kernel surfaces in the parent
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            self._turnstile.resume(self._scope.branch, waiter)
        self._turnstile.end(branch)
