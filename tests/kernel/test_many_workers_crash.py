"""Workers on one database die, stand still and lose it, and it is started anew: every act happens once.

Five hundred runs, each with a payment that may be repeated under its key and a booking that may not be.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tests.journal.support.postgres import FAST, OwnServer, own_server

from kernel.support.ledger import Ledger
from kernel.support.many_workers import LEASE_SECONDS
from ripieno.journal.postgres.snapshot import PostgresSnapshot
from ripieno.journal.sql.audit import Audit
from ripieno.journal.verify import verify

TIMES = logging.getLogger(__name__)
"""`pytest --log-cli-level=INFO` shows them."""

TESTS = Path(__file__).parents[1]
BATCH = 100
CONNECTIONS = 20
PATIENCE_SECONDS = 90.0
"""For each of the things that happen."""
LOOK_SECONDS = 0.05
SOCKET = ".s.PGSQL.5432"

LEFT = "SELECT count(*) FROM runs WHERE key LIKE %s AND ended_at IS NULL"
BEGUN = "SELECT count(*) FROM runs WHERE key LIKE %s"
COMPLETE = "SELECT count(*) FROM runs WHERE status = 'complete'"


class Line:
    """The way to the server, which may be cut, or go dead without a word."""

    def __init__(self, server: str) -> None:
        self._server = server
        self.folder = tempfile.mkdtemp(dir="/tmp")  # the path of a socket has to be short
        self._passing = asyncio.Event()
        self._passing.set()
        self._writers: list[asyncio.StreamWriter] = []

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[Line]:
        """Let connections through."""
        server = await asyncio.start_unix_server(self._connected, Path(self.folder, SOCKET))
        try:
            yield self
        finally:
            self.cut()
            self._passing.set()
            server.close()
            shutil.rmtree(self.folder)

    def deaden(self) -> None:
        """Let nothing more through, and say nothing of it."""
        self._passing.clear()

    def cut(self) -> None:
        """End all connections, and let later ones through."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        self._passing.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_unix_connection(Path(self._server, SOCKET))
            self._writers += [writer, back]
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._passing.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


class Fleet:
    """Workers on a server of the test's own."""

    def __init__(self, home: Path, url: str) -> None:
        self.home, self.url = home, url
        self.ledger = Ledger(home / "ledger.jsonl")
        self._workers: list[Process] = []

    async def start(self, url: str | None = None) -> Process:
        """Start a worker, and wait until it serves."""
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kernel.support.many_workers", str(self.home), url or self.url),
            cwd=TESTS,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])},
            stdin=PIPE,
            stdout=PIPE,
        )
        self._workers.append(worker)
        assert worker.stdout is not None
        assert await worker.stdout.readline() == b"serves\n", "its error stands above"
        return worker

    async def begin(self, worker: Process, batch: str, runs: int = BATCH) -> None:
        """Have a worker begin runs, and wait until it has; none of them is done then."""
        assert worker.stdin is not None
        worker.stdin.write(f"{batch} {runs}\n".encode())
        await until(lambda: self._count(BEGUN, f"{batch}.%") == runs)

    async def end(self) -> None:
        """Let all leave in order that are there."""
        for worker in self._workers:
            if worker.returncode is None:
                assert worker.stdin is not None
                worker.stdin.close()
        for worker in self._workers:
            assert await worker.wait() in (0, -signal.SIGKILL)

    def kill(self) -> None:
        for worker in self._workers:
            if worker.returncode is None:
                worker.kill()

    def _count(self, statement: str, *values: Any) -> int:
        with psycopg.connect(self.url) as connection:
            row = connection.execute(statement.encode(), values or None).fetchone()
        assert row is not None
        return row[0]

    async def done(self, batch: str) -> None:
        """Wait until all runs of a batch have ended, and note how long that took."""
        since = time.monotonic()

        def look() -> bool:
            with contextlib.suppress(psycopg.OperationalError):  # the server is started anew, or full
                return not self._count(LEFT, f"{batch}.%")
            return False

        await until(look)
        TIMES.info("%s: all ended after %.1f s", batch, time.monotonic() - since)

    def complete(self) -> int:
        return self._count(COMPLETE)


async def until(look: Callable[[], bool]) -> None:
    """Look until it is so: seldom, as the processes that are looked at need the machine."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not look():  # noqa: ASYNC110 - nothing tells what other processes do
            await asyncio.sleep(LOOK_SECONDS)


@pytest.fixture
def database() -> Iterator[OwnServer]:
    with own_server(
        *FAST, f"max_connections = {CONNECTIONS}", "superuser_reserved_connections = 3"
    ) as server:
        yield server


@pytest.mark.timeout(6 * PATIENCE_SECONDS)
async def test_whatever_happens_to_workers_and_their_database_every_act_happens_once(
    tmp_path: Path, database: OwnServer
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    url = database.get_uri()
    where = conninfo_to_dict(url)
    fleet = Fleet(home, url)
    async with Line(str(where["host"])).open() as line:
        try:
            first = await fleet.start()
            second = await fleet.start(make_conninfo("", **{**where, "host": line.folder}))

            await fleet.begin(first, "killed")
            first.kill()
            await fleet.done("killed")

            third = await fleet.start()
            await fleet.begin(third, "stopped")
            third.send_signal(signal.SIGSTOP)
            await fleet.done("stopped")
            third.send_signal(signal.SIGCONT)

            await fleet.begin(second, "dead")
            line.deaden()
            await fleet.done("dead")
            line.cut()

            await fleet.begin(second, "anew")
            database.restart()
            await fleet.done("anew")

            await fleet.begin(second, "full")
            with filled(url):
                line.cut()
                await asyncio.sleep(2 * LEASE_SECONDS)  # in which it gets no connection, and loses its runs
            await fleet.done("full")
            await fleet.end()
        finally:
            fleet.kill()
    assert fleet.complete() == 5 * BATCH
    batches = ("killed", "stopped", "dead", "anew", "full")
    cases = [f"{batch}.{number}" for batch in batches for number in range(BATCH)]
    entries = fleet.ledger.entries()
    booked = Counter(entry.act for entry in entries if entry.act.startswith("book"))
    assert booked == Counter(f"book {case}" for case in cases)
    paid = {(entry.act, entry.key) for entry in entries if entry.act.startswith("pay")}
    assert sorted(act for act, _ in paid) == sorted(f"pay {case}" for case in cases), "one key for each"
    with Audit(PostgresSnapshot(home, url)) as audit:
        report = verify(audit)
    assert report.findings == []
    assert report.runs == 5 * BATCH


@contextlib.contextmanager
def filled(url: str) -> Generator[None]:
    """Take every connection that the server has left, those of others as soon as they end."""
    held: list[psycopg.Connection[Any]] = []
    try:
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                held.append(psycopg.connect(url))
        yield
    finally:
        for connection in held:
            connection.close()
