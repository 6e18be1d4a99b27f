"""The one thread that writes: it commits all that has come in, then all that came in meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Final, Protocol

from ripieno.journal.keys import UnknownMasterError
from ripieno.journal.records import Draft
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sql.database import Database
from ripieno.model.errors import InputError, RipienoError, StoreError

__all__ = ["Operation", "Writer"]

LARGEST_BATCH: Final = 4000

HELD_SECONDS: Final = 0.02
"""For so long, at most, an event waits for what follows it at once, to go to disk with it."""

Operation = Callable[[Batch], Any]
"""Work inside the shared transaction; an error that it raises undoes it alone."""

Unheard = Callable[[Batch, Any], object]
"""Is performed with the result of an operation where whoever asked for that was called off meanwhile."""


class Committed(Protocol):
    """Is called on the loop after each commit that changed anything."""

    def __call__(self, *, beyond: bool) -> None: ...


@dataclass(slots=True, eq=False)
class Request:
    """An operation and whoever waits for it."""

    operation: Operation
    future: asyncio.Future[Any]
    fresh: bool = False
    result: Any = None
    error: Exception | None = None

    def settle(self) -> None:
        """Tell the result to whoever waits still."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)
            self.future.exception()  # heard, also where nobody waits any more


@dataclass(slots=True)
class Commit:
    """What one transaction took on, in order, and what became of it."""

    drafts: list[Draft] = field(default_factory=list[Draft])
    requests: list[Request] = field(default_factory=list[Request])
    items: list[Draft | Request] = field(default_factory=list["Draft | Request"])
    bounced: set[Draft] = field(default_factory=set[Draft])
    failure: StoreError | None = None
    changed: bool = False
    beyond: bool = False
    """True where it concerns more than runs that this process has, as `Batch.beyond` says."""

    def add(self, item: Draft | Request) -> None:
        """Take on one thing more."""
        self.items.append(item)
        if isinstance(item, Draft):
            self.drafts.append(item)
        else:
            self.requests.append(item)


