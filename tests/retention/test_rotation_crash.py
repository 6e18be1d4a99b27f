"""Wherever a process dies that rotates the master key, nothing is lost, and the next one ends it."""

from __future__ import annotations

import shutil
import signal
import sqlite3
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from kernel.support.crash import Calls, calls_of
from retention.folder import BOSS, checked, found_in_files, house, letter
from ripieno.retention.rotation import rotate

RUNS = 2
STRIDE = 16
"""Each test takes every sixteenth place to die at: all of them together take all."""


def wrapped_in(home: Path) -> list[bytes]:
    with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
        return [
            row[0]
            for row in connection.execute("SELECT wrapped FROM runs UNION ALL SELECT wrapped FROM tenants")
        ]


@pytest.fixture(scope="module")
def rotations() -> Generator[Calls]:
    with calls_of("retention.rotating_child:rotated") as calls:
        yield calls


@pytest.mark.parametrize("first", range(1, STRIDE + 1))
async def test_a_rotation_that_is_killed_anywhere_loses_nothing_and_is_ended_by_the_next(
    tmp_path: Path, rotations: Calls, first: int
) -> None:
    before = tmp_path / "before"
    async with house(before) as host:
        runs = [await letter(host) for _ in range(RUNS)]
    old_keys, old_master = wrapped_in(before), (before / "master.key").read_bytes()
    begun: list[bool] = []
    for number in range(first, 200, STRIDE):
        home = tmp_path / f"killed{number}"
        shutil.copytree(before, home, ignore=shutil.ignore_patterns("owners", "doorbells"))
        died = rotations.call(str(home), number)
        async with house(home) as host:
            rows = host.store.masters()
            begun.append(bool(rows))
            since = await letter(host)  # a run that begins while it is not over
            if not rows or rows[-1].state == "rewrapping":
                done = await rotate(host.store, home, by=BOSS, reason="gone on with")
                assert (done.now.generation, done.resumed) == (2, bool(rows))
            for run in [*runs, since]:
                assert (await host.outcome(run)).status == "complete"
        assert checked(home).sound
        assert found_in_files(home, [*old_keys, old_master]) == []
        if died == 0:
            break
        assert died == signal.SIGKILL
    assert sorted(begun) == begun
    assert (first > 1 or not begun[0], begun[-1]) == (True, True)
