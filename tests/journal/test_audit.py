"""An audit opens a copy, a read-only folder or a live log, writes nothing, and says what it cannot read."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from tests.journal.support.sample import Sample, verified, write_sample
from tests.journal.support.writing import begin, owned, step, write

from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify
from ripieno.model.errors import NotFoundError, StoreError

DROP_FROM_BOUNDING_SET = 24
CAPABILITIES_OVER_PERMISSIONS = (1, 2)


@pytest.fixture
async def sample(tmp_path: Path) -> Sample:
    home = tmp_path / "home"
    home.mkdir()
    return await write_sample(home)


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.is_file()}


def test_a_folder_without_a_log_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no log at"):
        SqliteAudit(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_copy_without_its_key_file_gets_none(sample: Sample) -> None:
    (sample.home / "master.key").unlink()
    with pytest.raises(StoreError, match="cannot read the key file"):
        SqliteAudit(sample.home)
    assert not (sample.home / "master.key").exists()


def test_a_copy_with_the_key_file_of_another_shows_chains_but_no_values(sample: Sample) -> None:
    (sample.home / "master.key").write_bytes(bytes(32))
    report = verified(sample.home)
    assert (report.values, report.events) == (0, 14)
    assert len(report.findings) == 4
    assert all("none of its values can be read" in finding.problem for finding in report.findings)


def test_an_audit_changes_neither_log_nor_key(sample: Sample) -> None:
    before = files(sample.home)
    assert verified(sample.home).sound
    after = files(sample.home)
    assert {name: after[name] for name in before} == before


async def test_a_log_that_is_being_written_is_verified_as_it_was_at_one_moment(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    await store.open()
    lease = await owned(store)
    await write(store, step(lease))
    with SqliteAudit(tmp_path) as audit:
        await write(store, step(lease, "later"), step(await owned(store)))
        report = verify(audit)
    assert report.sound
    assert (report.events, report.runs) == (2, 1)
    await store.close()


async def test_the_tail_left_by_a_killed_process_is_read(tmp_path: Path) -> None:
    (tmp_path / "live").mkdir()
    store = SqliteStore(tmp_path / "live")
    await store.open()
    await begin(store)
    shutil.copytree(tmp_path / "live", tmp_path / "copy", ignore=shutil.ignore_patterns("*bells", "*-shm"))
    await store.close()
    assert (tmp_path / "copy" / "journal.sqlite-wal").stat().st_size > 0
    report = verified(tmp_path / "copy")
    assert report.sound
    assert report.runs == 1


def without_capabilities() -> None:
    """Let permissions count also for root."""
    for capability in CAPABILITIES_OVER_PERMISSIONS:
        ctypes.CDLL(None).prctl(DROP_FROM_BOUNDING_SET, capability, 0, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="how root is kept from writing is Linux's own")
def test_a_folder_that_may_only_be_read_is_verified(sample: Sample) -> None:
    shutil.rmtree(sample.home / "owners")
    shutil.rmtree(sample.home / "doorbells")
    sample.home.chmod(0o500)
    program = "import sys; from tests.journal.support.sample import *; from pathlib import Path;"
    program += "print(verified(Path(sys.argv[1])))"
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter; nothing else runs in the child yet
            [sys.executable, "-c", program, str(sample.home)],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=without_capabilities,
        )
    finally:
        sample.home.chmod(0o700)
    assert (done.stdout, done.returncode) == (
        (
            "14 events, 3 runs, 10 values: sound; no checkpoint vouches for any of it\n"
            "  answers and commands that name no policies that let them: 1\n"
        ),
        0,
    ), done.stderr


# -- what cannot be read ------------------------------------------------------------------------------


def test_a_file_that_is_no_database_is_named(sample: Sample) -> None:
    (sample.home / "journal.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match="not a database"), SqliteAudit(sample.home):
        pass


def test_a_log_of_another_format_is_named(sample: Sample, tmp_path: Path) -> None:
    home = sample.damaged(tmp_path / "other", ("PRAGMA user_version = 9",))
    with pytest.raises(StoreError, match="has format 9"), SqliteAudit(home):
        pass


def test_a_log_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").mkdir()
    (tmp_path / "master.key").write_bytes(bytes(32))
    with pytest.raises(StoreError, match=r"cannot read .*"), SqliteAudit(tmp_path):
        pass


def test_pages_that_were_overwritten_are_found_and_the_rest_is_read(sample: Sample) -> None:
    path = sample.home / "journal.sqlite"
    (root,) = sample.rows("SELECT rootpage FROM sqlite_master WHERE name = 'payloads'")[0]
    (size,) = sample.rows("PRAGMA page_size")[0]
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(os.urandom(size))
    report = verified(sample.home)
    assert "database file" in {finding.place for finding in report.findings}
    assert any("cannot be read on from here" in finding.problem for finding in report.findings)
    assert report.events > 0


@pytest.mark.parametrize("index", ["events_stream", "runs_listed"])
def test_an_index_that_disagrees_with_its_table_is_found(sample: Sample, index: str) -> None:
    (root,) = sample.rows("SELECT rootpage FROM sqlite_master WHERE name = ?", index)[0]
    (size,) = sample.rows("PRAGMA page_size")[0]
    with (sample.home / "journal.sqlite").open("r+b") as file:
        file.seek((root - 1) * size + size - 30)
        page = file.read(30)
        file.seek(-30, os.SEEK_CUR)
        file.write(bytes(byte ^ 0x55 for byte in page))
    assert not verified(sample.home).sound


# -- size ---------------------------------------------------------------------------------------------


async def test_a_log_of_megabytes_is_verified_in_kilobytes(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    await store.open()
    for _ in range(20):
        lease = await owned(store)
        await write(store, *(step(lease, f"step@{seq}", output=f"{seq}") for seq in range(200)))
    await store.close()
    assert (tmp_path / "journal.sqlite").stat().st_size > 2_000_000
    tracemalloc.start()
    assert verified(tmp_path).sound
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 200_000