class Writer:
    """Group commit: nobody waits for more than the commit under way and the next.

    What is `followed` by something else at once goes to disk with that, or with whatever else comes, and
    after `HELD_SECONDS` alone; for everything else there is no delay.
    """

    def __init__(
        self,
        database: Database,
        committed: Committed,
        elsewhere: Callable[[], None],
        *,
        renew: Callable[[], None],
    ) -> None:
        """`elsewhere` tells other processes of such a commit, in the thread that made it.

        `renew` reads the master key again, where an operation meets one that is not known.
        """
        self._renew = renew
        self._database = database
        self._committed = committed
        self._elsewhere = elsewhere
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[Draft | Request | None] = SimpleQueue()
        self._held: list[Draft] = []
        """Events that something else is about to follow, oldest first."""
        self._timer: asyncio.TimerHandle | None = None
        """Set while any are held."""
        self._waiters: dict[Draft, list[asyncio.Future[None]]] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="ripieno-writer", daemon=True)
        self._thread.start()

    @property
    def place(self) -> str:
        """What is written to, as people call it."""
        return self._database.place

    def append(self, draft: Draft) -> None:
        """Queue an event; it is lost when the store is closed."""
        if self._closed:
            draft.lease.lost = True
            draft.state = "lost"
        elif draft.followed:
            self._held.append(draft)
            if self._timer is None:
                self._timer = self._loop.call_later(HELD_SECONDS, self._release)
        else:
            self._put(draft)

    def _put(self, item: Draft | Request | None) -> None:
        """Queue something behind all that was held."""
        if self._held:
            self._release()
        self._queue.put(item)

    def _release(self) -> None:
        """Queue what was held."""
        assert self._timer is not None, "it runs while anything is held"
        self._timer.cancel()
        self._timer = None
        for draft in self._held:
            self._queue.put(draft)
        self._held.clear()

    async def durable(self, draft: Draft) -> None:
        """Wait until a queued event was committed, bounced or lost."""
        if draft.state == "pending":
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._waiters.setdefault(draft, []).append(waiter)
            if self._held:
                self._release()
            await waiter

    async def perform(
        self, operation: Operation, *, fresh: bool = False, unheard: Unheard | None = None
    ) -> Any:
        """Run an operation in the next transaction and give its result once it is on disk.

        `fresh` as for `Batch.begin`. What is on its way to disk cannot be called back: whoever is called off
        while waiting says with `unheard` what is to be done about it.
        """
        try:
            return await self._performed(operation, fresh=fresh, unheard=unheard)
        except UnknownMasterError:
            await asyncio.to_thread(self._renew)
        return await self._performed(operation, fresh=fresh, unheard=unheard)

    async def _performed(self, operation: Operation, *, fresh: bool, unheard: Unheard | None) -> Any:
        if self._closed:
            msg = f"the store at {self._database.place} is closed"
            raise StoreError(msg)
        request = Request(operation, self._loop.create_future(), fresh)
        self._put(request)
        try:
            return await request.future
        except asyncio.CancelledError:
            if unheard is not None:
                self.queue(lambda batch: unheard(batch, request.result))
            raise

    def queue(self, operation: Operation) -> None:
        """Have an operation run before what is queued after it, in the same transaction or an earlier one.

        Nobody hears of its end: what fails for it fails for what comes with it. What is queued after
        the store was closed stands behind the end, and is never taken.
        """
        self._put(Request(operation, self._loop.create_future()))

    async def close(self) -> None:
        """Commit what is queued and end the thread."""
        self._closed = True
        self._put(None)
        await asyncio.to_thread(self._thread.join)

    # -- in the thread ----------------------------------------------------------------------------

    def _work(self) -> None:
        with contextlib.closing(self._database), contextlib.suppress(RuntimeError):
            # RuntimeError: the loop was closed before the store, and nobody is left to report to
            while self._take():
                pass

    def _take(self) -> bool:
        commit = Commit()
        item = self._queue.get()
        while item is not None:
            commit.add(item)
            if len(commit.items) >= LARGEST_BATCH:
                break
            try:
                item = self._queue.get_nowait()
            except Empty:
                break
        if commit.items:
            self._commit(commit)
            if commit.changed:
                self._elsewhere()
            self._loop.call_soon_threadsafe(self._report, commit)
        return item is not None

    def _commit(self, commit: Commit) -> None:
        database = self._database
        batch = Batch(database)
        try:
            batch.learn(database.begin(list({draft.lease.run for draft in commit.drafts})))
            for item in commit.items:
                if isinstance(item, Draft):
                    batch.append(item)
                else:
                    self._perform(batch, item)
            batch.write()
            database.commit()
        except Exception as error:  # noqa: BLE001 - whatever went wrong, every waiter must hear of it
            self._fail(commit, error if isinstance(error, StoreError) else database.failed(error))
            return
        batch.settle()
        commit.bounced, commit.beyond = batch.bounced, batch.beyond
        commit.changed = database.changed

    def _fail(self, commit: Commit, failure: StoreError) -> None:
        self._database.rollback()
        commit.failure = failure
        for draft in commit.drafts:
            draft.seq = 0
            draft.lease.lost = True
            draft.lease.failure = draft.lease.failure or failure
        for request in commit.requests:
            request.result, request.error = None, failure

    def _perform(self, batch: Batch, request: Request) -> None:
        batch.begin(fresh=request.fresh)
        try:
            request.result = request.operation(batch)
        except RipienoError as error:
            request.error = error
        except self._database.refusals as error:
            request.error = self._database.failed(error)
        except self._database.errors:
            raise  # full, locked or damaged: nothing of this transaction can be kept
        except (UnicodeError, OverflowError) as error:
            request.error = InputError(f"cannot be recorded: {error}")
        except Exception as error:  # noqa: BLE001 - a defect in one operation must not harm the others
            request.error = self._database.failed(error)
        batch.end(undo=request.error is not None)

    # -- on the loop ------------------------------------------------------------------------------

    def _report(self, commit: Commit) -> None:
        for draft in commit.drafts:
            if commit.failure is not None:
                draft.state = "lost"
            elif draft in commit.bounced:
                draft.state = "bounced"
            else:
                draft.state = "written" if draft.seq else "lost"
            for waiter in self._waiters.pop(draft, ()):
                if not waiter.done():
                    waiter.set_result(None)
        for request in commit.requests:
            request.settle()
        if commit.changed:
            self._committed(beyond=commit.beyond)
