"""The tables, and how a connection to them is opened."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ripieno.journal.sqlite import format_3, format_4, format_5, format_6, format_7, format_8
from ripieno.journal.sqlite.migrations import migrate
from ripieno.journal.vouched import VOUCHED
from ripieno.model.errors import StoreError

__all__ = ["BUSY_SECONDS", "FORMAT", "connect", "create"]

FORMAT: Final = 8
"""Kept in `PRAGMA user_version`."""

BUSY_SECONDS: Final = 10.0
"""How long a write waits for another process's, unless told otherwise."""

LOOK_SECONDS: Final = 0.01
"""How often it is tried to switch a file to the write-ahead log that another process is making."""

PRAGMAS: Final = (
    "synchronous = FULL",
    "secure_delete = ON",  # what is deleted, or moves, is overwritten: an erasure leaves no byte of it
    "fullfsync = ON",  # macOS: an ordinary sync there leaves data in the disk's own cache
    "temp_store = MEMORY",
    "cache_size = -16384",
    "wal_autocheckpoint = 4000",
)

TABLES: Final = """
CREATE TABLE events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    stream   BLOB    NOT NULL,
    seq      INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    envelope BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_stream ON events (stream, seq);

CREATE TABLE payloads (
    stream     BLOB NOT NULL,
    commitment BLOB NOT NULL,
    sealed     BLOB NOT NULL,
    PRIMARY KEY (stream, commitment)
) STRICT;

CREATE TABLE runs (
    id            TEXT    PRIMARY KEY,
    tenant        TEXT    NOT NULL,
    workflow      TEXT    NOT NULL,
    version       TEXT    NOT NULL,
    principal     TEXT    NOT NULL,
    key           TEXT,
    status        TEXT    NOT NULL,
    parent        TEXT,
    requested_at  INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    ended_at      INTEGER,
    owner         TEXT,
    epoch         INTEGER NOT NULL,
    wanted        INTEGER NOT NULL DEFAULT 0,
    seen          INTEGER NOT NULL DEFAULT 0,
    head_seq      INTEGER NOT NULL,
    head_hash     TEXT    NOT NULL,
    detail        TEXT,
    wrapped       BLOB    NOT NULL,
    replay_after  INTEGER NOT NULL DEFAULT 0,
    replay_needed TEXT    NOT NULL DEFAULT '[]'
) STRICT;
CREATE UNIQUE INDEX runs_key ON runs (tenant, workflow, key) WHERE key IS NOT NULL;
CREATE INDEX runs_running ON runs (id) WHERE status = 'running';
CREATE INDEX runs_unserved ON runs (id) WHERE status = 'needs_version';
CREATE INDEX runs_wanted ON runs (id) WHERE status = 'waiting' AND wanted > seen;
CREATE INDEX runs_listed ON runs (tenant, status, id);

CREATE TABLE questions (
    position     INTEGER PRIMARY KEY AUTOINCREMENT,
    number       INTEGER UNIQUE,
    id           TEXT    NOT NULL UNIQUE,
    run          TEXT    NOT NULL,
    path         TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    role         TEXT,
    content      TEXT,
    asked_at     INTEGER NOT NULL,
    due_at       INTEGER,
    state        TEXT    NOT NULL,
    answered_by  TEXT,
    answered_at  INTEGER,
    person       TEXT,
    claimed_by   TEXT,
    claimed_at   INTEGER,
    delegated_by TEXT,
    answered_for TEXT,
    revision     INTEGER NOT NULL DEFAULT 0,
    reminders    TEXT    NOT NULL DEFAULT '[]',
    remind_at    INTEGER,
    reminded     INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX questions_remind ON questions (remind_at) WHERE state = 'open' AND remind_at IS NOT NULL;
CREATE INDEX questions_due ON questions (due_at) WHERE state = 'open' AND due_at IS NOT NULL;
CREATE INDEX questions_run ON questions (run, state);
CREATE INDEX questions_people ON questions (state, due_at) WHERE kind <> 'timer';

CREATE TABLE inbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT    NOT NULL UNIQUE,
    run      TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    by       TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    question TEXT,
    path     TEXT    NOT NULL,
    content  TEXT,
    folded   INTEGER,
    target   TEXT
) STRICT;
CREATE INDEX inbox_unfolded ON inbox (run, position) WHERE folded IS NULL;

CREATE TABLE claims (
    run     TEXT    NOT NULL,
    path    TEXT    NOT NULL,
    attempt INTEGER NOT NULL,
    epoch   INTEGER NOT NULL,
    tool    TEXT,
    PRIMARY KEY (run, path, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE failed_calls (
    run    TEXT    NOT NULL,
    path   TEXT    NOT NULL,
    tool   TEXT    NOT NULL,
    status TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (run, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX failed_calls_tool ON failed_calls (tool, at);

CREATE TABLE tenants (
    name      TEXT    PRIMARY KEY,
    stream    BLOB    NOT NULL UNIQUE,
    wrapped   BLOB    NOT NULL,
    head_seq  INTEGER NOT NULL,
    head_hash TEXT    NOT NULL
) STRICT;

CREATE TABLE absences (
    id         TEXT    PRIMARY KEY,
    tenant     TEXT    NOT NULL,
    person     TEXT    NOT NULL,
    substitute TEXT    NOT NULL,
    from_at    INTEGER NOT NULL,
    until_at   INTEGER NOT NULL,
    set_by     TEXT    NOT NULL,
    set_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX absences_until ON absences (tenant, until_at);

CREATE TABLE versions (
    version       TEXT    NOT NULL,
    tenant        TEXT    NOT NULL,
    workflow      TEXT    NOT NULL,
    source        TEXT    NOT NULL,
    pins          TEXT    NOT NULL,
    registered_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, version)
) STRICT;

CREATE TABLE drains (
    tenant   TEXT    NOT NULL,
    workflow TEXT    NOT NULL,
    by       TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    reason   TEXT    NOT NULL,
    PRIMARY KEY (tenant, workflow)
) STRICT, WITHOUT ROWID;

CREATE TABLE modes (
    tenant      TEXT    NOT NULL,
    version     TEXT    NOT NULL,
    participant TEXT    NOT NULL,
    mode        TEXT    NOT NULL,
    by          TEXT    NOT NULL,
    event       INTEGER NOT NULL,
    PRIMARY KEY (tenant, version, participant)
) STRICT, WITHOUT ROWID;

CREATE TABLE compatible (
    tenant TEXT NOT NULL,
    old    TEXT NOT NULL,
    new    TEXT NOT NULL,
    PRIMARY KEY (tenant, old, new)
) STRICT, WITHOUT ROWID;
"""


