"""A tenant is kept in one region: where the store says that it is, and known to all who work with it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.journal.support.backends import Backend, PostgresBackend
from tests.journal.support.postgres import server_side
from tests.journal.support.sample import verified
from tests.journal.support.writing import begin, committed, until

from ripieno.journal.sql.store import SqlStore
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.store import STORAGE_REGION
from ripieno.journal.store import Store
from ripieno.model.errors import InputError, RefusedError, StoreError
from ripieno.model.region import region_name


@pytest.fixture
def backend(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """Give a store that says where it is: a folder by its environment, a database by a setting of its own."""
    if isinstance(backend, PostgresBackend):
        said = (
            "options=-cripieno.region%3Deu-central-1%20-c"  # as ALTER DATABASE ... SET says it to everybody
        )
        backend.url = backend.url.replace("options=-c", said, 1)
    else:
        monkeypatch.setenv(STORAGE_REGION, "eu-central-1")
    return backend


async def pin(store: Store, tenant: str, region: str = "eu-central-1") -> bool:
    return await store.pin(tenant, region, by="person:ada", reason="the contract")


async def test_a_tenant_is_pinned_where_the_store_is_and_everybody_hears_of_it(
    store: Store, other: Store
) -> None:
    other.on_change(lambda: None)
    before = other.rights.revision
    assert not store.regions.standing
    assert await pin(store, "default")
    assert not await pin(store, "default"), "it was so"
    pinned = store.regions.of("default")
    assert pinned is not None
    assert (pinned.region, pinned.by, store.regions.storage) == ("eu-central-1", "person:ada", "eu-central-1")
    assert store.regions.of("another") is None

    async def heard() -> bool | None:
        return other.regions.of("default") == pinned or None

    await until(heard)
    assert other.rights.revision > before, "what was decided before is decided anew"
    assert await store.unpin("default", by="person:ada", reason="it ended")
    assert not await store.unpin("default", by="person:ada", reason="it ended")
    other.refresh_rights()
    assert not other.regions.standing
    kinds = [event.kind for event in await committed(store, await store.tenant_stream("default"))]
    assert kinds == ["tenant.created", "tenant.pinned", "tenant.unpinned"]


async def test_a_tenant_is_not_pinned_where_the_store_is_not(store: Store) -> None:
    with pytest.raises(RefusedError, match="here: its storage is in region eu-central-1") as refused:
        await pin(store, "default", "us-east-1")
    assert "docs/scaling.md" in str(refused.value.remedy)
    assert not store.regions.standing


async def test_a_store_that_does_not_say_where_it_is_is_for_no_pinned_tenant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(STORAGE_REGION, raising=False)
    store = SqliteStore(tmp_path)
    await store.open()
    try:
        with pytest.raises(RefusedError, match="does not say in which region it is"):
            await pin(store, "default")
    finally:
        await store.close()


async def test_the_region_of_a_database_is_a_setting_of_its_own(tmp_path: Path) -> None:
    backend = PostgresBackend(tmp_path)
    async with backend.opened() as store:
        assert store.regions.storage is None
        assert isinstance(store, SqlStore)
    name = f"r{backend.url.rpartition('t')[2][:20]}"
    server_side(backend.url, f"CREATE DATABASE {name}")
    try:
        server_side(backend.url, f"ALTER DATABASE {name} SET ripieno.region = 'eu-west-3'")
        backend.url = backend.url.replace("/postgres?", f"/{name}?", 1).replace(
            "search_path%3D", "search_path%3Dpublic,"
        )
        async with backend.opened() as store:
            assert store.regions.storage == "eu-west-3"
            assert await pin(store, "default", "eu-west-3")
    finally:
        server_side(PostgresBackend(tmp_path).url, f"DROP DATABASE {name} WITH (FORCE)")


async def test_a_row_that_was_changed_by_hand_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STORAGE_REGION, "eu-central-1")
    store = SqliteStore(tmp_path)
    await store.open()
    await pin(store, "default")
    await store.close()
    assert verified(tmp_path).sound
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as connection:
        connection.execute("UPDATE tenant_regions SET region = 'us-east-1'")
        connection.commit()
    (finding,) = verified(tmp_path).findings
    assert "of tenant_regions says region 'us-east-1', it says 'eu-central-1'" in finding.problem


async def test_a_look_that_fails_leaves_what_was_known(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await pin(store, "default")

    def gone() -> None:
        msg = "gone"
        raise StoreError(msg)

    monkeypatch.setattr(store.regions, "_read", gone)
    store.regions.look()
    assert store.regions.of("default") is not None
    with pytest.raises(StoreError, match="gone"):
        store.regions.refresh()


@pytest.mark.parametrize("name", ["", "EU", "eu central", "undeclared", "-eu", "x" * 41])
def test_what_is_no_name_of_a_region_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="expected a region such as"):
        region_name(name)
    assert region_name("eu-central-1") == "eu-central-1"


async def test_runs_of_a_tenant_begin_also_where_nobody_is_pinned(store: Store) -> None:
    await begin(store)
    assert store.regions.of("default") is None
