"""Brings the file of an earlier format up to this one, when it is opened; whole, or not at all.

`STEPS[n]` turns format `n` into `n + 1`: statements that are run in order, in the transaction that also
raises `PRAGMA user_version`. A step leaves the tables exactly as `schema.TABLES` makes them in a new
file, columns in the same order: `tests/journal/test_migrations.py` compares both. So a column that is
added goes to the end of its table, in both places. A column that is not null needs a default. Once a
version with a format was released, its step is not changed any more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final

from ripieno.journal.sqlite import format_3, format_4, format_5, format_6, format_7, format_8

__all__ = ["STEPS", "migrate"]

STEPS: Final[Mapping[int, tuple[str, ...]]] = {
    1: (
        # who a task is with, and when people are reminded of it
        "ALTER TABLE questions ADD COLUMN person TEXT",
        "ALTER TABLE questions ADD COLUMN claimed_by TEXT",
        "ALTER TABLE questions ADD COLUMN claimed_at INTEGER",
        "ALTER TABLE questions ADD COLUMN delegated_by TEXT",
        "ALTER TABLE questions ADD COLUMN answered_for TEXT",
        "ALTER TABLE questions ADD COLUMN revision INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE questions ADD COLUMN reminders TEXT NOT NULL DEFAULT '[]'",
        "ALTER TABLE questions ADD COLUMN remind_at INTEGER",
        "ALTER TABLE questions ADD COLUMN reminded INTEGER NOT NULL DEFAULT 0",
        (
            "CREATE INDEX questions_remind ON questions (remind_at)"
            " WHERE state = 'open' AND remind_at IS NOT NULL"
        ),
        "ALTER TABLE inbox ADD COLUMN target TEXT",
        (
            "CREATE TABLE absences ("
            " id TEXT PRIMARY KEY, tenant TEXT NOT NULL, person TEXT NOT NULL, substitute TEXT NOT NULL,"
            " from_at INTEGER NOT NULL, until_at INTEGER NOT NULL, set_by TEXT NOT NULL,"
            " set_at INTEGER NOT NULL"
            ") STRICT"
        ),
        "CREATE INDEX absences_until ON absences (tenant, until_at)",
        # which calls failed, and of which workflows no new run starts
        "ALTER TABLE claims ADD COLUMN tool TEXT",
        (
            "CREATE TABLE failed_calls ("
            " run TEXT NOT NULL, path TEXT NOT NULL, tool TEXT NOT NULL, status TEXT NOT NULL,"
            " at INTEGER NOT NULL, PRIMARY KEY (run, path)) STRICT, WITHOUT ROWID"
        ),
        "CREATE INDEX failed_calls_tool ON failed_calls (tool, at)",
        (
            "CREATE TABLE drains ("
            " tenant TEXT NOT NULL, workflow TEXT NOT NULL, by TEXT NOT NULL, at INTEGER NOT NULL,"
            " reason TEXT NOT NULL, PRIMARY KEY (tenant, workflow)) STRICT, WITHOUT ROWID"
        ),
        # the modes that are set for a version
        (
            "CREATE TABLE modes ("
            " tenant TEXT NOT NULL, version TEXT NOT NULL, participant TEXT NOT NULL, mode TEXT NOT NULL,"
            " by TEXT NOT NULL, event INTEGER NOT NULL, PRIMARY KEY (tenant, version, participant)"
            ") STRICT, WITHOUT ROWID"
        ),
    ),
    2: format_3.TABLES,
    3: (*format_4.TABLES, *format_4.ROWS),
    4: format_5.TABLES,
    5: format_6.TABLES,
    6: format_7.TABLES,
    7: format_8.TABLES,
}
"""Statements that bring a format up to the next, by the format that they start from."""


def migrate(connection: sqlite3.Connection, found: int, wanted: int) -> int:
    """Bring the tables from format `found` as far up as can be, and give the format they have then.

    The caller has begun the transaction, and commits it. Nothing happens to a newer or unknown format.
    """
    while found in STEPS and found < wanted:
        for statement in STEPS[found]:
            connection.execute(statement)
        found += 1
        connection.execute(f"PRAGMA user_version = {found}")
    return found
