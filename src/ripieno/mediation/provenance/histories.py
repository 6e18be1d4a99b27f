"""The histories of runs at hand: read beside the loop, one at a time, and within a bound for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Final, TypeVar, cast
from weakref import WeakValueDictionary

from ripieno.mediation.provenance.history import LOOP, History
from ripieno.mediation.provenance.index import MOST_KEPT
from ripieno.model.errors import StoreError
from ripieno.model.provenance import RunLog

__all__ = ["Histories"]

KEPT: Final = 64
"""Histories of runs that are kept at hand, fewer where they are large; one that was dropped is read anew."""

CHAIN: ContextVar[tuple[str, ...]] = ContextVar("runs whose histories are being read", default=())


Found_ = TypeVar("Found_")


def driven(reading: Coroutine[Any, Any, History]) -> History:
    """Run what reads a history to its end in a thread, where it waits for nothing but what it calls."""
    try:
        reading.send(None)
    except StopIteration as end:
        return cast("History", end.value)
    reading.close()
    msg = "a history waits for something while it is read in a thread"
    raise RuntimeError(msg)


class Histories:
    """The histories of the runs of one log: a run may have come from another, or been given what it found."""

    def __init__(self, log: RunLog, *, most: int = MOST_KEPT) -> None:
        """`most`: so many windows and forms of runs at rest are kept at hand, and at least one run's."""
        self._log = log
        self._most = most
        self._all: WeakValueDictionary[str, History] = WeakValueDictionary()
        self._kept: dict[str, History] = {}
        self._lock = asyncio.Lock()
        """Held while histories are read: none is seen half read, but by one that it needs itself."""

    async def of(
        self,
        run: str,
        upto: int | None = None,
        kinds: Mapping[str, str] | None = None,
        child: str | None = None,
    ) -> History:
        """Give the history of a run up to an event, or to that by which a child was begun; read on to there.

        A parent that is being read is given as far as it was read to the `child` that it began before.
        Raises `RipienoError` where the log cannot be read.
        """
        chain = CHAIN.get()
        if run in chain:
            if child is None:
                msg = f"where the values of run {run[-6:]} come from depends on itself"
                raise StoreError(msg, remedy="ripieno audit verify names what is wrong with its log")
            return self._all[run]
        if chain:
            return await self._read(run, upto, kinds, child)
        async with self._lock:
            return await self._read(run, upto, kinds, child)

    async def looked(self, run: str, kinds: Mapping[str, str], look: Callable[[History], Found_]) -> Found_:
        """Give what is found in the history of a run, read on to its end; raises as `of` does.

        A long text takes a second: it is read in a thread, so that the loop goes on. Nobody else reads any
        history meanwhile, also where whoever asked is called off before it is done.
        """
        loop = asyncio.get_running_loop()

        def work() -> Found_:
            LOOP.set(loop)
            return look(driven(self._read(run, None, kinds, None)))

        async with self._lock:
            done = asyncio.ensure_future(asyncio.to_thread(work))
            try:
                return await asyncio.shield(done)
            finally:
                while not done.done():
                    with suppress(asyncio.CancelledError):
                        await asyncio.wait([done])

    async def _read(
        self, run: str, upto: int | None, kinds: Mapping[str, str] | None, child: str | None
    ) -> History:
        found = self._all.get(run) or self._kept.get(run)
        if found is None or (upto is not None and found.seq > upto):
            found = History(self._log, run, self)
        if upto is None:
            self._keep(run, found)
        else:
            self._all[run] = found
        token = CHAIN.set((*CHAIN.get(), run))
        try:
            return await found.read_on(upto, kinds, child)
        except BaseException:  # what was read in part is read anew
            self._kept.pop(run, None)
            self._all.pop(run, None)
            raise
        finally:
            CHAIN.reset(token)

    def _keep(self, run: str, history: History) -> None:
        self._all[run] = history
        known = self._kept.pop(run, None)
        self._kept[run] = history
        if known is history:
            return
        while len(self._kept) > KEPT or (len(self._kept) > 1 and self.size > self._most):
            self._kept.pop(next(iter(self._kept)))

    @property
    def size(self) -> int:
        """How many windows and forms those hold that are kept at hand."""
        return sum(one.index.size for one in self._kept.values())
