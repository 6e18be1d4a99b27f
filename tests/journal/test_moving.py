"""A log moves from a folder into a database: all of it or nothing, and it goes on in one place alone."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from tests.journal.support.backends import PostgresBackend
from tests.journal.support.postgres import cut_off, fresh_schema, server_side
from tests.journal.support.sample import Sample, write_sample
from tests.journal.support.writing import begin, committed

from ripieno.journal.moving import Moved, call_off, move
from ripieno.journal.postgres import PostgresStore
from ripieno.journal.postgres.snapshot import PostgresSnapshot
from ripieno.journal.postgres.target import Target
from ripieno.journal.sequencer import Sequencer
from ripieno.journal.sql.audit import Audit
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite import source as of_source
from ripieno.journal.sqlite.moved import MARK, moved_to
from ripieno.journal.sqlite.schema import FORMAT
from ripieno.journal.store import Store
from ripieno.journal.verify import verify
from ripieno.model.errors import NotFoundError, RefusedError, StoreError


@pytest.fixture
async def sample(tmp_path: Path) -> Sample:
    (tmp_path / "home").mkdir()
    sample = await write_sample(tmp_path / "home")
    with Sequencer(sample.home) as sequencer:
        assert sequencer.elect()
        sequencer.advance()
    return sample


@pytest.fixture
def url() -> str:
    return fresh_schema()


@asynccontextmanager
async def opened(store: Store) -> AsyncGenerator[Store]:
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def silent(_: str) -> None:
    """Tell nobody."""


def moved(home: Path, url: str, tell: Callable[[str], None] = silent, **options: Any) -> Moved:
    return move(home, url, tell, **options)


async def usable(home: Path) -> None:
    """Show that a folder is as it was: it is opened and written to."""
    assert moved_to(home) is None
    async with opened(SqliteStore(home)) as store:
        await begin(store)


def changed(home: Path, *statements: tuple[str, *tuple[Any, ...]]) -> None:
    """Change the file of a folder, as nobody should."""
    with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
        for statement, *values in statements:
            connection.execute(statement, values)
        connection.commit()


def rows_of(home: Path, table: str) -> set[tuple[Any, ...]]:
    with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
        return set(connection.execute(f'SELECT * FROM "{table}"').fetchall())  # noqa: S608 - ours


def empty(url: str) -> bool:
    tables = server_side(url, "SELECT 1 FROM pg_tables WHERE schemaname = current_schema()")
    return not tables or not server_side(url, "SELECT 1 FROM runs")


# -- what arrives ---------------------------------------------------------------------------------------


async def test_the_log_arrives_as_it_was_and_the_file_of_the_folder_is_not_changed(
    sample: Sample, url: str
) -> None:
    file = sample.home / "journal.sqlite"
    before = file.read_bytes()
    async with opened(SqliteStore(sample.home)) as store:
        events = {run: await committed(store, run) for run in (sample.ended, sample.waiting)}
        (question,) = await store.questions()
    told: list[str] = []
    done = moved(sample.home, url, told.append)
    assert file.read_bytes() == before
    assert (done.proof.events, done.rows["events"], done.proof.chains) == (14, 14, 4)
    assert done.proof.leaves == 14
    assert done.proof.root == sample_root(sample)
    assert told[0].startswith("verified: 14 events, 3 runs")
    with Audit(PostgresSnapshot(sample.home, url)) as audit:
        assert told[0] == f"verified: {verify(audit)}".splitlines()[0], "as it was found before"
    async with opened(PostgresStore(sample.home, url)) as there:
        assert {run: await committed(there, run) for run in events} == events
        assert await there.questions() == [question]
        assert await there.acquire(sample.waiting) is not None
        await begin(there)
    ((last,),) = server_side(url, "SELECT max(position) FROM events")
    assert last > done.proof.events, "it goes on behind the last event"


def sample_root(sample: Sample) -> str:
    with Sequencer(sample.home) as sequencer:
        return sequencer.tree.root(sequencer.tree.size).hex()


def one_of_each(home: Path) -> dict[str, set[tuple[Any, ...]]]:
    """Put rows into every table, with what its columns may hold; give them all."""
    values = {"INTEGER": [2**62, -1], "TEXT": ["Ünï\u2028 '\"\\ \U0001f600", ""], "BLOB": [b"\0\xff", b""]}
    key_of = "00" * 16
    with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
        tables = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not name.startswith("sqlite_")
        ]
        tables.remove("masters")  # of a key that is not there
        tables.remove("leaves")  # of a tree that could not be read
        for table in tables:
            columns = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
            for number in (0, 1):
                row = [
                    None
                    if number and not (needed or key)
                    else (key_of if key and kind == "TEXT" and not number else values[kind][number])
                    for _, _, kind, needed, _, key in columns
                ]
                marks = ", ".join("?" * len(row))
                connection.execute(f'INSERT OR IGNORE INTO "{table}" VALUES ({marks})', row)  # noqa: S608 - ours
        connection.execute("UPDATE tenant_regions SET region = 'eu'")  # to which it is moved
        connection.commit()
    return {table: rows_of(home, table) for table in tables}


async def test_every_table_arrives_with_all_that_its_columns_may_hold(sample: Sample, url: str) -> None:
    held = one_of_each(sample.home)
    assert all(held.values())
    done = moved(sample.home, in_region(url, "eu"), with_findings=True)
    assert done.rows == {table: len(rows) for table, rows in held.items()} | {"masters": 0, "leaves": 14}
    for table, rows in held.items():
        width = len(next(iter(rows)))
        found = server_side(url, f"SELECT * FROM {table}")  # noqa: S608 - ours
        assert {row[:width] for row in found} == rows, table


# -- in one place alone -----------------------------------------------------------------------------------


async def test_a_folder_whose_log_was_moved_is_opened_no_more(sample: Sample, url: str) -> None:
    done = moved(sample.home, url)
    with pytest.raises(StoreError, match=f"was moved to {re.escape(done.place)}") as refused:
        await SqliteStore(sample.home).open()
    assert "RIPIENO_DATABASE_URL" in str(refused.value.remedy)
    with pytest.raises(StoreError, match="holds a log"):
        call_off(sample.home, url)
    again = moved(sample.home, url)
    assert (again.rows, again.proof) == ({}, done.proof), "it had arrived already"
    elsewhere = fresh_schema()
    with pytest.raises(StoreError, match=r"in two places|or a move to there did not end") as second:
        moved(sample.home, elsewhere)
    assert "name that database" in str(second.value.remedy)
    assert empty(elsewhere)
    (sample.home / MARK).write_text("what is this")
    with pytest.raises(StoreError, match="somewhere that"):
        await SqliteStore(sample.home).open()


async def test_nothing_is_moved_while_somebody_works_with_the_folder(sample: Sample, url: str) -> None:
    async with opened(SqliteStore(sample.home)) as store:
        with pytest.raises(StoreError, match=r"while somebody works with it: .*process \d+"):
            moved(sample.home, url)
        await begin(store)
    await usable(sample.home)
    assert empty(url)


async def test_nothing_is_moved_while_somebody_works_with_the_database(sample: Sample, url: str) -> None:
    async with opened(PostgresStore(sample.home, url)):
        with pytest.raises(StoreError, match=r"works with it: .*process \d+"):
            moved(sample.home, url)
    await usable(sample.home)


async def test_who_opens_the_folder_while_it_is_moved_is_refused(sample: Sample, url: str) -> None:
    refused: list[str] = []

    def open_it(text: str) -> None:
        if text.startswith("events"):
            with closing(sqlite3.connect(sample.home / "journal.sqlite", timeout=0)) as connection:
                with pytest.raises(sqlite3.OperationalError, match="locked"):
                    connection.execute("BEGIN IMMEDIATE")
                refused.append(str(moved_to(sample.home)))

    moved(sample.home, url, open_it)
    assert len(refused) == 1


async def test_a_database_that_holds_something_is_left_alone(
    sample: Sample, tmp_path: Path, url: str
) -> None:
    (tmp_path / "other").mkdir()
    async with opened(PostgresStore(tmp_path / "other", url)) as store:
        run = await begin(store)
    with pytest.raises(StoreError, match="is not empty: there is something in events") as refused:
        moved(sample.home, url)
    assert "name another database" in str(refused.value.remedy)
    assert server_side(url, "SELECT id FROM runs") == [(run,)]
    await usable(sample.home)


# -- what cannot be moved ---------------------------------------------------------------------------------


async def test_a_log_that_does_not_hold_together_is_not_moved_unless_that_is_wanted(
    sample: Sample, url: str
) -> None:
    changed(sample.home, ("UPDATE events SET envelope = ? WHERE seq = 5", b"{}"))
    told: list[str] = []
    with pytest.raises(StoreError, match="does not hold together, and is not moved: run ") as refused:
        moved(sample.home, url, told.append)
    assert "--with-findings" in str(refused.value.remedy)
    assert told
    assert all(text.startswith("found: ") for text in told)
    await usable(sample.home)
    assert empty(url)
    assert moved(sample.home, url, with_findings=True).rows["events"] > 14


async def test_a_file_that_cannot_be_read_to_its_end_leaves_nothing_in_the_database(
    sample: Sample, url: str
) -> None:
    file = sample.home / "journal.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        ((page,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'claims'").fetchall()
        ((size,),) = connection.execute("PRAGMA page_size").fetchall()
    data = bytearray(file.read_bytes())
    data[(page - 1) * size : (page - 1) * size + 200] = b"\xff" * 200
    file.write_bytes(data)
    with pytest.raises(StoreError, match=r"cannot read .*malformed"):
        moved(sample.home, url, with_findings=True)
    assert moved_to(sample.home) is None
    assert server_side(url, "SELECT 1 FROM events") == []


async def test_what_no_table_of_the_database_holds_is_named(sample: Sample, url: str) -> None:
    insert = "INSERT INTO feeds VALUES ('file:/told', 1, NULL, ?)"
    changed(sample.home, (insert, "a\0b"))
    with pytest.raises(StoreError, match=r"table feeds of postgresql://.*invalid byte sequence"):
        moved(sample.home, url, with_findings=True)
    await usable(sample.home)


async def test_a_tenant_is_moved_to_no_database_outside_its_region(sample: Sample, url: str) -> None:
    changed(sample.home, ("INSERT INTO tenant_regions VALUES ('default', 'eu-central-1', 'person:ada')",))
    for said, where in ((url, "does not say"), (in_region(url, "us-east-1"), "is in region us-east-1")):
        with pytest.raises(RefusedError, match=f"pinned to region eu-central-1, and .*{where}"):
            moved(sample.home, said, with_findings=True)
    assert moved_to(sample.home) is None
    assert empty(url)
    assert moved(sample.home, in_region(url, "eu-central-1"), with_findings=True).rows["tenant_regions"] == 1


def in_region(url: str, region: str) -> str:
    """Give a database that says where it is, as its settings would have it do."""
    return url.replace("options=-c", f"options=-cripieno.region%3D{region}%20-c", 1)


async def test_another_master_key_is_refused_before_anything_is_done(
    sample: Sample, tmp_path: Path, url: str
) -> None:
    (tmp_path / "other").mkdir()
    await write_sample(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "master.key", sample.home / "master.key")
    with pytest.raises(StoreError, match=r"master\.key"):
        moved(sample.home, url, pytest.fail)
    assert moved_to(sample.home) is None
    assert empty(url)


def test_a_folder_with_no_log_or_of_another_format_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(NotFoundError, match="there is no log to move"):
        moved(tmp_path, url)
    for found, remedy in ((FORMAT - 1, "ripieno db migrate"), (FORMAT + 1, "a newer version")):
        with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as connection:
            connection.execute(f"PRAGMA user_version = {found}")
        with pytest.raises(StoreError, match=f"has format {found}, and the format that moves is") as refused:
            moved(tmp_path, url)
        assert remedy in str(refused.value.remedy)


async def test_a_file_that_another_writes_to_is_not_moved(
    sample: Sample, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_source, "BUSY_SECONDS", 0.01)
    with closing(sqlite3.connect(sample.home / "journal.sqlite", isolation_level=None)) as elsewhere:
        elsewhere.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            moved(sample.home, url)
    await usable(sample.home)


async def test_a_database_of_another_format_is_refused(sample: Sample, url: str) -> None:
    server_side(url, "CREATE TABLE ripieno (other TEXT)")
    with pytest.raises(StoreError, match="does not exist"):
        moved(sample.home, url)
    server_side(
        url, "DROP TABLE ripieno; CREATE TABLE ripieno (format BIGINT); INSERT INTO ripieno VALUES (7)"
    )
    with pytest.raises(StoreError, match=r"ripieno db migrate|needs format"):
        moved(sample.home, url)
    await usable(sample.home)


# -- where it breaks off ----------------------------------------------------------------------------------


@pytest.mark.parametrize("last", ["verified", "events", "versions"])
async def test_whoever_is_killed_in_the_middle_leaves_nothing_there_and_the_same_does_it(
    sample: Sample, url: str, last: str
) -> None:
    command = [sys.executable, "-m", "tests.journal.support.moving_child", str(sample.home), url, last]
    died = await asyncio.to_thread(subprocess.run, command, check=False, timeout=120)
    assert died.returncode == -signal.SIGKILL
    with pytest.raises(StoreError, match="a move to there did not end") as refused:
        await SqliteStore(sample.home).open()
    assert "--call-off" in str(refused.value.remedy)
    if last == "events":
        assert "schema" in call_off(sample.home, url)
        await usable(sample.home)
        with pytest.raises(NotFoundError, match=r"no move of .* was begun"):
            call_off(sample.home, url)
    done = moved(sample.home, url)
    assert done.rows["events"] == done.proof.events >= 14


@pytest.mark.parametrize("last", ["verified", "events", "versions"])
async def test_whoever_is_cut_off_in_the_middle_leaves_nothing_there_and_the_folder_in_use(
    sample: Sample, url: str, last: str
) -> None:
    def cut(text: str) -> None:
        if text.startswith(last):
            cut_off(url)

    with pytest.raises(StoreError, match=r"cannot (write to|read) .*postgresql://"):
        moved(sample.home, url, cut)
    await usable(sample.home)
    assert server_side(url, "SELECT 1 FROM events") == []


async def test_a_commit_that_fails_leaves_open_whether_it_arrived_until_somebody_looks(
    sample: Sample, url: str
) -> None:
    made_up(url, "runs", "CONSTRAINT", "RAISE EXCEPTION 'no room';", "DEFERRABLE INITIALLY DEFERRED")
    with pytest.raises(StoreError, match="no room"):
        moved(sample.home, url)
    with pytest.raises(StoreError, match="did not end"):
        await SqliteStore(sample.home).open()
    with pytest.raises(StoreError, match="and RIPIENO_DATABASE_URL names") as other:
        call_off(sample.home, fresh_schema())
    assert "name the database" in str(other.value.remedy)
    with pytest.raises(StoreError, match="no room"):
        moved(sample.home, url)
    assert moved_to(sample.home) is not None, "as long as nobody has looked"
    call_off(sample.home, url)
    await usable(sample.home)


@pytest.mark.parametrize(
    ("table", "change", "found"),
    [
        ("events", "NEW.envelope = NEW.envelope || ' '::bytea;", "is not the log of"),
        ("leaves", "NEW.hash = sha256(NEW.hash);", "is not the log of"),
        ("questions", "NEW.due_at = 1;", "table questions of .* does not hold what was sent to it"),
        ("payloads", "RETURN NULL;", "table payloads of .* does not hold what was sent to it"),
    ],
)
async def test_what_arrives_otherwise_than_it_was_sent_is_not_kept(
    sample: Sample, url: str, table: str, change: str, found: str
) -> None:
    made_up(url, table, "", change, "")
    with pytest.raises(StoreError, match=found):
        moved(sample.home, url)
    await usable(sample.home)
    assert server_side(url, "SELECT 1 FROM runs") == []


def made_up(url: str, table: str, kind: str, body: str, when: str) -> None:
    """Have a database do something of its own with each row that comes."""
    with Target(url):  # its tables
        pass
    server_side(
        url,
        f"CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$",
    )
    at = "AFTER" if kind else "BEFORE"
    server_side(
        url,
        f"CREATE {kind} TRIGGER meddle {at} INSERT ON {table} {when} FOR EACH ROW EXECUTE FUNCTION meddle()",
    )


def test_a_look_that_fails_says_so(url: str) -> None:
    with Target(url) as target, pytest.raises(StoreError, match="cannot read postgresql://"):
        list(target.rows("SELECT nothing"))


async def test_a_log_goes_on_where_it_arrived(sample: Sample, url: str, tmp_path: Path) -> None:
    """Positions, numbers of tasks and messages follow the last ones that there ever were, also those gone."""
    changed(
        sample.home,
        ("INSERT INTO inbox (id, run, kind, by, at, path) VALUES ('m', 'r', 'k', 'b', 1, 'p')",),
        ("DELETE FROM inbox WHERE id = 'm'",),
    )
    ((gone,),) = sample.rows("SELECT seq FROM sqlite_sequence WHERE name = 'inbox'")
    moved(sample.home, url)
    backend = PostgresBackend(tmp_path)
    backend.url = url
    ((following,),) = server_side(url, "SELECT nextval(pg_get_serial_sequence('inbox', 'position'))")
    assert following == gone + 1
