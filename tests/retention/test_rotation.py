"""Another master key takes the place of one while runs go on; of what the old one wrapped nothing is left."""

from __future__ import annotations

import asyncio
import importlib
import shutil
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from gates import shipped_gate
from kernel.scenarios.house import opened
from retention.folder import BOSS, MARK, checked, found_in_files, house, letter, secrets_of
from ripieno.anchoring.backup import back_up
from ripieno.anchoring.manifest import BackupError
from ripieno.anchoring.restore import Keys, restore
from ripieno.journal.keys import MasterKey
from ripieno.journal.masters import MasterRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.model.errors import InputError, NotAllowedError, RefusedError, StoreError
from ripieno.model.principal import Principal
from ripieno.retention import rotation
from ripieno.retention.erasing import erase
from ripieno.retention.rotation import rotate, rotation_of

WHY: Final = "once a year"


def wrapped_in(home: Path) -> dict[str, bytes]:
    statement = "SELECT id, wrapped FROM runs UNION ALL SELECT name, wrapped FROM tenants"
    with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
        return dict(connection.execute(statement).fetchall())


async def test_all_keys_are_wrapped_by_the_new_master_key_and_of_the_old_nothing_is_left(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as host:
        runs = [await letter(host) for _ in range(3)]
        old, master = wrapped_in(tmp_path), (tmp_path / "master.key").read_bytes()
        told: list[tuple[int, int]] = []

        def tell(done: int, total: int) -> None:
            told.append((done, total))

        done = await rotate(host.store, tmp_path, by=BOSS, reason=WHY, told=tell)
        assert (done.before.generation, done.now.generation, done.resumed) == (1, 2, False)
        assert done.keys == {"runs": 3, "tenants": 2}
        assert told[-1] == (4, 4)
        now = wrapped_in(tmp_path)
        assert {wrapped[:8].hex() for wrapped in now.values()} == {done.now.id}
        assert {wrapped[:8].hex() for wrapped in old.values()} == {done.before.id}
        for run in runs:
            assert (await host.outcome(run)).status == "complete"
        assert found_in_files(tmp_path, [*old.values(), master]) == []
        again = await rotate(host.store, tmp_path, by=BOSS, reason=WHY)
        assert (again.before, again.now.generation) == (done.now, 3)
        await letter(host)
    assert found_in_files(tmp_path, now.values()) == []
    assert checked(tmp_path).sound


async def test_what_an_earlier_version_wrapped_is_wrapped_anew_as_well(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        run = await letter(host)
    master, stream = MasterKey.read(tmp_path / "master.key"), bytes.fromhex(run)
    secret = master.unwrap(stream, wrapped_in(tmp_path)[run]).secret
    cipher = importlib.import_module("cryptography.hazmat.primitives.ciphers.aead").AESGCM
    legacy = bytes(12) + cipher((tmp_path / "master.key").read_bytes()).encrypt(bytes(12), secret, stream)
    with closing(sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)) as connection:
        connection.execute("UPDATE runs SET wrapped = ? WHERE id = ?", (legacy, run))
    async with house(tmp_path) as host:
        assert (await host.outcome(run)).status == "complete"
        await rotate(host.store, tmp_path, by=BOSS, reason=WHY)
        assert (await host.outcome(run)).status == "complete"
    assert found_in_files(tmp_path, [legacy[12:]]) == []
    assert checked(tmp_path).sound


async def test_it_is_an_event_of_the_system_and_of_each_tenant(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        await letter(host)
        done = await rotate(host.store, tmp_path, by=BOSS, reason=WHY)
        store = host.store
        system = {event.kind: event for event in await store.events(await store.tenant_stream("*"))}
        own = {event.kind: event for event in await store.events(await store.tenant_stream("default"))}
        begun, ended, told = system["master.rotating"], system["master.rotated"], own["master.rewrapped"]
        both = {"id": done.now.id, "from": done.before.id, "generation": 2, "from_generation": 1}
        for event in (begun, ended, told):
            assert both.items() <= event.body.items()
            assert event.body["by"] == BOSS.id
            assert event.body["policies"]
        assert (ended.body["runs"], ended.body["tenants"], told.body["runs"]) == (1, 2, 1)
        assert store.reason_of("*", begun.body["reason"]) == WHY
        assert store.reason_of("default", told.body["reason"]) == WHY


async def test_a_process_that_knows_only_the_old_one_wraps_by_the_new_one(tmp_path: Path) -> None:
    async with house(tmp_path) as host, opened(tmp_path, SqliteStore) as other:
        await letter(host)
        done = await rotate(other, tmp_path, by=BOSS, reason=WHY)
        run = await letter(host)  # by a process that has read the file before
        assert wrapped_in(tmp_path)[run][:8].hex() == done.now.id
        await host.store.record("acme", "emergency", {}, reason=MARK)  # and a tenant that begins
        assert wrapped_in(tmp_path)["acme"][:8].hex() == done.now.id
        await rotate(host.store, tmp_path, by=BOSS, reason=WHY)
        assert (await other.run(run)).status == "complete"
        event = (await other.events(run))[0]
        assert other.payload(run, event.body["input"])  # read by who knows only the one before
    assert checked(tmp_path).sound


async def test_runs_that_begin_meanwhile_are_all_wrapped_by_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "RUNS_AT_ONCE", 1)
    async with house(tmp_path) as host, opened(tmp_path, SqliteStore) as other:
        for _ in range(3):
            await letter(host)
        runs, done = await asyncio.gather(
            asyncio.gather(*(letter(host) for _ in range(6))),
            rotate(other, tmp_path, by=BOSS, reason=WHY),
        )
        assert {wrapped[:8].hex() for wrapped in wrapped_in(tmp_path).values()} == {done.now.id}
        for run in runs:
            assert (await host.outcome(run)).status == "complete"
    assert checked(tmp_path).sound


async def test_of_two_rotations_at_once_one_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path) as host, opened(tmp_path, SqliteStore) as other:
        await letter(host)
        found = await asyncio.gather(
            rotate(host.store, tmp_path, by=BOSS, reason=WHY),
            rotate(other, tmp_path, by=BOSS, reason=WHY),
            return_exceptions=True,
        )
        assert [type(one) for one in found].count(RefusedError) == 1
        assert "another process is at it" in next(str(one) for one in found if isinstance(one, RefusedError))
        assert [row.generation for row in other.masters()] == [2]


