"""A full disk, a locked, foreign or damaged file: a clear error, nothing kept, and later work goes on."""

from __future__ import annotations

import asyncio
import dataclasses
import resource
import sqlite3
import threading
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.journal.support.backends import OneCommitStore
from tests.journal.support.writing import (
    answer,
    appended,
    ask,
    begin,
    beginning,
    committed,
    owned,
    step,
    write,
)

from ripieno.journal.budgets import Short
from ripieno.journal.records import Draft, Lease, RunFilter
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.failures import writing
from ripieno.journal.sqlite.schema import connect, create
from ripieno.journal.store import Created
from ripieno.model.errors import NotFoundError, StoreError

LARGE = "x" * 2_000_000


class SmallStore(OneCommitStore):
    """A store on a disk of which the test says how large it is."""

    async def pages(self, count: int | None) -> None:
        """Let the file have `count` pages more than it has, or as many as it likes."""

        def limit(batch: Batch) -> None:
            used = batch.connection.execute("PRAGMA page_count").fetchone()[0]
            most = 2**30 if count is None else used + count
            batch.connection.execute(f"PRAGMA max_page_count = {most}")

        await self._writer.perform(limit)


@asynccontextmanager
async def opened(store: SmallStore) -> AsyncGenerator[SmallStore]:
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[SmallStore]:
    async with opened(SmallStore(tmp_path, busy_seconds=0.05)) as store:
        yield store


@contextmanager
def another_writing(store: SqliteStore) -> Generator[None]:
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def files_of_at_most(size: int) -> Generator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# -- a full disk --------------------------------------------------------------------------------------


async def test_on_a_full_disk_nothing_of_the_commit_is_kept_of_any_run(store: SmallStore) -> None:
    small, large = await owned(store), await owned(store)
    await store.pages(10)
    drafts = [step(small, "small"), step(large, output=LARGE), step(small, "after")]
    await store.together(*(appended(store, draft) for draft in drafts))
    assert [draft.state for draft in drafts] == ["lost"] * 3
    assert small.lost
    assert "free some space" in str(small.failure)
    for lease in (small, large):
        assert len(await committed(store, lease.run)) == 1
        assert lease.head_seq == 1


async def test_no_run_goes_on_as_if_what_was_lost_had_been_kept(store: SmallStore) -> None:
    lease = await owned(store)
    await store.pages(10)
    assert await write(store, step(lease, "lost", output=LARGE)) == ["lost"]
    await store.pages(None)
    assert await write(store, step(lease, "after")) == ["lost"]
    again = await store.acquire(lease.run)
    assert again is not None
    assert await write(store, step(again.lease, "again", output=LARGE)) == ["written"]
    assert [event.path for event in await committed(store, lease.run)] == ["", "again"]


async def test_on_a_full_disk_every_operation_says_so_and_later_work_goes_on(store: SmallStore) -> None:
    lease = await owned(store)
    await store.pages(10)
    with pytest.raises(StoreError, match="database or disk is full") as raised:
        await beginning(store, value=LARGE)
    assert "free some space" in str(raised.value)
    assert [row.id for row in await store.runs(RunFilter())] == [lease.run]
    await store.pages(None)
    await beginning(store, value=LARGE)
    assert await write(store, step(lease)) == ["written"], "it had nothing in the commit that failed"


async def test_an_operation_beside_one_that_fills_the_disk_fails_with_it(store: SmallStore) -> None:
    lease = await owned(store)
    await store.pages(10)

    async def too_large() -> Created:
        return await beginning(store, value=LARGE)

    results = await store.together(too_large(), store.park(lease, 0))
    assert [type(result) for result in results] == [StoreError, StoreError]
    assert not lease.lost
    await store.pages(None)
    assert await store.park(lease, 0)


async def test_a_file_system_that_takes_no_more_bytes_is_a_full_disk(store: SmallStore) -> None:
    lease = await owned(store)
    with files_of_at_most(1_000_000):
        assert await write(store, step(lease, output=LARGE)) == ["lost"]
    assert isinstance(lease.failure, StoreError)
    again = await store.acquire(lease.run)
    assert again is not None
    assert await write(store, step(again.lease, output=LARGE)) == ["written"]


