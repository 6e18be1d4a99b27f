"""The one thread that writes: it commits all that has come in, then all that came in meanwhile."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from ripieno.journal.records import Draft
from ripieno.journal.sqlite.batch import Batch
from ripieno.journal.sqlite.schema import connect
from ripieno.model.errors import RipienoError, StoreError

__all__ = ["Operation", "Writer", "store_error"]

LARGEST_BATCH = 4000

Operation = Callable[[Batch], Any]
"""Work inside the shared transaction. It checks first and writes then: an error it raises undoes it alone."""

Finished = tuple[asyncio.Future[Any], Any, Exception | None]


class Writer:
    """Group commit: no artificial delay, and nobody waits for more than the commit under way and the next."""

    def __init__(self, path: Path, committed: Callable[[], None]) -> None:
        self._path = path
        self._committed = committed
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[Draft | tuple[Operation, asyncio.Future[Any]] | None] = SimpleQueue()
        self._waiters: dict[Draft, asyncio.Future[None]] = {}
        self._thread = threading.Thread(target=self._work, name="ripieno-writer", daemon=True)
        self.failure: StoreError | None = None
        """Why the last commit failed; None while the store works."""
        self._thread.start()

    def append(self, draft: Draft) -> None:
        """Queue an event."""
        self._queue.put(draft)

    async def durable(self, draft: Draft) -> None:
        """Wait until a queued event was committed, bounced or lost."""
        if draft.state == "pending":
            waiter = self._waiters.get(draft)
            if waiter is None:
                waiter = self._waiters[draft] = self._loop.create_future()
            await asyncio.shield(waiter)

    async def perform(self, operation: Operation) -> Any:
        """Run an operation in the next transaction and give its result once it is on disk."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._queue.put((operation, future))
        return await asyncio.shield(future)

    async def close(self) -> None:
        """Commit what is queued and end the thread."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    # -- in the thread ----------------------------------------------------------------------------

    def _work(self) -> None:
        connection = connect(self._path)
        try:
            while self._take(connection):
                pass
        finally:
            connection.close()

    def _take(self, connection: sqlite3.Connection) -> bool:
        drafts: list[Draft] = []
        operations: list[tuple[Operation, asyncio.Future[Any]]] = []
        items: list[Draft | tuple[Operation, asyncio.Future[Any]]] = []
        item = self._queue.get()
        while item is not None:
            items.append(item)
            (drafts if isinstance(item, Draft) else operations).append(item)  # pyright: ignore[reportArgumentType] - sorted by type
            if len(items) >= LARGEST_BATCH:
                break
            try:
                item = self._queue.get_nowait()
            except Empty:
                break
        if items:
            self._commit(connection, items, drafts)
        return item is not None

    def _commit(
        self,
        connection: sqlite3.Connection,
        items: list[Draft | tuple[Operation, asyncio.Future[Any]]],
        drafts: list[Draft],
    ) -> None:
        batch = Batch(connection)
        finished: list[Finished] = []
        failure: StoreError | None = None
        try:
            connection.execute("BEGIN IMMEDIATE")
            for item in items:
                if isinstance(item, Draft):
                    batch.append(item)
                else:
                    finished.append(self._perform(batch, *item))
            batch.write()
            connection.execute("COMMIT")
            batch.settle()
        except Exception as error:  # noqa: BLE001 - whatever went wrong, every waiter must hear of it
            failure = store_error(error, self._path)
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            for draft in drafts:
                draft.lease.lost = True
            finished = [(item[1], None, failure) for item in items if not isinstance(item, Draft)]
        self._loop.call_soon_threadsafe(self._report, batch, drafts, finished, failure)

    @staticmethod
    def _perform(batch: Batch, operation: Operation, future: asyncio.Future[Any]) -> Finished:
        batch.connection.execute("SAVEPOINT operation")
        try:
            result = operation(batch)
        except RipienoError as error:
            batch.connection.execute("ROLLBACK TO operation")
            return future, None, error
        finally:
            batch.connection.execute("RELEASE operation")
        return future, result, None

    # -- on the loop ------------------------------------------------------------------------------

    def _report(
        self, batch: Batch, drafts: list[Draft], finished: list[Finished], failure: StoreError | None
    ) -> None:
        self.failure = failure
        for draft in drafts:
            if draft in batch.bounced:
                draft.state = "bounced"
            else:
                draft.state = "lost" if draft.lease.lost else "written"
            waiter = self._waiters.pop(draft, None)
            if waiter is not None:
                waiter.set_result(None)
        for future, result, error in finished:
            if future.cancelled():
                continue
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)
        if failure is None:
            self._committed()


def store_error(error: Exception, path: Path) -> StoreError:
    """Give a failure of SQLite in words that say what to do."""
    text = str(error)
    if "full" in text:
        remedy = "free some space and resume; whatever was not recorded did not happen"
    elif "locked" in text or "busy" in text:
        remedy = "another process holds the database; end it or try again"
    elif "malformed" in text or "not a database" in text:
        remedy = "restore the file from a backup"
    else:
        remedy = "see the error above; nothing of this write was kept"
    return StoreError(f"cannot write to {path}: {text}", remedy=remedy)
