"""Where a log is, and who may do for all what one does: in a data folder, or in a database."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.journal.support.backends import PostgresBackend
from tests.journal.support.postgres import cut_off
from tests.journal.support.writing import begin

from ripieno.journal.feeding import Cursor, Feeding
from ripieno.journal.places import (
    DATABASE_URL,
    bring_up,
    database_url,
    is_there,
    only_readable,
    seat_at,
    snapshot_at,
    status_at,
)
from ripieno.journal.sequencer import Sequencer
from ripieno.journal.sql.audit import Audit
from ripieno.journal.sqlite import SqliteStore
from ripieno.model.errors import SettingsError, StoreError


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PostgresBackend:
    backend = PostgresBackend(tmp_path)
    monkeypatch.setenv(DATABASE_URL, backend.url)
    return backend


def test_a_log_is_in_the_folder_unless_a_database_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert database_url({}) is None
    assert database_url({DATABASE_URL: "postgres://host/ripieno"}) == "postgres://host/ripieno"
    with pytest.raises(SettingsError, match="names no PostgreSQL database"):
        database_url({DATABASE_URL: "mysql://host/ripieno"})
    monkeypatch.delenv(DATABASE_URL, raising=False)
    assert not is_there(tmp_path)
    assert not only_readable(tmp_path)
    monkeypatch.setenv(DATABASE_URL, "postgresql://host/ripieno")
    assert is_there(tmp_path)
    assert not only_readable(tmp_path)


def test_a_database_without_its_driver_is_refused_by_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATABASE_URL, "postgresql://host/ripieno")
    monkeypatch.setitem(sys.modules, "ripieno.journal.postgres.seat", None)
    with pytest.raises(SettingsError, match="is not installed") as failed:
        seat_at(tmp_path, "a.lock", 1.0)
    assert failed.value.remedy == "pip install 'ripieno[postgres]'"
    for name in ("snapshot", "status", "migrations"):
        monkeypatch.setitem(sys.modules, f"ripieno.journal.postgres.{name}", None)
        monkeypatch.delattr(f"ripieno.journal.postgres.{name}", raising=False)
    for use in (
        lambda: snapshot_at(tmp_path),
        lambda: status_at(tmp_path),
        lambda: bring_up(tmp_path, pytest.fail),
    ):
        with pytest.raises(SettingsError, match="is not installed"):
            use()


async def test_a_log_is_read_where_it_is(backend: PostgresBackend) -> None:
    async with backend.opened() as store:
        await begin(store)
    with Audit(snapshot_at(backend.folder)) as audit:
        assert sum(1 for _ in audit.events()) > 0


async def test_a_log_in_a_folder_is_read_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DATABASE_URL, raising=False)
    store = SqliteStore(tmp_path)
    await store.open()
    await store.close()
    with Audit(snapshot_at(tmp_path)) as audit:
        assert list(audit.gaps()) == []


async def test_one_gives_leaves_and_signs_for_all_who_use_a_database(backend: PostgresBackend) -> None:
    async with backend.opened() as store:
        for _ in range(3):
            await begin(store)
    with Sequencer(backend.folder) as one, Sequencer(backend.folder) as other:
        assert one.waiting()
        assert one.elect()
        assert one.elect(), "it is the one already"
        assert not other.elect()
        assert one.advance() == 3
        assert one.advance() == 0
        assert not one.waiting()
        assert one.tree.size == 3
        kept = one.keep(3, 17, "a note")
        assert other.checkpoint() == kept
        one.resign()
        assert other.elect()
        assert other.tree.root(3) == one.tree.root(3)


async def test_whoever_loses_its_session_is_the_one_no_more_and_nothing_is_half_written(
    backend: PostgresBackend,
) -> None:
    async with backend.opened() as store:
        await begin(store)
    with Sequencer(backend.folder) as one:
        assert one.elect()
        cut_off(backend.url)
        with pytest.raises(StoreError, match="cannot write to postgresql://"), one.written(durable=True):
            one.connection.execute("DELETE FROM leaves")
        with pytest.raises(StoreError, match="cannot read postgresql://"):
            one.rows("SELECT 1")
    with Sequencer(backend.folder) as other:
        cut_off(backend.url)
        with pytest.raises(StoreError, match="cannot read postgresql://"):
            other.elect()


async def test_how_far_somebody_was_told_is_kept_in_a_database(backend: PostgresBackend) -> None:
    async with backend.opened() as store:
        run = await begin(store)
    with Feeding(backend.folder) as feeding:
        assert feeding.elect()
        (fed,) = feeding.after(0, 10)
        assert (fed.stream, fed.tenant, fed.run) == (run, "default", True)
        for problem in (None, "nobody answers"):
            cursor = Cursor("file:/told", fed.position, None, problem)
            feeding.keep(cursor)
            assert feeding.cursors() == {"file:/told": cursor}