async def test_a_new_log_on_a_full_disk_is_made_whole_later(tmp_path: Path) -> None:
    with files_of_at_most(20_000):
        store = SqliteStore(tmp_path)
        with pytest.raises(StoreError, match="cannot open"):
            await store.open()
        await store.close()
    async with opened(SmallStore(tmp_path)) as store:
        await begin(store)


# -- a locked database --------------------------------------------------------------------------------


async def test_while_another_process_holds_the_database_writes_fail_and_reads_do_not(
    store: SmallStore,
) -> None:
    lease = await owned(store)
    with another_writing(store):
        with pytest.raises(StoreError, match="locked") as raised:
            await store.send(answer(lease.run))
        assert "another process holds the database" in str(raised.value)
        assert await write(store, step(lease)) == ["lost"]
        assert (await store.run(lease.run)).head_seq == 1
    again = await store.acquire(lease.run)
    assert again is not None
    assert await write(store, step(again.lease)) == ["written"]


async def test_a_database_that_is_free_again_in_time_is_waited_for(tmp_path: Path) -> None:
    async with opened(SmallStore(tmp_path, busy_seconds=30)) as store:
        lease = await owned(store)
        draft = step(lease)
        with another_writing(store):
            store.append(draft)
            await asyncio.sleep(0)
            assert draft.state == "pending"
        await store.durable(draft)
        assert draft.state == "written"


async def test_opening_waits_no_longer_than_it_is_told(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        (tmp_path / "master.key").write_bytes(bytes(32))
        with pytest.raises(StoreError, match="locked"):
            await SqliteStore(tmp_path, busy_seconds=0.05).open()


async def test_a_new_log_that_another_process_is_making_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.sqlite"
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    (tmp_path / "master.key").write_bytes(bytes(32))
    monkeypatch.setattr(time, "sleep", lambda _: connection.close())  # pyright: ignore[reportUnknownArgumentType, reportUnknownLambdaType] - of no interest
    async with opened(SmallStore(tmp_path)) as store:
        await begin(store)


def test_tables_are_made_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA max_page_count = 6")
        with pytest.raises(sqlite3.OperationalError, match="full"):
            create(connection, path)
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
        connection.execute("PRAGMA max_page_count = 1000")
        create(connection, path)


# -- keys and formats ---------------------------------------------------------------------------------


async def test_a_log_without_its_key_file_is_refused_and_gets_no_new_one(tmp_path: Path) -> None:
    async with opened(SmallStore(tmp_path)) as store:
        await begin(store)
    key = tmp_path / "master.key"
    key.rename(tmp_path / "moved")
    with pytest.raises(StoreError, match="cannot read the key file"):
        SqliteStore(tmp_path)
    assert not key.exists()


async def test_a_log_with_the_key_file_of_another_is_refused(tmp_path: Path) -> None:
    async with opened(SmallStore(tmp_path)) as store:
        await begin(store)
    (tmp_path / "master.key").write_bytes(bytes(32))
    with pytest.raises(StoreError, match="cannot be unwrapped") as raised:
        await SqliteStore(tmp_path).open()
    assert "put master.key back" in str(raised.value)


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("PRAGMA user_version = 99", "has format 99"),
        ("CREATE TABLE theirs (x)", "a database of another program"),
    ],
    ids=["format", "foreign"],
)
async def test_a_database_of_another_format_is_refused_and_left_as_it_is(
    tmp_path: Path, statement: str, problem: str
) -> None:
    (tmp_path / "master.key").write_bytes(bytes(32))
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as connection:
        connection.execute(statement)
        connection.commit()
    with pytest.raises(StoreError, match=problem) as raised:
        await SqliteStore(tmp_path).open()
    assert "another data folder" in str(raised.value)
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE name = 'events'").fetchall()
    assert tables == []


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "master.key").write_bytes(bytes(32))
    (tmp_path / "journal.sqlite").write_bytes(b"not a database, but long enough to be taken for one" * 100)
    with pytest.raises(StoreError, match="not a database") as raised:
        await SqliteStore(tmp_path).open()
    assert "backup" in str(raised.value)


async def test_a_file_system_without_write_ahead_log_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Without(sqlite3.Connection):
        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            return super().execute(sql.replace("= WAL", "= DELETE"), parameters)

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Without))
    with pytest.raises(StoreError, match="takes no write-ahead log"):
        await SqliteStore(tmp_path).open()


# -- a damaged database -------------------------------------------------------------------------------


