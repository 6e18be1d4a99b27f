"""Two releases side by side on one database: it is brought up under load, and every act happens once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tarfile
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.journal.support.postgres import fresh_schema, server_side

from kernel.support import upgrading
from kernel.support.ledger import Ledger
from ripieno.journal.postgres.connection import PostgresConnection
from ripieno.journal.postgres.formats import FORMAT, Formats
from ripieno.journal.postgres.migrations import bring_up
from ripieno.journal.postgres.snapshot import PostgresSnapshot
from ripieno.journal.sql.audit import Audit
from ripieno.journal.verify import verify
from ripieno.model.event import KINDS

TESTS = Path(__file__).parents[1]
RELEASE = TESTS / "golden" / "releases" / "format_7.tar.xz"
BATCH = 5
"""How many runs a worker starts."""


PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.1


async def until(look: Callable[[], bool]) -> None:
    """Look until it is so: seldom, as the processes that are looked at need the machine."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not look():  # noqa: ASYNC110 - nothing tells what other processes do
            await asyncio.sleep(LOOK_SECONDS)


class Fleet:
    """Workers of both releases on one database."""

    def __init__(self, home: Path, release: Path) -> None:
        self.home, self.url = home, fresh_schema()
        self.ledger = Ledger(home / "ledger.jsonl")
        self._release = release
        self._workers: list[Process] = []

    async def start(self, batch: str, *, earlier: bool) -> Process:
        """Start a worker of this release or the earlier one, and wait until it serves."""
        worker = await self.started(batch, earlier=earlier)
        assert worker.stdout is not None
        said = (await worker.stdout.readline()).decode()
        assert said.startswith(f"format {7 if earlier else FORMAT} from "), "its error stands above"
        assert (str(self._release) in said) is earlier
        return worker

    async def started(self, batch: str, *, earlier: bool, errors: int | None = None) -> Process:
        path = [str(self._release)] if earlier else []
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kernel.support.upgrading", str(self.home), self.url, batch, str(BATCH)),
            cwd=TESTS,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([*path, str(TESTS), str(TESTS.parent)])},
            stdin=PIPE,
            stdout=PIPE,
            stderr=errors,
        )
        self._workers.append(worker)
        return worker

    async def end(self, worker: Process) -> None:
        """Let a worker leave in order."""
        await worker.communicate(b"\n")
        assert worker.returncode == 0

    async def done(self, count: int) -> None:
        """Wait until so many acts more have happened."""
        reached = len(self.ledger.entries()) + count
        await until(lambda: len(self.ledger.entries()) >= reached)

    def statuses(self) -> Counter[str]:
        return Counter(status for (status,) in server_side(self.url, "SELECT status FROM runs"))

    async def clear(self) -> None:
        for worker in self._workers:
            if worker.returncode is None:
                worker.kill()
                await worker.communicate()


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    with tarfile.open(RELEASE) as archive:
        archive.extractall(folder, filter="data")
    return folder


async def test_a_database_is_brought_up_under_load_and_no_act_is_lost_or_done_twice(
    tmp_path: Path, release: Path
) -> None:
    fleet = Fleet(tmp_path, release)
    try:
        leaving, dying = await fleet.start("a", earlier=True), await fleet.start("b", earlier=True)
        await fleet.done(BATCH)
        assert server_side(fleet.url, "SELECT format FROM ripieno") == [(7,)]
        with closing(PostgresConnection(fleet.url)) as connection:
            told: list[str] = []
            formats = await asyncio.to_thread(bring_up, connection, told.append)
        assert (formats, len(told)) == (Formats(7, FORMAT), FORMAT - 7)
        assert fleet.statuses()["complete"] < 2 * BATCH, "runs were in flight"
        await fleet.done(BATCH)  # by the earlier release, as before
        staying = await fleet.start("c", earlier=False)
        dying.send_signal(signal.SIGKILL)
        returned = await fleet.start("d", earlier=True)  # it can be gone back to
        await fleet.done(BATCH)
        await fleet.end(leaving)
        await fleet.end(returned)
        await until(lambda: fleet.statuses() == {"complete": 4 * BATCH})
        await fleet.end(staying)
    finally:
        await fleet.clear()
    expected = {
        f"{act} {batch}{case}.{number}"
        for act in ("pay", "book")
        for batch in "abcd"
        for case in range(BATCH)
        for number in range(upgrading.ROUNDS)
    }
    by_key = {entry.key: entry.act for entry in fleet.ledger.entries()}
    assert Counter(by_key.values()) == Counter(expected), "each was done, under one key"
    booked = Counter(entry.act for entry in fleet.ledger.entries() if entry.act.startswith("book"))
    assert set(booked.values()) == {1}, "also where whoever is asked twice does it twice"
    unread = server_side(fleet.url, "SELECT count(*) FROM questions WHERE kind <> 'timer'")
    assert unread == [(0,)], "and nobody had to be asked"
    with Audit(PostgresSnapshot(fleet.home, fleet.url)) as audit:
        report = verify(audit)
    assert report.sound, str(report)
    assert report.runs == 4 * BATCH


async def test_the_earlier_release_is_refused_by_tables_that_are_for_it_no_more(
    tmp_path: Path, release: Path
) -> None:
    fleet = Fleet(tmp_path, release)
    with closing(PostgresConnection(fleet.url)) as connection:
        bring_up(connection, pytest.fail)
    server_side(fleet.url, "UPDATE ripieno SET format = 8")  # as a step that takes something away does
    worker = await fleet.started("a", earlier=True, errors=PIPE)
    _, errors = await worker.communicate()
    assert worker.returncode == 1
    assert "has format 8, this version of Ripieno reads format 7" in errors.decode()


NEW_KINDS = {
    "tenant.pinned": "in logs of tenants, which workers do not read",
    "tenant.unpinned": "likewise",
}
"""Kinds of events that the earlier release cannot read, and why that does no harm while it is beside."""


def test_each_kind_of_event_that_the_earlier_release_cannot_read_is_none_that_it_meets(release: Path) -> None:
    """A journal with a kind that a worker does not know is damaged for it: so it comes a release later."""
    written = (release / "ripieno" / "model" / "event.py").read_text(encoding="utf-8")
    assert {kind for kind in KINDS if f'"{kind}"' not in written} == set(NEW_KINDS)