async def test_one_that_begins_although_another_has_is_refused_in_the_commit(tmp_path: Path) -> None:
    async with opened(tmp_path, SqliteStore) as store:
        await store.record("default", "emergency", {})
        await rotate(store, tmp_path, by=BOSS, reason=WHY)
        late = MasterRow("00" * 8, 2, "11" * 8, "rewrapping", BOSS.id)
        with pytest.raises(RefusedError, match="of generation 2 took its place"):
            await store.begin_rotation(late, {}, WHY)


async def test_a_run_that_is_erased_meanwhile_stays_erased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "RUNS_AT_ONCE", 1)
    async with house(tmp_path) as host:
        runs = [await letter(host) for _ in range(4)]
        gone = secrets_of(tmp_path, [runs[2]])
        pending: list[asyncio.Task[Any]] = []

        def told(done: int, _all: int) -> None:
            if done == 2:
                task = erase(host.store, host_rows[runs[2]], by=BOSS, reason="asked")
                pending.append(asyncio.create_task(task))

        host_rows = {run: await host.store.run(run) for run in runs}
        await rotate(host.store, tmp_path, by=BOSS, reason=WHY, told=told)
        await asyncio.gather(*pending)
        assert wrapped_in(tmp_path)[runs[2]] == b""
        for run in (runs[0], runs[1], runs[3]):
            assert (await host.outcome(run)).status == "complete"
    assert found_in_files(tmp_path, gone[1:]) == []
    assert checked(tmp_path).sound


