"""What was erased after a backup is not brought back by it, as far as anything knows of the erasure."""

from __future__ import annotations

import asyncio
import sqlite3
from functools import partial
from pathlib import Path

import pytest

from kernel.scenarios.house import asked, parked
from retention.folder import BOSS, LETTERS, MARK, checked, found_in_files, house, letter, secrets_of
from ripieno.anchoring.backup import back_up
from ripieno.anchoring.export import Exporter
from ripieno.anchoring.manifest import BackupError
from ripieno.anchoring.restore import restore
from ripieno.journal.sql.extract import Extract
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.snapshot import SqliteSnapshot
from ripieno.kernel.commands import cancel
from ripieno.retention.erasing import erase


async def erased_after(tmp_path: Path) -> tuple[str, str, list[bytes]]:
    """Back up, erase a run, begin and erase another; give the first, one that stays, and what was held."""
    home = tmp_path / "home"
    home.mkdir()
    async with house(home) as host:
        run, kept = await letter(host), await letter(host, given="something else")
        secrets = secrets_of(home, [run])
        await asyncio.to_thread(back_up, home, tmp_path / "backup", with_keys=True)
        later = await letter(host)
        for one in (run, later):
            await erase(host.store, await host.store.run(one), by=BOSS, reason="asked for")
    return run, kept, secrets


def exported(home: Path, to: Path) -> Path:
    with Extract(SqliteSnapshot(home)) as log, to.open("w", encoding="ascii", newline="\n") as file:
        Exporter(log, file).write()
    return to


@pytest.mark.parametrize("known", ["export", "folder", "nothing"])
async def test_it_is_erased_again_where_anything_tells_of_it(tmp_path: Path, known: str) -> None:
    run, kept, secrets = await erased_after(tmp_path)
    home = tmp_path / ("home" if known == "folder" else "new")
    export = exported(tmp_path / "home", tmp_path / "export") if known == "export" else None
    done = await asyncio.to_thread(
        restore, tmp_path / "backup", home, by="person:op", replace=True, erasures=export
    )
    expected = [] if known == "nothing" else [run]
    assert (done.repeated.erased, done.repeated.kept) == (expected, {})
    assert bool(found_in_files(home, secrets)) == (known == "nothing")
    async with house(home) as host:
        assert (host.store.erasure(run) is not None) == bool(expected)
        assert (await host.outcome(kept)).status == "complete"
    assert checked(home).sound


async def test_a_run_that_has_not_ended_in_the_backup_is_ended_and_erased(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    async with house(home) as host:
        run = (await host.start(LETTERS, MARK, principal=BOSS)).row.id
        await asked(host, run)
        await parked(host, run)
        await asyncio.to_thread(back_up, home, tmp_path / "backup", with_keys=True)
        await cancel(host.store, host.clock, await host.store.run(run), by=BOSS, reason="no longer")
        await host.outcome(run)
        await erase(host.store, await host.store.run(run), by=BOSS, reason="asked for")
    done = await asyncio.to_thread(restore, tmp_path / "backup", home, by="person:op", replace=True)
    assert (done.repeated.erased, done.repeated.kept) == ([run], {})
    async with house(home) as host:
        assert (await host.store.run(run)).status == "cancelled"
    assert checked(home).sound


async def test_nothing_is_erased_by_the_word_of_an_export_that_is_not_sound(tmp_path: Path) -> None:
    run, _, _ = await erased_after(tmp_path)
    export = exported(tmp_path / "home", tmp_path / "export")
    export.write_text(export.read_text().replace("asked for", "").replace('"run.erased\\"', '"run.erazed\\"'))
    with pytest.raises(BackupError, match="is no sound export"):
        restore(tmp_path / "backup", tmp_path / "new", by="person:op", erasures=tmp_path / "export")
    with pytest.raises(BackupError, match="cannot read"):
        restore(tmp_path / "backup", tmp_path / "new", by="person:op", erasures=tmp_path / "none")
    (tmp_path / "home" / "journal.sqlite").write_bytes(b"what is left of it" * 1000)
    done = await asyncio.to_thread(
        restore, tmp_path / "backup", tmp_path / "home", by="person:op", replace=True
    )
    assert not done.repeated.erased, "a folder that cannot be read tells nothing"
    assert run


async def test_a_backup_made_right_after_an_erasure_holds_nothing_of_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    async with house(home, kind=partial(SqliteStore, busy_seconds=0.05)) as host:
        run = await letter(host)
        secrets = secrets_of(home, [run])
        held = sqlite3.connect(home / "journal.sqlite", isolation_level=None)  # and holds the past
        held.execute("BEGIN")
        held.execute("SELECT count(*) FROM events").fetchone()
        done = await erase(host.store, await host.store.run(run), by=BOSS, reason="asked for")
        assert not done.scrubbed, "somebody reads what was there before"
        await asyncio.to_thread(back_up, home, tmp_path / "backup", with_keys=True)
        assert found_in_files(home, secrets), "it is in the folder still"
        assert not found_in_files(tmp_path / "backup", secrets)
        held.execute("COMMIT")
        held.close()
