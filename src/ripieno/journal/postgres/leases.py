"""Who owns runs, by leases in the time of the database; and how processes notice each other's commits.

Each process has a row in `owners`, which it renews for as long as it lives. Once a lease is over, whatever
its owner has can be taken over under another epoch; an owner that was only held up then has its next append
refused. The thread that renews it also listens: whoever commits tells all others.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import psycopg

from ripieno.journal.postgres.connection import PostgresConnection
from ripieno.journal.postgres.formats import FORMAT
from ripieno.journal.postgres.reader import PostgresReader
from ripieno.model.errors import StoreError
from ripieno.model.ids import new_id

__all__ = ["LEASE_SECONDS", "Leases"]

LEASE_SECONDS: Final = 15.0
"""After so long without a word an owner counts as dead."""

AGAIN_SECONDS: Final = 0.5
"""After so long a connection that was lost is tried again."""

RENEW: Final = (
    "INSERT INTO owners (token, name, until_at, format)"
    " SELECT ?, ?, clock_timestamp() + make_interval(secs => ?), CAST(? AS BIGINT)"
    " FROM ripieno WHERE format <= ?"
    " ON CONFLICT (token) DO UPDATE SET until_at = excluded.until_at"
)
"""No lease is for who is too old for the tables: it was held up while they were brought on."""
SWEEP: Final = "DELETE FROM owners WHERE until_at < clock_timestamp()"
ALIVE: Final = "SELECT 1 FROM owners WHERE token = ? AND until_at > clock_timestamp()"
NOTIFY: Final = "SELECT pg_notify(?, '')"

CLOCK: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while this process stands still, and where there is such a clock, while the machine does."""


class Leases:
    """The lease of this process, a way to ask for another's, and the bell that all of them ring."""

    others = (
        "owner <> ? AND NOT EXISTS"
        " (SELECT 1 FROM owners WHERE token = runs.owner AND until_at > clock_timestamp())"
    )

    def __init__(
        self, connection: PostgresConnection, reader: PostgresReader, seconds: float = LEASE_SECONDS
    ) -> None:
        """Take a lease of so many seconds; from here on a thread of its own has the connection."""
        self.token = new_id()
        self._name = f"{platform.node() or 'here'}, process {os.getpid()}"
        self._connection = connection
        self._reader = reader
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._listeners: list[Callable[[], None]] = []
        self._of_all: list[Callable[[], None]] = []
        """Those among them that hear of every commit of this process."""
        self._leaving = threading.Event()
        self._spell = 0
        self._certain_until = elapsed()
        """By the clock of this machine, from before it was asked for: the database counts from later."""
        self._renew()
        self._thread = threading.Thread(target=self._keep, name="ripieno-lease", daemon=True)
        self._thread.start()

    @property
    def spell(self) -> int | None:
        """Number the time since which the lease was never over; None while it is, or may be."""
        spell = self._spell  # looked at first: it changes before what follows does
        return spell if elapsed() < self._certain_until else None

    def alive(self, token: str) -> bool:
        """Tell whether what this owner has cannot be taken over."""
        return token == self.token or self._reader.one(ALIVE, token) is not None

    def named(self, token: str) -> str:
        """Give where the owner with this token runs, for people: machine and process."""
        row = self._reader.one("SELECT name FROM owners WHERE token = ?", token)
        return token[-6:] if row is None else row[0]

    def listen(self, ring: Callable[[], None], *, own: bool = True) -> None:
        """Call `ring` on every commit that may have happened; several commits may ring once.

        Without `own` it is not called for those of this process that concern its own runs alone.
        """
        self._listeners.append(ring)
        if own:
            self._of_all.append(ring)

    def ring(self, *, beyond: bool) -> None:
        """Tell of a commit of this process here: all, or those who follow all, by `Batch.beyond`."""
        tell(self._listeners if beyond else self._of_all)

    async def close(self) -> None:
        """Give up the lease: whatever this process still owns can be taken over."""
        self._leaving.set()
        with contextlib.suppress(StoreError):  # the thread finds out by itself
            self._reader.all(NOTIFY, self._connection.channel)
        await asyncio.to_thread(self._thread.join)

    # -- in the thread ----------------------------------------------------------------------------

    def _keep(self) -> None:
        while not self._leaving.is_set():
            try:
                self._attend()
            except (psycopg.Error, StoreError):
                self._leaving.wait(AGAIN_SECONDS)
        with contextlib.suppress(psycopg.Error):  # where it cannot be told, the lease ends by itself
            self._connection.execute("DELETE FROM owners WHERE token = ?", (self.token,))
            self._connection.execute(NOTIFY, (self._connection.channel,))
        self._connection.close()

    def _attend(self) -> None:
        """Renew the lease, and listen until that is to be done again."""
        if self._connection.lost:
            self._connection.reopen()
            self._hear()  # what was told meanwhile
        self._renew()
        due = time.monotonic() + self._seconds / 3
        while not self._leaving.is_set() and (left := due - time.monotonic()) > 0:
            for told in self._connection.raw.notifies(timeout=left, stop_after=1):
                if told.payload != self.token:
                    self._hear()

    def _renew(self) -> None:
        values = (self.token, self._name, self._seconds, FORMAT, FORMAT)
        asked = elapsed()
        if not self._connection.execute(RENEW, values).rowcount:
            msg = (
                f"{self._connection.place} was brought to a format that this version of Ripieno does not know"
            )
            raise StoreError(msg, remedy="use a newer version of Ripieno; others take over what it had")
        if elapsed() >= self._certain_until:  # it was over meanwhile: whatever was owned may be another's
            self._spell += 1
        self._certain_until = asked + self._seconds
        if self._connection.execute(SWEEP).rowcount:
            self._connection.execute(NOTIFY, (self._connection.channel,))  # theirs can be taken over

    def _hear(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody is left to ring for
            self._loop.call_soon_threadsafe(tell, self._listeners)


def elapsed() -> float:
    """Give seconds that pass however long this process is held up."""
    return time.clock_gettime(CLOCK)


def tell(listeners: Sequence[Callable[[], None]]) -> None:
    """Call all of these."""
    for listener in listeners:
        listener()
