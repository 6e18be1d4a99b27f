"""How PostgreSQL commits, and takes many rows at once: each transaction goes there and back twice."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import psycopg

from ripieno.journal.postgres.connection import PostgresConnection
from ripieno.journal.postgres.failures import writing
from ripieno.journal.sql.database import Database
from ripieno.model.errors import StoreError

__all__ = ["ALONE", "PostgresDatabase"]

ALONE: Final = "SELECT pg_advisory_xact_lock(%b)"
"""What makes a transaction the only one that writes, until it ends."""

ALONE_FOR_A_WHILE: Final = (
    "WITH alone AS MATERIALIZED (SELECT pg_advisory_xact_lock(%b))"
    " SELECT set_config('transaction_timeout', '10s', true) FROM alone"
)
"""The same, and after 10 s from then on the server gives the transaction up, whatever its client does.

One whose client fell silent in the middle of what it sends counts neither as idle nor as dead.
"""

TIMED: Final = 170000
"""From this version on servers do that."""

WRITTEN: Final = """
WITH said AS (
    INSERT INTO events (stream, seq, kind, envelope)
    SELECT * FROM unnest(%b::bytea[], %b::bigint[], %b::text[], %b::bytea[])
), kept AS (
    INSERT INTO payloads (stream, commitment, sealed)
    SELECT * FROM unnest(%b::bytea[], %b::bytea[], %b::bytea[]) ON CONFLICT DO NOTHING
)
UPDATE runs SET head_seq = new.seq, head_hash = new.hash, updated_at = new.at
FROM unnest(%b::text[], %b::bigint[], %b::text[], %b::bigint[]) AS new (id, seq, hash, at)
WHERE runs.id = new.id
"""
ENDED: Final = """
WITH ended AS (
    SELECT * FROM unnest(%b::text[], %b::text[], %b::bigint[]) AS ended (id, status, at)
), freed AS (
    DELETE FROM reserved USING ended WHERE run = ended.id
)
UPDATE runs SET status = ended.status, ended_at = ended.at, owner = NULL
FROM ended WHERE runs.id = ended.id
"""
LOOK: Final = "SELECT id, epoch, head_seq, wanted FROM runs WHERE id = ANY(%b) AND owner IS NOT NULL"


class PostgresDatabase(Database):
    """The connection by which a process writes: one lock makes each transaction the only one.

    So what an operation has read stands until it commits, as in SQLite, also where another worker writes.
    """

    errors = psycopg.Error
    refusals = (psycopg.IntegrityError, psycopg.DataError)

    def __init__(self, connection: PostgresConnection, token: str) -> None:
        """`token` says in what is told of a commit whose it was."""
        self.place = connection.place
        self.connection = self._connection = connection
        self._token = token

    def begin(self, runs: Sequence[str]) -> Iterable[Sequence[Any]]:
        """Begin a transaction, and look at these runs."""
        self._connection.changed = False
        try:
            return self._begin(runs)
        except psycopg.OperationalError:
            if not self._connection.lost:
                raise
        self._connection.reopen()  # the server was started anew: nothing of this transaction was done yet
        return self._begin(runs)

    def _begin(self, runs: Sequence[str]) -> list[Any]:
        raw = self._connection.raw
        with raw.pipeline():
            raw.execute("BEGIN")
            raw.execute(
                ALONE_FOR_A_WHILE if raw.info.server_version >= TIMED else ALONE, [self._connection.alone]
            )
            found = raw.execute(LOOK, [list(runs)], binary=True) if runs else None
        return [] if found is None else found.fetchall()

    def commit(self) -> None:
        """Commit what was done, and tell others of it."""
        raw, changed = self._connection.raw, self._connection.changed
        with raw.pipeline():
            if changed:
                raw.execute("SELECT pg_notify(%b, %b)", [self._connection.channel, self._token])
            raw.execute("COMMIT")
        self.changed = changed

    def rollback(self) -> None:
        """Keep nothing of what was done."""
        with contextlib.suppress(psycopg.Error):  # it may be gone, with all that was done
            self._connection.raw.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def failed(self, error: Exception) -> StoreError:
        """Give the error of a commit or operation that failed."""
        return writing(self.place, error)

    def look(self, runs: Sequence[str]) -> Iterable[Sequence[Any]]:
        """Give those of these runs that have an owner."""
        return self._connection.raw.execute(LOOK, [list(runs)], binary=True).fetchall()

    def write(
        self,
        events: Sequence[tuple[bytes, int, str, bytes]],
        payloads: Sequence[tuple[bytes, bytes, bytes]],
        heads: Sequence[tuple[str, int, str, int]],
    ) -> None:
        """Insert events and values, and say what the last events of runs are: by one statement."""
        if events or payloads:
            values = [*columns(events, 4), *columns(payloads, 3), *columns(heads, 4)]
            self._connection.raw.execute(WRITTEN, values)
            self._connection.changed = True

    def end_runs(self, rows: Sequence[tuple[str, str, int]]) -> None:
        """Say that runs have ended, and forget what they had reserved: by one statement."""
        self._connection.raw.execute(ENDED, columns(rows, 3))
        self._connection.changed = True


def columns(rows: Sequence[tuple[Any, ...]], count: int) -> list[list[Any]]:
    """Give rows by their columns, of which there are so many."""
    return [[row[number] for row in rows] for number in range(count)]
