"""What runs hold is encrypted anew under other secrets; what commits to it stays, and so does every proof."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from kernel.scenarios.house import asked, ended, reply
from retention.folder import BOSS, LETTERS, MARK, checked, found_in_files, house, letter
from ripieno.journal.keys import MasterKey
from ripieno.model.errors import InputError, NotAllowedError, StoreError
from ripieno.model.principal import Principal
from ripieno.model.value import decode
from ripieno.retention.encrypting import encrypt_anew
from ripieno.retention.erasing import erase
from ripieno.retention.rotation import rotate

WHY: Final = "a copy of the disk is gone"
TESTS: Final = Path(__file__).parents[1]


def sealed_in(home: Path, run: str) -> dict[bytes, bytes]:
    with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
        found: list[Any] = connection.execute(
            "SELECT commitment, sealed FROM payloads WHERE stream = ?", (bytes.fromhex(run),)
        ).fetchall()
    return dict(found)


def wrapped_in(home: Path, run: str) -> bytes:
    with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
        return connection.execute("SELECT wrapped FROM runs WHERE id = ?", (run,)).fetchone()[0]


async def test_all_that_ended_runs_hold_is_encrypted_anew_and_nothing_of_before_is_left(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as host:
        runs = [await letter(host) for _ in range(2)]
        going = (await host.start(LETTERS, MARK, principal=BOSS)).row.id
        await asked(host, going)
        master = MasterKey.read(tmp_path / "master.key")
        before = {run: sealed_in(tmp_path, run) for run in runs}
        old = [master.unwrap(bytes.fromhex(run), wrapped_in(tmp_path, run)) for run in runs]
        wrapped = [wrapped_in(tmp_path, run) for run in runs]
        waits = sealed_in(tmp_path, going)
        assert await host.store.encrypt_anew(going, 1) is None
        done = await encrypt_anew(host.store, tmp_path, by=BOSS, reason=WHY)
        assert (done.round, done.runs, done.going, done.resumed) == (1, 2, 1, False)
        assert done.values == sum(map(len, before.values()))
        for run, key in zip(runs, old, strict=True):
            now = sealed_in(tmp_path, run)
            assert now.keys() == before[run].keys()
            assert not set(now.values()) & set(before[run].values())
            for commitment, sealed in now.items():
                with pytest.raises(StoreError):  # whoever has the old key reads nothing
                    key.open(commitment, sealed)
            first = (await host.store.events(run, limit=1))[0]
            assert decode(host.store.payload(run, first.body["input"])) == MARK
        gone = [*wrapped, *(one for values in before.values() for one in values.values())]
        assert found_in_files(tmp_path, gone) == []
        assert sealed_in(tmp_path, going).items() >= waits.items()
        await reply(host, await asked(host, going), {"proceed": True, "note": "x"}, by=BOSS)
        assert (await ended(host, going)).status == "complete"
        again = await encrypt_anew(host.store, tmp_path, by=BOSS, reason=WHY)
        assert (again.round, again.runs, again.going) == (2, 3, 0)
        stream = await host.store.tenant_stream("*")
        told = [one.body for one in await host.store.events(stream) if one.kind == "operation"]
        assert [(one["round"], one["state"]) for one in told] == [
            (1, "begun"),
            (1, "ended"),
            (2, "begun"),
            (2, "ended"),
        ]
    assert checked(tmp_path).sound


async def test_the_master_key_is_rotated_and_runs_are_erased_afterwards_as_before(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        runs = [await letter(host) for _ in range(2)]
        await encrypt_anew(host.store, tmp_path, by=BOSS, reason=WHY)
        await rotate(host.store, tmp_path, by=BOSS, reason=WHY)
        key = host.store.key(runs[0])
        sealed = sealed_in(tmp_path, runs[0])
        assert all(key.open(commitment, one) for commitment, one in sealed.items())
        secrets = [wrapped_in(tmp_path, runs[0]), MARK.encode(), *sealed.values()]
        await erase(host.store, await host.store.run(runs[0]), by=BOSS, reason="asked for")
        done = await encrypt_anew(host.store, tmp_path, by=BOSS, reason=WHY)
        assert (done.round, done.runs) == (2, 1)
        assert sealed_in(tmp_path, runs[0]) == {}
        assert found_in_files(tmp_path, secrets) == []
    assert checked(tmp_path).sound


async def test_a_round_that_is_killed_between_runs_is_ended_by_the_next(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        runs = [await letter(host) for _ in range(3)]
        before = {run: sealed_in(tmp_path, run) for run in runs}
    died = subprocess.run(  # noqa: ASYNC221, S603 - our own child, and nothing else goes on
        [sys.executable, "-m", "retention.encrypting_child", str(tmp_path)], cwd=TESTS, check=False
    )
    assert died.returncode == -signal.SIGKILL
    assert sum(sealed_in(tmp_path, run) != before[run] for run in runs) == 1
    assert checked(tmp_path).sound
    async with house(tmp_path) as host:
        done = await encrypt_anew(host.store, tmp_path, by=BOSS, reason="gone on with")
        assert (done.round, done.runs, done.resumed) == (1, 2, True)
        for run in runs:
            assert (await host.outcome(run)).status == "complete"
    gone = [one for values in before.values() for one in values.values()]
    assert found_in_files(tmp_path, gone) == []
    assert checked(tmp_path).sound


async def test_a_value_that_was_changed_stops_its_run_alone_and_is_named(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        runs = [await letter(host) for _ in range(2)]
        with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as connection, connection:
            connection.execute(
                "UPDATE payloads SET sealed = zeroblob(60) WHERE rowid ="
                " (SELECT min(rowid) FROM payloads WHERE stream = ?)",
                (bytes.fromhex(runs[0]),),
            )
        damaged = sealed_in(tmp_path, runs[0])
        with pytest.raises(StoreError, match=f"1 runs hold .*run {runs[0][-6:]}"):
            await encrypt_anew(host.store, tmp_path, by=BOSS, reason=WHY)
        assert sealed_in(tmp_path, runs[0]) == damaged
        first = (await host.store.events(runs[1], limit=1))[0]
        assert decode(host.store.payload(runs[1], first.body["input"])) == MARK


async def test_while_somebody_reads_what_was_there_before_it_is_not_called_ended(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        await letter(host)
        with closing(sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM payloads").fetchone()
            host.store._busy_seconds = 0.05  # noqa: SLF001 # pyright: ignore - as long as it waits for the reader
            with pytest.raises(StoreError, match="another process reads an older state"):
                await encrypt_anew(host.store, tmp_path, by=BOSS, reason=WHY)
        done = await encrypt_anew(host.store, tmp_path, by=BOSS, reason=WHY)
        assert (done.round, done.resumed, done.runs) == (1, True, 0)


async def test_it_is_for_whoever_may_command_the_whole_system_and_says_why(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        with pytest.raises(InputError, match="say why"):
            await encrypt_anew(host.store, tmp_path, by=BOSS, reason=" ")
        with pytest.raises(NotAllowedError, match="system-operator"):
            await encrypt_anew(host.store, tmp_path, by=Principal("person", "op"), reason=WHY)
