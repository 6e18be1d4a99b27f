"""What a log is kept in: looked at and brought up whatever its format, in a folder as in a database."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from zipfile import ZipFile

import pytest
from tests.journal.support.backends import PostgresBackend
from tests.journal.support.postgres import fresh_schema, server_side

from ripieno.journal.places import DATABASE_URL, bring_up, status_at
from ripieno.journal.postgres.formats import FIRST, FORMAT, sql
from ripieno.journal.sqlite import SqliteStore, bringing_up
from ripieno.journal.status import OwnerStatus
from ripieno.model.errors import NotFoundError, SettingsError, StoreError

FORMAT_1 = Path(__file__).parent / "support" / "format_1.zip"


def brought_up(home: Path) -> None:
    bring_up(home, pytest.fail)


@pytest.fixture(autouse=True)
def in_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DATABASE_URL, raising=False)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> str:
    url = fresh_schema()
    monkeypatch.setenv(DATABASE_URL, url)
    return url


async def test_a_folder_says_its_format_and_who_works_with_it(tmp_path: Path) -> None:
    found = status_at(tmp_path)
    assert (found.format, found.pending, found.owners, found.bytes) == (None, [], [], 0)
    store = SqliteStore(tmp_path)
    await store.open()
    try:
        found = status_at(tmp_path)
        assert (found.format, found.oldest, found.needed, found.pending) == (FORMAT, FORMAT, FORMAT, [])
        (owner,) = found.owners
        assert (owner.name.rpartition(" process ")[1], owner.format) == (" process ", None)
        assert found.bytes > 0
    finally:
        await store.close()
    assert status_at(tmp_path).owners == []


def test_a_folder_of_an_earlier_format_is_looked_at_as_it_is_and_brought_up_once(tmp_path: Path) -> None:
    with ZipFile(FORMAT_1) as archive:
        archive.extractall(tmp_path)
    assert status_at(tmp_path).pending == [f"format {start} to {start + 1}" for start in range(1, FORMAT)]
    assert status_at(tmp_path).format == 1, "a look changes nothing"
    told: list[str] = []
    bring_up(tmp_path, told.append)
    bring_up(tmp_path, told.append)
    assert told == [f"format 1 to {FORMAT}: done"]
    assert status_at(tmp_path).pending == []


def test_a_folder_with_nothing_in_it_or_with_something_else_is_not_brought_up(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nothing has run"):
        bring_up(tmp_path, pytest.fail)
    ZipFile(FORMAT_1).extract("master.key", tmp_path)
    (tmp_path / "journal.sqlite").write_bytes(b"no database at all, though long enough to be taken for one")
    with pytest.raises(StoreError, match="not a database"):
        status_at(tmp_path)
    with pytest.raises(StoreError, match="not a database"):
        bring_up(tmp_path, pytest.fail)


def test_a_folder_that_another_holds_is_not_brought_up(tmp_path: Path) -> None:
    with ZipFile(FORMAT_1) as archive:
        archive.extractall(tmp_path)
    path = tmp_path / "journal.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as elsewhere:
        elsewhere.execute("PRAGMA journal_mode = WAL")
        elsewhere.execute("BEGIN IMMEDIATE")
        elsewhere.execute("CREATE TABLE other (id)")
        with pytest.raises(StoreError, match="locked"):
            bringing_up.bring_up(tmp_path, pytest.fail, busy_seconds=0.01)


async def test_a_database_says_its_format_and_who_works_with_it(tmp_path: Path, database: str) -> None:
    found = status_at(tmp_path)
    assert (found.format, found.oldest, found.pending, found.owners) == (None, None, [], [])
    backend = PostgresBackend(tmp_path)
    backend.url = database
    async with backend.opened():
        found = status_at(tmp_path)
        assert (found.format, found.oldest, found.needed, found.pending) == (FORMAT, FIRST, FORMAT, [])
        (owner,) = found.owners
        assert (owner.name.rpartition(" process ")[1], owner.format) == (" process ", FORMAT)
        assert found.server.startswith("PostgreSQL 1")
        assert found.bytes == sum(table.bytes for table in found.tables) > 0
    bring_up(tmp_path, pytest.fail)
    server_side(database, "DROP TABLE events")
    assert "events" not in {table.name for table in status_at(tmp_path).tables}


def test_a_database_of_an_earlier_format_is_looked_at_as_it_is_and_brought_up(
    tmp_path: Path, database: str
) -> None:
    server_side(database, sql("tables.sql"))
    server_side(database, "INSERT INTO ripieno VALUES (7)")
    server_side(
        database, "INSERT INTO owners (token, name, until_at) VALUES ('old', 'host, process 7', 'infinity')"
    )
    found = status_at(tmp_path)
    assert (found.format, found.oldest, found.pending) == (7, 7, ["format 7 to 8"])
    assert found.owners == [OwnerStatus("host, process 7", 7)]
    told: list[str] = []
    bring_up(tmp_path, told.append)
    assert [line.partition(":")[0] for line in told] == ["format 7 to 8"]
    assert status_at(tmp_path).pending == []


def test_a_database_of_a_release_to_come_is_looked_at_and_left(tmp_path: Path, database: str) -> None:
    bring_up(tmp_path, pytest.fail)
    server_side(database, "UPDATE ripieno SET format = reached + 1, reached = reached + 1")
    found = status_at(tmp_path)
    assert (found.format, found.oldest, found.pending) == (FORMAT + 1, FORMAT + 1, [])
    with pytest.raises(StoreError, match="which is for versions"):
        bring_up(tmp_path, pytest.fail)


def test_a_look_that_fails_says_so(tmp_path: Path, database: str) -> None:
    server_side(database, "CREATE TABLE ripieno (other TEXT)")
    with pytest.raises(StoreError, match=r'cannot read postgresql://.*column "format" does not exist'):
        status_at(tmp_path)


@pytest.mark.parametrize(
    ("module", "act"),
    [("status", status_at), ("migrations", brought_up)],
)
def test_a_database_without_its_driver_is_refused(
    tmp_path: Path,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    act: Callable[[Path], object],
) -> None:
    del database  # it is named
    if (package := sys.modules.get("ripieno.journal.postgres")) is not None:
        monkeypatch.delattr(package, module, raising=False)
    monkeypatch.setitem(sys.modules, f"ripieno.journal.postgres.{module}", None)
    with pytest.raises(SettingsError, match="is not installed"):
        act(tmp_path)
