"""The SQLite file of the local systems: schema, transactions, and the append-only list of calls."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from ripieno.blueprints.hospital_discharge.systems.base import ReceivedCall, Sender
from ripieno.model.errors import RefusedError, RipienoError, StoreError

__all__ = ["Answer", "Store"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS appointments (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    patient TEXT NOT NULL,
    clinic TEXT NOT NULL,
    at TEXT NOT NULL,
    minutes INTEGER NOT NULL,
    reason TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('booked', 'cancelled')),
    key TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS one_patient_per_slot ON appointments (clinic, at) WHERE status = 'booked';
CREATE INDEX IF NOT EXISTS appointments_by_key ON appointments (key);
CREATE TABLE IF NOT EXISTS authorisations (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    patient TEXT NOT NULL,
    payer TEXT NOT NULL,
    amount TEXT NOT NULL,
    currency TEXT NOT NULL,
    services TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('requested', 'void')),
    key TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE IF NOT EXISTS calls (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at TEXT NOT NULL,
    system TEXT NOT NULL,
    operation TEXT NOT NULL,
    key TEXT NOT NULL,
    run TEXT NOT NULL,
    path TEXT NOT NULL,
    arguments TEXT NOT NULL,
    answer TEXT NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS calls_are_never_changed BEFORE UPDATE ON calls
BEGIN SELECT RAISE(ABORT, 'calls are append-only'); END;
CREATE TRIGGER IF NOT EXISTS calls_are_never_deleted BEFORE DELETE ON calls
BEGIN SELECT RAISE(ABORT, 'calls are append-only'); END;
"""

_BUSY_MS = 30_000


@dataclass(slots=True)
class Answer:
    """What a call will be recorded with; the operation fills it in."""

    text: str = "none"


@dataclass(frozen=True, slots=True)
class Store:
    """One file. Every operation has its own connection: safe from any thread and process."""

    path: Path

    def create(self) -> None:
        """Make the folder (for its owner only) and the tables, where they are missing."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise _unusable(self.path, error) from error
        with self._connection() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)

    @contextmanager
    def call(
        self,
        system: Literal["scheduling", "billing"],
        operation: str,
        sender: Sender,
        arguments: Mapping[str, str],
    ) -> Generator[tuple[sqlite3.Connection, Answer]]:
        """Run one received call: its effect and its entry in `calls` are one transaction.

        A call that is refused is recorded too, with no effect.
        """
        answer = Answer()
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                _in_time(operation, sender)
                yield connection, answer
            except RipienoError as error:
                connection.execute("ROLLBACK")
                connection.execute("BEGIN IMMEDIATE")
                _enter(connection, system, operation, sender, arguments, f"refused: {error.message}")
                connection.execute("COMMIT")
                raise
            _enter(connection, system, operation, sender, arguments, answer.text)
            connection.execute("COMMIT")

    def rows(self, query: str, values: Mapping[str, str | None] | None = None) -> list[sqlite3.Row]:
        """Read without being recorded: for listings, tests and demonstrations."""
        with self._connection() as connection:
            return connection.execute(query, values or {}).fetchall()

    def calls(self) -> list[ReceivedCall]:
        """List every call received, in order."""
        return [
            ReceivedCall.model_validate({**dict(row), "arguments": json.loads(row["arguments"])})
            for row in self.rows("SELECT * FROM calls ORDER BY number")
        ]

    @contextmanager
    def _connection(self) -> Generator[sqlite3.Connection]:
        """Open, hand out, and close; what is not committed by then is rolled back."""
        try:
            connection = sqlite3.connect(self.path, timeout=_BUSY_MS / 1000, isolation_level=None)
        except sqlite3.Error as error:
            raise _unusable(self.path, error) from error
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous = FULL")
            yield connection
        except sqlite3.Error as error:
            raise _unusable(self.path, error) from error
        finally:
            connection.close()


def _in_time(operation: str, sender: Sender) -> None:
    """Refuse what would change something after its caller's deadline; asking is never too late."""
    if operation != "find" and sender.deadline is not None and datetime.now(UTC) > sender.deadline:
        msg = "the call came after its deadline"
        raise RefusedError(msg)


def _enter(  # noqa: PLR0917 - the columns of one row
    connection: sqlite3.Connection,
    system: str,
    operation: str,
    sender: Sender,
    arguments: Mapping[str, str],
    answer: str,
) -> None:
    connection.execute(
        "INSERT INTO calls (received_at, system, operation, key, run, path, arguments, answer)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            datetime.now(UTC).isoformat(),
            system,
            operation,
            sender.key,
            sender.run,
            sender.path,
            json.dumps(arguments, sort_keys=True),
            answer,
        ),
    )


def _unusable(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"the hospital's systems of record at {str(path)!r} cannot be used: {error}",
        remedy="Check the folder's space and rights; RIPIENO_HOSPITAL_SYSTEMS names another file.",
    )