def connect(path: Path, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    """Open a connection with our settings, in autocommit mode: transactions are begun by hand."""
    connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
    try:
        mode = write_ahead(connection, busy_seconds)
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    if mode != "wal":
        connection.close()
        msg = f"{path}: its file system takes no write-ahead log (journal mode {mode!r})"
        raise StoreError(msg, remedy="keep the data folder on a local disk")
    return connection


def write_ahead(connection: sqlite3.Connection, busy_seconds: float) -> str:
    """Switch to the write-ahead log and give the mode that the file is in then.

    Of two processes that make a file at once SQLite lets one fail here without any wait; so we wait.
    """
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(LOOK_SECONDS)
        else:
            return mode


def create(
    connection: sqlite3.Connection, path: Path, vouch: Callable[[sqlite3.Connection], None] | None = None
) -> None:
    """Create the tables where there are none, and bring those of an earlier format up; whole or not at all.

    `vouch` gives the messages that wait in a file of an earlier format the codes that they lack. Raises
    `StoreError` for a file of another format, or of another program.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if found == 0 and tables == 0:
            formats = (format_3, format_4, format_5, format_6, format_7, format_8)
            later = (statement for one in formats for statement in one.TABLES)
            for statement in (*TABLES.split(";"), *later):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {FORMAT}")
            found = FORMAT
        before, found = found, migrate(connection, found, FORMAT)
        if vouch is not None and before < VOUCHED <= found:
            vouch(connection)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    if found == 0:
        msg = f"{path} is a database of another program"
        raise StoreError(msg, remedy="use another data folder")
    if found != FORMAT:
        msg = f"{path} has format {found}, this version of Ripieno reads format {FORMAT}"
        raise StoreError(msg, remedy="use the version of Ripieno that wrote it, or another data folder")