def tamper(store: SqliteStore, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute(statement, values)
        connection.commit()


async def test_a_run_whose_events_cannot_be_read_is_blocked_and_owned_by_nobody(store: SmallStore) -> None:
    lease = await owned(store)
    await store.park(lease, 0)
    tamper(store, "UPDATE events SET envelope = x'7b'")
    with pytest.raises(StoreError, match="is damaged") as raised:
        await store.acquire(lease.run)
    assert "ripieno audit verify" in str(raised.value)
    row = await store.run(lease.run)
    assert (row.status, row.owner) == ("blocked", None)
    assert "is damaged" in str(row.detail)


async def test_a_table_that_is_gone_is_a_clear_error_to_readers_and_writers(store: SmallStore) -> None:
    lease = await owned(store)
    tamper(store, "DROP TABLE inbox")
    with pytest.raises(StoreError, match=r"cannot read .*no such table: inbox"):
        await store.unfolded()
    with pytest.raises(StoreError, match=r"cannot write to .*no such table: inbox"):
        await store.send(answer(lease.run))
    assert await write(store, step(lease)) == ["written"]


async def test_the_books_of_a_budget_that_cannot_be_read_are_a_clear_error(store: SmallStore) -> None:
    asks = Short("default", "", 1, "2026-11")
    assert not store.lacks(asks)
    tamper(store, "DROP TABLE budgets")
    with pytest.raises(StoreError, match=r"cannot read .*no such table: budgets"):
        store.lacks(asks)


async def test_a_value_that_was_changed_is_not_given_out(store: SmallStore) -> None:
    lease = await owned(store)
    draft = step(lease, output="true")
    await write(store, draft)
    tamper(store, "UPDATE payloads SET sealed = zeroblob(40)")
    with pytest.raises(StoreError, match="was changed in the store"):
        store.payload(lease.run, draft.payloads[0][0].hex())


# -- the writer itself --------------------------------------------------------------------------------


async def test_a_defect_in_one_operation_harms_no_other(store: SmallStore) -> None:
    lease = await owned(store)
    good, bad, missing, after = await store.together(
        appended(store, step(lease, "before")),
        store.send(answer(lease.run, content="\ud800")),
        store.repin("nonsense", "v2", "person:ada"),
        store.park(lease, 0),
    )
    assert isinstance(good, Draft)
    assert "cannot be recorded" in str(bad)
    assert isinstance(missing, NotFoundError)
    assert after is True


async def test_a_fold_that_fails_halfway_folds_nothing_and_leaves_the_chain_whole(store: SmallStore) -> None:
    lease = await owned(store)
    question = await ask(store, lease)
    await store.send(answer(lease.run))
    beyond = dataclasses.replace(
        answer(lease.run, question), at=2**60
    )  # the table takes it, the log does not
    await store.send(beyond, closes="answered")
    other = await owned(store)
    failed, harmless = await store.together(store.fold(lease), appended(store, step(other)))
    assert isinstance(failed, StoreError)
    assert harmless.state == "written"
    assert [event.seq for event in await committed(store, lease.run)] == [1, 2]
    tamper(store, "DELETE FROM inbox WHERE question IS NOT NULL")
    folded, _ = await store.fold(lease)
    assert [message.seq for message in folded] == [3]
    assert [event.seq for event in await committed(store, lease.run)] == [1, 2, 3]


async def test_a_store_whose_loop_has_ended_keeps_no_thread(tmp_path: Path) -> None:
    async def abandoned() -> tuple[SmallStore, Lease]:
        store = SmallStore(tmp_path)
        await store.open()
        return store, await owned(store)

    def writers() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "ripieno-writer"]

    before = set(writers())
    store, lease = await asyncio.to_thread(asyncio.run, abandoned())
    (writer,) = set(writers()) - before
    store.append(step(lease))
    await asyncio.to_thread(writer.join, 10)
    assert not writer.is_alive()
    async with opened(SmallStore(tmp_path)) as again:
        assert (await again.run(lease.run)).head_seq == 2, "it was on disk before nobody heard of it"
    await store.close()


def test_an_unknown_failure_is_told_as_it_is() -> None:
    error = writing(Path("journal.sqlite"), RuntimeError("gremlins"))
    assert str(error) == "cannot write to journal.sqlite: gremlins"
    assert isinstance(error.__cause__, RuntimeError)
