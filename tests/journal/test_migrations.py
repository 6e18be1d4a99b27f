"""A file of an earlier version is brought up to this format when it is opened; whole, or not at all."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from zipfile import ZipFile

import pytest

from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.migrations import STEPS
from ripieno.journal.sqlite.schema import FORMAT, connect, create
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify
from ripieno.model.errors import StoreError

FORMAT_1 = Path(__file__).parent / "support" / "format_1.zip"
"""A data folder that version 0.1.0 wrote: one run that has ended, one that waits for a clerk."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with ZipFile(FORMAT_1) as archive:
        archive.extractall(tmp_path)
    return tmp_path


def tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Give columns and indexes of every table."""
    with closing(sqlite3.connect(path)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        shape = {name: connection.execute(f"PRAGMA table_xinfo({name})").fetchall() for name in names}
        indexes = connection.execute(
            "SELECT name, tbl_name, replace(sql, char(10), ' ') FROM sqlite_master"
            " WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
        ).fetchall()
    return {**shape, "indexes": indexes}


def format_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def made(path: Path) -> None:
    with closing(connect(path)) as connection:
        create(connection, path)


def test_a_file_that_was_brought_up_has_the_tables_of_a_new_one(home: Path) -> None:
    assert format_of(home / "journal.sqlite") == 1
    made(home / "journal.sqlite")
    made(home / "new.sqlite")
    assert tables(home / "journal.sqlite") == tables(home / "new.sqlite")
    assert format_of(home / "journal.sqlite") == format_of(home / "new.sqlite") == FORMAT


async def test_what_stands_in_it_is_kept_and_sound(home: Path) -> None:
    store = SqliteStore(home)
    await store.open()
    try:
        (waiting,) = await store.questions()
        (answered,) = await store.questions(state="answered")
    finally:
        await store.close()
    assert (waiting.role, waiting.state, waiting.person, waiting.claimed_by) == ("clerk", "open", None, None)
    assert (answered.answered_by, answered.revision, answered.reminded) == ("person:ada", 0, 0)
    with SqliteAudit(home) as audit:
        report = verify(audit)
    assert report.sound


def test_a_copy_of_an_earlier_format_is_verified_without_writing_to_it(home: Path) -> None:
    with SqliteAudit(home) as audit:
        report = verify(audit)
    assert report.sound
    assert format_of(home / "journal.sqlite") == 1


def test_a_step_that_fails_leaves_the_file_as_it_was(home: Path) -> None:
    path = home / "journal.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE absences (in_the_way)")
    before = tables(path)
    with pytest.raises(sqlite3.OperationalError, match="absences already exists"):
        made(path)
    assert (format_of(path), tables(path)) == (1, before)


async def test_a_newer_format_is_refused_and_nothing_is_changed(home: Path) -> None:
    path = home / "journal.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    before = tables(path)
    with pytest.raises(StoreError, match=f"has format {FORMAT + 1}"):
        await SqliteStore(home).open()
    assert (format_of(path), tables(path)) == (FORMAT + 1, before)


def test_there_is_a_step_from_every_earlier_format() -> None:
    assert sorted(STEPS) == list(range(1, FORMAT))
