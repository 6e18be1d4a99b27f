"""What stops hold of a resident run: each act that is about to begin waits until nothing covers it.

A stop decides nothing and is not in the run's chain: whatever was recorded is replayed, and what is new
waits where it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ripieno.journal.budgets import Short, month_of
from ripieno.kernel.turnstile import Branch
from ripieno.model.stop import Place, Stop

if TYPE_CHECKING:
    from ripieno.kernel.execution import Execution

__all__ = ["Standstill"]


class Held(NamedTuple):
    """A branch that waits for a stop to be released."""

    branch: Branch
    future: asyncio.Future[None]
    stop: Stop | Short


class Standstill:
    """The branches of one run that stops hold."""

    __slots__ = ("_above", "_execution", "_held", "_short")

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._above: Sequence[Place] | None = None
        """Where the run stands in those that it is part of; None until it matters."""
        self._held: list[Held] = []
        self._short: list[Held] = []
        """Branches that wait for room in a budget."""

    @property
    def stops(self) -> tuple[Stop | Short, ...]:
        """What holds the run, each once."""
        return tuple(dict.fromkeys(held.stop for held in (*self._held, *self._short)))

    async def begin(self, path: str, branch: Branch) -> None:
        """Hold a visit of which nothing is recorded; one that was begun is held at its next act."""
        if not self._execution.recording.entered(path):
            await self.hold(path, branch)

    async def hold(
        self, path: str, branch: Branch, *, tool: str | None = None, workflow: str | None = None
    ) -> bool:
        """Wait while the act at a path is stopped, by its tool or by the workflow that it would run, too.

        Tells whether it has waited: much may have come in meanwhile.
        """
        waited = False
        while (stop := self._in_the_way(path, tool, workflow)) is not None:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            held = Held(branch, future, stop)
            if not self._held:
                self._execution.store.stops.listen(self._look)
            self._held.append(held)
            waited = True
            try:
                await self._execution.turnstile.wait(branch, future)
            finally:
                self._held.remove(held)
                if not self._held:
                    self._execution.store.stops.forget(self._look)
        return waited

    async def room(self, short: Short, branch: Branch) -> None:
        """Wait until a hard budget may have room: more was settled, it was raised, or the month is over."""
        store = self._execution.store
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        held = Held(branch, future, short)

        def look() -> None:
            if month_of(self._execution.clock.now()) != short.month or not store.lacks(short):
                self._execution.turnstile.resume(branch, future)

        self._short.append(held)
        store.stops.waiting.append(look)
        try:
            await self._execution.turnstile.wait(branch, future)
        finally:
            self._short.remove(held)
            store.stops.waiting.remove(look)

    def _in_the_way(self, path: str, tool: str | None, workflow: str | None) -> Stop | None:
        execution = self._execution
        if self._above is None:
            self._above = execution.store.above(execution.row.id)
        line = [Place(execution.row.id, execution.row.workflow, path), *self._above]
        if workflow is not None:
            line.append(Place("", workflow, ""))
        return execution.store.stops.in_the_way(execution.row.tenant, line, tool)

    def _look(self) -> None:
        """Let go on what waited for a stop that does not stand any more."""
        standing = self._execution.store.stops.rows
        for held in list(self._held):
            if held.stop not in standing:
                self._execution.turnstile.resume(held.branch, held.future)
