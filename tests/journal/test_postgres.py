"""What the store of many machines does beyond the contract: leases, lost connections, its tables."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import psycopg
import pytest
from tests.journal.support.backends import PostgresBackend
from tests.journal.support.postgres import cut_off, server, server_side
from tests.journal.support.writing import begin, beginning, committed, end, owned, step, until, write

from ripieno.journal.postgres import PostgresStore
from ripieno.journal.postgres.schema import FORMAT
from ripieno.journal.records import QuestionChange
from ripieno.journal.retention import Doomed
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite import schema as of_sqlite
from ripieno.model.errors import InputError, StoreError

FOREVER = 3600.0
"""A lease of which no test sees the end."""

BRIEFLY = 0.3


@pytest.fixture
def backend(tmp_path: Path) -> PostgresBackend:
    return PostgresBackend(tmp_path)


@pytest.fixture
async def store(backend: PostgresBackend) -> AsyncGenerator[PostgresStore]:
    async with opened(backend) as store:
        yield store


@asynccontextmanager
async def opened(
    backend: PostgresBackend, *, lease: float = FOREVER, busy: float = FOREVER
) -> AsyncGenerator[PostgresStore]:
    store = PostgresStore(backend.folder, backend.url, lease_seconds=lease, busy_seconds=busy)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def give_to_another(backend: PostgresBackend, run: str, lease: str) -> None:
    """Have a run owned by somebody who is not there to renew the lease: until so long from now."""
    server_side(
        backend.url,
        f"INSERT INTO owners VALUES ('another', 'elsewhere', clock_timestamp() + interval '{lease}')",  # noqa: S608 - ours
    )
    server_side(backend.url, f"UPDATE runs SET owner = 'another' WHERE id = '{run}'")  # noqa: S608 - ours


# -- leases -------------------------------------------------------------------------------------------


async def test_runs_of_others_are_found_once_their_lease_is_over(
    backend: PostgresBackend, store: PostgresStore
) -> None:
    run = await begin(store)
    give_to_another(backend, run, "1 hour")
    assert await store.ready(("v1",), 10) == []
    server_side(
        backend.url, "UPDATE owners SET until_at = until_at - interval '2 hours' WHERE token = 'another'"
    )
    assert await store.ready(("v1",), 10) == [run]


async def test_an_owner_keeps_its_run_until_its_lease_is_over_in_the_time_of_the_database(
    backend: PostgresBackend, store: PostgresStore
) -> None:
    run = await begin(store)
    give_to_another(backend, run, "1 hour")
    assert await store.acquire(run) is None
    server_side(
        backend.url, "UPDATE owners SET until_at = until_at - interval '2 hours' WHERE token = 'another'"
    )
    taken = await store.acquire(run)
    assert taken is not None
    assert (taken.folded_epoch, taken.lease.epoch) == (1, 2)


async def test_an_owner_whose_lease_was_over_loses_the_next_append_to_what_was_taken_over_alone(
    backend: PostgresBackend, store: PostgresStore
) -> None:
    lost, kept = await owned(store), await owned(store)
    async with opened(backend) as other:
        assert await other.acquire(lost.run) is None
        await store._leases.close()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - it is held up, and says nothing
        taken = await other.acquire(lost.run)
        assert taken is not None
        assert taken.lease.epoch == 2
        assert await write(store, step(lost, "late"), step(kept, "in time")) == ["lost", "written"]
        assert await write(other, step(taken.lease, "next")) == ["written"]
        assert [event.path for event in await committed(other, lost.run)] == ["", "next"]


async def test_a_lease_is_renewed_for_as_long_as_its_owner_lives(backend: PostgresBackend) -> None:
    async with opened(backend, lease=BRIEFLY) as store:
        lease = await owned(store)
        before = server_side(backend.url, "SELECT until_at FROM owners")

        async def renewed() -> bool | None:
            return server_side(backend.url, "SELECT until_at FROM owners") > before or None

        await until(renewed)
        assert await write(store, step(lease)) == ["written"]


async def test_whoever_looks_for_work_hears_that_an_owner_is_dead(backend: PostgresBackend) -> None:
    async with opened(backend, lease=BRIEFLY) as store:
        run = await begin(store)
        heard = asyncio.Event()
        store.on_change(heard.set)
        heard.clear()
        give_to_another(backend, run, "-1 second")
        async with asyncio.timeout(10):
            await heard.wait()
        assert await store.acquire(run) is not None


async def test_an_owner_that_leaves_says_so_and_what_it_had_is_free(backend: PostgresBackend) -> None:
    async with opened(backend) as other:
        heard = asyncio.Event()
        async with opened(backend) as store:
            run = (await owned(store)).run
            other.on_change(heard.set)
            heard.clear()
        async with asyncio.timeout(10):
            await heard.wait()
        assert await other.acquire(run) is not None
        assert len(server_side(backend.url, "SELECT token FROM owners")) == 1


async def test_an_owner_is_named_by_its_machine_and_process(
    backend: PostgresBackend, store: PostgresStore
) -> None:
    run = await begin(store)
    ((workflow, name),) = store.processes("default")
    assert (workflow, name.rpartition(" process ")[1]) == ((await store.run(run)).workflow, " process ")
    ((token,),) = server_side(backend.url, "SELECT token FROM owners")
    server_side(backend.url, "DELETE FROM owners")
    assert store.processes("default") == [(workflow, token[-6:])], "it is this very process"


# -- the way to the server ----------------------------------------------------------------------------


async def test_whoever_was_cut_off_while_idle_goes_on_and_hears_what_it_missed(
    backend: PostgresBackend, store: PostgresStore
) -> None:
    lease = await owned(store)
    heard = asyncio.Event()
    store.on_change(heard.set)
    heard.clear()
    cut_off(backend.url)
    async with asyncio.timeout(10):
        await heard.wait()
    assert (await store.run(lease.run)).epoch == 1
    assert await write(store, step(lease)) == ["written"]


async def test_of_a_commit_that_is_cut_off_nothing_is_kept_and_the_next_one_is(store: PostgresStore) -> None:
    lease = await owned(store)
    drafts = step(lease, "before"), step(lease, "after")
    store.append(drafts[0])
    with pytest.raises(StoreError, match="cannot write to postgresql://") as failed:
        await store._writer.perform(  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - halfway through
            lambda batch: batch.connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        )
    assert "the way to it" in str(failed.value.remedy)
    store.append(drafts[1])
    await store.durable(drafts[1])
    assert [draft.state for draft in drafts] == ["lost", "lost"]
    assert [event.path for event in await committed(store, lease.run)] == [""]
    taken = await store.acquire(lease.run)
    assert taken is not None
    assert await write(store, step(taken.lease)) == ["written"]


async def test_a_write_waits_no_longer_for_others_than_it_is_told(backend: PostgresBackend) -> None:
    async with opened(backend, busy=0.1) as store:
        lease = await owned(store)
        number = store._writer._database.connection.alone  # noqa: SLF001  # pyright: ignore - the lock that is held here
        with psycopg.connect(backend.url) as elsewhere:
            elsewhere.execute("SELECT pg_advisory_xact_lock(%s)", [number])
            with pytest.raises(StoreError, match="lock timeout") as failed:
                await begin(store)
            assert "another process holds the database" in str(failed.value.remedy)
            assert (await store.run(lease.run)).epoch == 1, "reads go on"
        await begin(store)


async def test_a_read_that_fails_says_so_and_the_next_one_is_given(store: PostgresStore) -> None:
    reader = store._reader  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - nothing else fails at will
    reader.all("SELECT set_config('statement_timeout', '1', false)")
    with pytest.raises(StoreError, match=r"cannot read postgresql://.*statement timeout"):
        reader.all("SELECT pg_sleep(10)")
    assert reader.one("SELECT 1 WHERE false") is None


async def test_a_server_that_is_not_there_is_a_clear_error_to_all(backend: PostgresBackend) -> None:
    nowhere = PostgresStore(backend.folder, "postgresql://nobody:secret@127.0.0.1:1/none?connect_timeout=2")
    with pytest.raises(StoreError, match=r"cannot open postgresql://127\.0\.0\.1:1/none: ") as failed:
        await nowhere.open()
    assert "RIPIENO_DATABASE_URL" in str(failed.value.remedy)
    assert "secret" not in str(failed.value)


async def test_an_address_that_is_none_is_refused_without_repeating_it(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no address of a PostgreSQL database") as failed:
        await PostgresStore(tmp_path, "postgresql//secret").open()
    assert "secret" not in str(failed.value)


async def test_whoever_leaves_while_the_server_is_gone_leaves_all_the_same(backend: PostgresBackend) -> None:
    async with opened(backend):
        server_side(backend.url, "ALTER TABLE owners RENAME TO owned")
        cut_off(backend.url)
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("ripieno")] == []


# -- what it holds ------------------------------------------------------------------------------------


async def test_what_no_table_holds_is_refused_to_whoever_asks_and_harms_no_other(
    store: PostgresStore,
) -> None:
    for text in ("a\0b", "\ud800"):
        with pytest.raises(InputError, match="cannot look for"):
            await store.find("default", text)
        bad, good = await owned(store), await owned(store)
        change = QuestionChange("q", "task", text, None, None)
        assert await write(store, step(bad, change=change), step(good)) == ["lost", "written"]
        assert "cannot be recorded" in str(bad.failure)
    with pytest.raises(InputError, match="cannot be recorded"):
        await begin(store, tenant="a\0b")
    with pytest.raises(InputError, match="cannot look for"):
        await store.question(2**70)


async def test_a_refusal_of_the_server_undoes_one_operation_alone(store: PostgresStore) -> None:
    lease = await owned(store)
    draft = step(lease)
    store.append(draft)
    with pytest.raises(StoreError, match="null value"):
        await store._writer.perform(  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - none of ours is refused
            lambda batch: batch.connection.execute("INSERT INTO drains (tenant) VALUES ('x')")
        )
    await store.durable(draft)
    assert draft.state == "written"
    with pytest.raises(StoreError, match="is in the log already"):
        await beginning(store, run=lease.run)


async def test_a_commit_that_changes_nothing_is_told_to_nobody(
    backend: PostgresBackend, store: PostgresStore
) -> None:
    run = await begin(store)
    with closing(psycopg.connect(backend.url, autocommit=True)) as elsewhere:
        channel = store._reader.connection.channel  # noqa: SLF001  # pyright: ignore - what is listened to
        elsewhere.execute(f"LISTEN {channel}".encode())
        assert await store.acquire(run, idle=True) is None
        await begin(store)
        assert len(list(elsewhere.notifies(timeout=0.2))) == 1


async def test_tables_of_others_and_of_other_formats_are_refused(backend: PostgresBackend) -> None:
    server_side(backend.url, "CREATE TABLE theirs (id BIGINT)")
    with pytest.raises(StoreError, match="has tables of another program"):
        await PostgresStore(backend.folder, backend.url).open()
    server_side(backend.url, "DROP TABLE theirs")
    async with opened(backend):
        pass
    server_side(backend.url, "UPDATE ripieno SET format = reached + 1, reached = reached + 1")
    with pytest.raises(StoreError, match=f"has format {FORMAT + 1}"):
        await PostgresStore(backend.folder, backend.url).open()


async def test_a_log_under_another_master_key_is_refused(backend: PostgresBackend, tmp_path: Path) -> None:
    async with opened(backend) as store:
        await begin(store)
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(StoreError, match=r"master\.key"):
        await PostgresStore(tmp_path / "elsewhere", backend.url).open()


async def test_what_was_erased_is_in_no_row_and_its_room_is_given_back(
    backend: PostgresBackend, store: PostgresStore
) -> None:
    lease = await owned(store)
    await write(store, step(lease, output={"patient": "p-17"}), end(lease))
    assert await store.erase("default", [Doomed(lease.run)], by="person:ada", reason="asked to") == 2
    assert server_side(backend.url, "SELECT wrapped FROM runs") == [(b"",)]
    assert lease.stream not in {row[0] for row in server_side(backend.url, "SELECT stream FROM payloads")}
    assert server_side(backend.url, "SELECT scrubbing FROM erasures") == [(None,)]


async def test_its_tables_are_those_of_sqlite(backend: PostgresBackend, tmp_path: Path) -> None:
    """So that a statement of either is one of both: names, what may be null, and what is unique."""
    async with opened(backend):
        pass
    embedded = SqliteStore(tmp_path)
    await embedded.open()
    await embedded.close()
    assert FORMAT == of_sqlite.FORMAT
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as connection:
        tables = [
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not row[0].startswith("sqlite_")
        ]
        columns = {
            (table, row[1], bool(row[3] or row[5]))
            for table in tables
            for row in connection.execute(f'PRAGMA table_info("{table}")')
        }
        indexes = {
            row[0]
            for row in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'index' AND sql NOT NULL"
            )
        }
    found = server_side(
        backend.url,
        "SELECT table_name, column_name, is_nullable = 'NO' FROM information_schema.columns"
        " WHERE table_schema = current_schema()",
    )
    own = {row for row in found if row[0] in ("ripieno", "owners") or row[1] == "rowid"}
    assert set(found) - own == columns
    named = server_side(backend.url, "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()")
    assert indexes <= {name for (name,) in named}


async def test_it_says_where_it_is_without_the_password(store: PostgresStore) -> None:
    assert store.described() == f"format {FORMAT}, in {store._writer.place}"  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as the errors say it
    assert store._writer.place.startswith("postgresql://")  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - likewise


def test_the_server_of_the_tests_is_a_real_one() -> None:
    with psycopg.connect(server().get_uri()) as connection:
        assert connection.info.server_version >= 140000