async def test_a_key_that_was_changed_keeps_the_old_master_key(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        run, other = await letter(host), await letter(host)
    before = wrapped_in(tmp_path)[run]
    changed(tmp_path, run, before[:-1] + bytes([before[-1] ^ 1]))
    master = (tmp_path / "master.key").read_bytes()
    async with house(tmp_path) as host:
        with pytest.raises(StoreError, match=r"could not wrap: 1 of runs: run .* cannot be unwrapped"):
            await rotate(host.store, tmp_path, by=BOSS, reason=WHY)
        assert found_in_files(tmp_path, [master]) == []  # as it stands in the file it is written otherwise
        changed(tmp_path, run, before)
        done = await rotate(host.store, tmp_path, by=BOSS, reason=WHY)
        assert (done.resumed, done.now.generation) == (True, 2)
        assert (await host.outcome(run)).status == (await host.outcome(other)).status == "complete"


def changed(home: Path, run: str, wrapped: bytes) -> None:
    with closing(sqlite3.connect(home / "journal.sqlite", isolation_level=None)) as connection:
        connection.execute("UPDATE runs SET wrapped = ? WHERE id = ?", (wrapped, run))


async def test_nothing_opens_without_the_newest_master_key_and_the_error_names_it(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        await letter(host)
        old = (tmp_path / "master.key").read_bytes()
        done = await rotate(host.store, tmp_path, by=BOSS, reason=WHY)
    now = (tmp_path / "master.key").read_bytes()
    (tmp_path / "master.key").write_bytes(old)
    with pytest.raises(
        StoreError, match=f"the master key {done.now.id} is not in .*{done.before.id}"
    ) as raised:
        await SqliteStore(tmp_path).open()
    assert "from a backup" in str(raised.value)
    (tmp_path / "master.key").write_bytes(b"ripieno master keys 1\n{}")
    with pytest.raises(StoreError, match="was changed"):
        SqliteStore(tmp_path)
    (tmp_path / "master.key").write_bytes(now)
    async with opened(tmp_path, SqliteStore) as store:
        assert store.masters()[-1].state == "settled"


async def test_a_key_that_was_put_back_as_the_old_master_key_had_wrapped_it_is_named(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        run = await letter(host)
        old = wrapped_in(tmp_path)[run]
        await rotate(host.store, tmp_path, by=BOSS, reason=WHY, keep_old=tmp_path / "kept")
    assert checked(tmp_path).sound
    stream = bytes.fromhex(run)
    key = MasterKey.read(tmp_path / "kept" / "master.key").unwrap(stream, old)
    foreign = MasterKey(bytes(32))
    changed(tmp_path, run, foreign.wrap(key, foreign.id))
    assert "cannot be unwrapped" in str(checked(tmp_path))
    new = (tmp_path / "master.key").read_bytes()
    both = MasterKey(new, (tmp_path / "kept" / "master.key").read_bytes())
    changed(tmp_path, run, both.wrap(key, MasterKey((tmp_path / "kept" / "master.key").read_bytes()).id))
    assert "cannot be unwrapped" in str(checked(tmp_path))


async def test_rows_of_master_keys_are_compared_with_what_events_say(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        await letter(host)
        await rotate(host.store, tmp_path, by=BOSS, reason=WHY)
    with closing(sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)) as connection:
        connection.execute("UPDATE masters SET by = 'person:eve', before = 'x'")
    report = str(checked(tmp_path))
    assert "by" in report
    assert "before" in report


async def test_what_another_master_key_has_wrapped_after_it_was_replaced_is_named(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        run = await letter(host)
        await rotate(host.store, tmp_path, by=BOSS, reason=WHY)
    master, stream = MasterKey.read(tmp_path / "master.key"), bytes.fromhex(run)
    key = master.unwrap(stream, wrapped_in(tmp_path)[run])
    cipher = importlib.import_module("cryptography.hazmat.primitives.ciphers.aead").AESGCM
    plain = cipher((tmp_path / "master.key").read_bytes()).encrypt(bytes(12), key.secret, stream)
    changed(tmp_path, run, bytes(12) + plain)
    assert "its key is wrapped by an earlier one, a master key that was replaced" in str(checked(tmp_path))


async def test_it_is_for_the_system_operator_and_needs_a_reason(tmp_path: Path) -> None:
    async with opened(tmp_path, SqliteStore) as store:
        master = (tmp_path / "master.key").read_bytes()
        operator = Principal("person", "carl", roles=frozenset({"operator"}))
        with pytest.raises(NotAllowedError, match="system-operator"):
            await rotate(store, tmp_path, by=operator, reason=WHY)
        with pytest.raises(InputError, match="why"):
            await rotate(store, tmp_path, by=BOSS, reason=" ")
        half = Principal("person", "carl", roles=frozenset({"system-operator"}))
        with pytest.raises(NotAllowedError, match="have another master key"):
            await rotate(store, tmp_path, by=half, reason=WHY)
        assert (tmp_path / "master.key").read_bytes() == master
        with pytest.raises(StoreError, match="cannot write"):
            await rotate(store, tmp_path / "gone", by=BOSS, reason=WHY)
        assert store.masters() == []


# -- who keeps it ----------------------------------------------------------------------------------------


async def test_a_service_keeps_the_new_one_and_back_it_is_the_same_act(tmp_path: Path, service: str) -> None:
    async with house(tmp_path) as host:
        run = await letter(host)
        there = await rotate(host.store, tmp_path, by=BOSS, reason=WHY, to=service)
        assert (there.before.kept_by, there.now.kept_by) == ("file", service)
        assert (tmp_path / "master.key").read_bytes().startswith(b"ripieno master key 1\n")
        same = await rotate(host.store, tmp_path, by=BOSS, reason=WHY)
        assert same.now.kept_by == service
        planned = await rotation_of(host.store, tmp_path, "file")
        assert (planned.before, planned.now.kept_by, planned.resumed) == (same.now, "file", False)
        await rotate(host.store, tmp_path, by=BOSS, reason=WHY, to="file")
        assert len((tmp_path / "master.key").read_bytes()) == 32
        assert (await host.outcome(run)).status == "complete"
    assert checked(tmp_path).sound


async def test_a_service_that_refuses_changes_nothing(tmp_path: Path, service: str) -> None:
    del service
    async with house(tmp_path) as host:
        await letter(host)
        master = (tmp_path / "master.key").read_bytes()
        with pytest.raises(StoreError, match="NotFoundException"):
            await rotate(host.store, tmp_path, by=BOSS, reason=WHY, to="awskms:alias/none")
        assert (tmp_path / "master.key").read_bytes() == master
        assert host.store.masters() == []


async def test_a_service_that_fails_in_the_middle_keeps_nobody_from_ending_it_later(
    tmp_path: Path, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "RUNS_AT_ONCE", 1)
    async with house(tmp_path) as host, opened(tmp_path, SqliteStore) as other:
        runs = [await letter(host) for _ in range(3)]

        def told(done: int, _all: int) -> None:
            if done == 2:
                monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")  # where there is no such key
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await rotate(other, tmp_path, by=BOSS, reason=WHY, to=service, told=told)
        kms_down = partial(pytest.raises, StoreError, match="refuses to decrypt it: AWS says NotFound")
        with kms_down():  # whoever has the old one only cannot begin anything by the new one
            await letter(host)
        assert (await host.outcome(runs[2])).status == "complete"  # and reads what is wrapped by the old one
        with kms_down():
            SqliteStore(tmp_path)
        with kms_down():
            await rotate(host.store, tmp_path, by=BOSS, reason=WHY)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        with pytest.raises(RefusedError, match=f"in which {service} keeps the new master key"):
            await rotate(host.store, tmp_path, by=BOSS, reason=WHY, to="file")
        assert (await rotation_of(host.store, tmp_path)).keys == {"runs": 1, "tenants": 1}
        done = await rotate(host.store, tmp_path, by=BOSS, reason=WHY, to=service)
        assert (done.resumed, done.now.kept_by) == (True, service)
        await letter(host)
        for run in runs:
            assert (await host.outcome(run)).status == "complete"
    assert checked(tmp_path).sound


# -- backups ----------------------------------------------------------------------------------------------


async def test_an_older_backup_needs_the_old_master_key_which_is_kept_on_demand(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with house(home) as host:
        run = await letter(host)
        await asyncio.to_thread(back_up, home, tmp_path / "backup")
        await asyncio.to_thread(back_up, home, tmp_path / "whole", with_keys=True)
        kept = tmp_path / "kept"
        await rotate(host.store, home, by=BOSS, reason=WHY, keep_old=kept)
        with pytest.raises(InputError, match="is there already"):
            await rotate(host.store, home, by=BOSS, reason=WHY, keep_old=kept)
        with pytest.raises(InputError, match="cannot keep the old master key"):
            await rotate(host.store, home, by=BOSS, reason=WHY, keep_old=tmp_path / "no" / "where")

    def back(name: str, to: str, keys: Keys | None = None) -> Path:
        restore(tmp_path / name, tmp_path / to, by="person:op", keys=keys)
        return tmp_path / to

    with pytest.raises(BackupError, match=r"and master\.key is another one"):
        await asyncio.to_thread(back, "backup", "refused", Keys(home))
    for name, keys in (("backup", Keys(tmp_path / "kept")), ("whole", None)):
        restored = await asyncio.to_thread(back, name, f"{name}-restored", keys)
        async with house(restored) as host:
            assert (await host.outcome(run)).status == "complete"
            assert host.store.masters() == []


async def test_a_backup_that_is_made_meanwhile_holds_both_and_goes_on(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with house(home) as host:
        runs = [await letter(host) for _ in range(2)]

        def told(*_: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await rotate(host.store, home, by=BOSS, reason=WHY, told=told)
        await asyncio.to_thread(back_up, home, tmp_path / "backup", with_keys=True)
    await asyncio.to_thread(restore, tmp_path / "backup", tmp_path / "new", by="person:op")
    shutil.rmtree(home)
    async with house(tmp_path / "new") as host:
        done = await rotate(host.store, tmp_path / "new", by=BOSS, reason=WHY)
        assert done.resumed
        for run in runs:
            assert (await host.outcome(run)).status == "complete"
    assert checked(tmp_path / "new").sound


async def test_of_an_old_one_that_was_destroyed_nothing_is_kept(tmp_path: Path) -> None:
    async with opened(tmp_path, SqliteStore) as store:
        await store.record("default", "emergency", {})
        await rotate(store, tmp_path, by=BOSS, reason=WHY)
    with closing(sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)) as connection:
        connection.execute(
            "UPDATE masters SET state = 'rewrapping'"
        )  # as if it had died before its last commit
    async with opened(tmp_path, SqliteStore) as store:
        assert (await rotation_of(store, tmp_path)).before.kept_by.startswith("nobody")
        with pytest.raises(InputError, match="cannot be kept any more"):
            await rotate(store, tmp_path, by=BOSS, reason=WHY, keep_old=tmp_path / "kept")
        assert not (tmp_path / "kept").exists()
        assert (await rotate(store, tmp_path, by=BOSS, reason=WHY)).resumed


async def test_while_an_older_state_is_read_the_old_one_stays(tmp_path: Path) -> None:
    async with opened(tmp_path, lambda home: SqliteStore(home, shipped_gate(), busy_seconds=0.05)) as store:
        await store.record("default", "emergency", {})
        with closing(sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM events").fetchone()
            with pytest.raises(StoreError, match="another process reads an older state"):
                await rotate(store, tmp_path, by=BOSS, reason=WHY)
            assert (tmp_path / "master.key").read_bytes().startswith(b"ripieno master keys 1\n")
        assert (await rotate(store, tmp_path, by=BOSS, reason=WHY)).resumed
