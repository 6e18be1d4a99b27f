"""Every column of every table that there is: an edit is found, or stands here with the reason why it is not.

The tables are read from the store itself, so that one that is added, or a column, is missed here.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from tests.anchoring import test_feeds as feeds
from tests.anchoring.support.every_kind import write_every_kind
from tests.anchoring.support.exported import key_of
from tests.journal import test_damaged_rates as rates
from tests.journal import test_proven as proven

from kernel import test_monthly_budgets as budgets
from ripieno.journal.sqlite.schema import create
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify

COORDINATION = "how processes divide the work; it says nothing of what happened"
ORDER = "the order of rows, of which each is compared by its id"
INDEX = "an index: what it leads to is opened by its commitment, and says of which collection it is"
OUTSIDE = "how far somebody outside was told, who knows that best"

UNVOUCHED: Final[Mapping[str, Mapping[str, str]]] = {
    "runs": {
        "owner": COORDINATION,
        "epoch": f"{COORDINATION}: it may be above the last event's, and below it is found",
        "wanted": COORDINATION,
        "seen": COORDINATION,
        "again_at": COORDINATION,
    },
    "questions": {"position": ORDER, "revision": COORDINATION},
    "inbox": {"position": ORDER, "leave": "it is in the chain once the message was taken in"},
    "checkpoints": {"at": "a checkpoint holds no time: it is the word of whoever signed"},
    "passages": dict.fromkeys(("tenant", "collection", "document", "number", "text", "words"), INDEX),
    "postings": dict.fromkeys(("tenant", "collection", "word", "document", "places"), INDEX),
    "erasures": {"scrubbing": COORDINATION},
    "sinks": dict.fromkeys(("sink", "number", "at", "failed_at", "problem"), OUTSIDE),
}
"""Columns that no event and no signature tells of, and why that is so."""

BOUND: Final[Mapping[str, str]] = {"inbox": "folded IS NOT NULL"}
"""Rows that a chain vouches for. Others have a code under their run's key until they are taken in, over all
columns: each is edited in `tests/journal/test_vouched_messages.py`."""

ELSEWHERE: Final[Mapping[str, tuple[Callable[..., object], Mapping[str, str]]]] = {
    "rates": (
        rates.test_a_row_of_rates_that_says_otherwise_than_the_claims_is_found,
        dict.fromkeys(("tenant", "principal", "tool", "paid_at"), ""),
    ),
    "spent_months": (
        budgets.test_books_that_say_otherwise_than_the_events_are_found,
        {
            **dict.fromkeys(("tenant", "team", "month", "cost"), ""),
            "alerted": "more than was told of is found; less is told of once more",
        },
    ),
    "reserved": (
        budgets.test_reservations_that_say_otherwise_than_the_events_are_found,
        dict.fromkeys(("run", "path", "tenant", "team", "cost"), ""),
    ),
    "tree_nodes": (
        proven.test_nodes_of_a_long_log_are_compared,
        dict.fromkeys(("level", "number", "hash"), ""),
    ),
    "feeds": (
        feeds.test_whoever_is_killed_events_are_told_again_from_where_they_were_kept,
        dict.fromkeys(("feed", "position", "failed_at", "problem"), OUTSIDE),
    ),
}
"""Tables that other work fills than this log holds: where they are damaged, and of each column why it is not
compared, where it is not."""

ROWS: Final = 2
"""So many rows of a table are edited, each in each column."""


def tables() -> dict[str, dict[str, str]]:
    """Give every table of a new store, its columns and their types."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        create(connection, Path("new"))
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: {row[1]: row[2] for row in connection.execute(f"PRAGMA table_info({name})")}
            for (name,) in names
            if not name.startswith("sqlite_")
        }


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    home = tmp_path_factory.mktemp("every-column")
    return home, asyncio.run(write_every_kind(home))


def found(home: Path, notes: Sequence[str]) -> list[str]:
    with SqliteAudit(home) as audit:
        return [str(one) for one in verify(audit, key=key_of(home), checkpoints=notes).findings]


def another(value: Any, kind: str) -> Any:
    match value:
        case None:
            return {"INTEGER": 1, "TEXT": "x", "BLOB": b"x"}[kind]
        case int():
            return value + 1000  # where no other row is
        case bytes():
            return value[:-1] + bytes([value[-1] ^ 1]) if value else b"x"
        case _:
            return f"{value}x"


@pytest.mark.parametrize("table", sorted(tables().keys() - ELSEWHERE.keys()))
def test_an_edit_of_any_column_is_found(log: tuple[Path, list[str]], tmp_path: Path, table: str) -> None:
    home, notes = shutil.copytree(log[0], tmp_path / "home"), log[1]
    columns = tables()[table]
    with closing(sqlite3.connect(home / "journal.sqlite", isolation_level=None)) as connection:
        names = ", ".join(f'"{column}"' for column in columns)
        rows = connection.execute(
            f"SELECT {names} FROM {table} WHERE {BOUND.get(table, 'true')} LIMIT ?",  # noqa: S608 - ours
            (ROWS,),
        ).fetchall()
        assert rows, f"the log of every kind has no row in {table}: it needs one, or a place elsewhere"
        for number, (column, kind) in enumerate(columns.items()):
            said = [
                found_with(connection, table, columns, row, (column, another(row[number], kind)), home, notes)
                for row in rows
            ]
            if column in UNVOUCHED.get(table, {}):
                assert [] in said, f"{table}.{column} is found by now: it need not stand above"
            else:
                assert [] not in said, (table, column, said)
            assert any(one is not None for one in said), f"no other {column} can be in {table}"
    assert found(home, notes) == []


def found_with(  # noqa: PLR0917 - one place that edits
    connection: sqlite3.Connection,
    table: str,
    columns: Mapping[str, str],
    row: Sequence[Any],
    edit: tuple[str, Any],
    home: Path,
    notes: Sequence[str],
) -> list[str] | None:
    """Give what is found of a row with another value in one column, and undo it; None if SQLite refuses."""
    column, value = edit
    connection.execute("SAVEPOINT before")
    try:
        where = " AND ".join(f'"{name}" IS ?' for name in columns)
        connection.execute(f'UPDATE {table} SET "{column}" = ? WHERE {where}', (value, *row))  # noqa: S608 - ours
    except sqlite3.IntegrityError:
        connection.execute("ROLLBACK TO before")
        connection.execute("RELEASE before")
        return None
    connection.execute("RELEASE before")
    said = found(home, notes)
    position = list(columns).index(column)
    there = [*row[:position], value, *row[position + 1 :]]
    connection.execute(f'UPDATE {table} SET "{column}" = ? WHERE {where}', (row[position], *there))  # noqa: S608 - ours
    return said


def test_what_is_said_of_tables_and_columns_is_of_those_that_there_are() -> None:
    there = tables()
    assert ELSEWHERE.keys() <= there.keys()
    for table, (_, columns) in ELSEWHERE.items():
        assert columns.keys() == there[table].keys(), table
    for table, columns in UNVOUCHED.items():
        assert columns.keys() <= there[table].keys(), table
        assert all(columns.values()), "each with its reason"
