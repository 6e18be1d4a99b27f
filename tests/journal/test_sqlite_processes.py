"""Several processes over one data folder: takeover from the dead, never from the merely stopped."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
from tests.journal.support.writing import begin, owned, step, write

from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.doorbell import Doorbell
from ripieno.journal.sqlite.owners import FileOwners, locked
from ripieno.journal.store import Replayable

PATIENCE_SECONDS = 120.0


class Child:
    """A process that obeys."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def hear(self) -> str:
        assert self.process.stdout is not None, "it is a pipe"
        async with asyncio.timeout(PATIENCE_SECONDS):
            return (await self.process.stdout.readline()).decode().strip()

    def tell(self, order: str) -> None:
        assert self.process.stdin is not None, "it is a pipe"
        self.process.stdin.write(f"{order}\n".encode())

    async def do(self, order: str) -> str:
        self.tell(order)
        return await self.hear()

    async def die(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def child_of(folder: Path) -> AsyncGenerator[Child]:
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "tests.journal.support.child", str(folder))
    child = Child(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe))
    try:
        assert await child.hear() == "open"
        yield child
    finally:
        await child.die()


@asynccontextmanager
async def open_store(folder: Path) -> AsyncGenerator[SqliteStore]:
    store = SqliteStore(folder)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[SqliteStore]:
    async with open_store(tmp_path) as store:
        yield store


async def test_the_run_of_a_killed_process_can_be_taken_over_at_once(store: SqliteStore) -> None:
    async with child_of(store.home) as child:
        run = await child.do("own")
        assert await store.acquire(run) is None
        await child.die()
        taken = await store.acquire(run)
    assert isinstance(taken, Replayable)
    assert taken.lease.epoch == 2
    assert await write(store, step(taken.lease)) == ["written"]


async def test_a_stopped_process_keeps_what_it_owns(store: SqliteStore) -> None:
    async with child_of(store.home) as child:
        run = await child.do("own")
        child.process.send_signal(signal.SIGSTOP)
        await asyncio.to_thread(os.waitid, os.P_PID, child.process.pid, os.WSTOPPED | os.WNOWAIT)
        assert await store.acquire(run) is None
        child.process.send_signal(signal.SIGCONT)
        await child.do("own")
        assert await store.acquire(run) is None


async def test_a_commit_in_another_process_rings_here(store: SqliteStore) -> None:
    lease = await owned(store)
    rung = asyncio.Event()
    store.on_change(rung.set)
    async with child_of(store.home) as child:
        rung.clear()
        assert await child.do(f"cancel {lease.run}") == "sent"
        async with asyncio.timeout(PATIENCE_SECONDS):
            await rung.wait()
    folded, _ = await store.fold(lease)
    assert len(folded) == 1


async def test_a_commit_is_noticed_also_by_who_cannot_be_rung(store: SqliteStore) -> None:
    lease = await owned(store)
    rung = asyncio.Event()
    store.on_change(rung.set)
    for pipe in (store.home / "doorbells").iterdir():
        pipe.unlink()
    async with child_of(store.home) as child:
        rung.clear()
        await child.do(f"cancel {lease.run}")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await rung.wait()


async def test_the_pipe_of_the_dead_is_removed_and_that_of_the_living_is_not(store: SqliteStore) -> None:
    folder = store.home / "doorbells"
    dead, living = folder / "dead", FileOwners(store.home / "owners")
    os.mkfifo(dead)
    os.mkfifo(folder / living.token)  # made, but nobody reads it yet
    await begin(store)
    assert not dead.exists()
    assert (folder / living.token).exists()
    living.close()


@contextmanager
def neighbour(folder: Path) -> Generator[tuple[FileOwners, int]]:
    """Give a process that lives and has a pipe, which the test reads."""
    owners = FileOwners(folder / "owners")
    pipe = folder / "doorbells" / owners.token
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    yield owners, reader
    os.close(reader)
    owners.close()


async def test_a_full_pipe_stops_nobody(store: SqliteStore) -> None:
    with neighbour(store.home) as (_, pipe):
        with suppress(BlockingIOError):
            while True:
                os.write(pipe, bytes(4096))
        await begin(store)


async def test_only_what_changes_something_rings(store: SqliteStore) -> None:
    lease = await owned(store)
    with neighbour(store.home) as (owners, pipe):
        async with open_store(store.home) as other:
            assert await other.acquire(lease.run) is None
            assert await other.fire_timers(1) is None
        with pytest.raises(BlockingIOError):
            os.read(pipe, 1)
        assert owners.alive(owners.token)
        await begin(store)
        assert os.read(pipe, 1) == b"!"


async def test_everyone_who_listens_is_rung_until_the_store_closes(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    await store.open()
    first, second = asyncio.Event(), asyncio.Event()
    store.on_change(first.set)
    store.on_change(second.set)
    await begin(store)
    await asyncio.gather(first.wait(), second.wait())
    assert len(list((tmp_path / "doorbells").iterdir())) == 1
    await store.close()
    assert list((tmp_path / "doorbells").iterdir()) == []
    assert list((tmp_path / "owners").iterdir()) == []


async def test_looking_goes_on_when_one_look_fails(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        owners = FileOwners(tmp_path / "owners")
        reader = sqlite3.connect(store.path)
        doorbell = Doorbell(tmp_path / "doorbells", owners, reader)
        rung = asyncio.Event()
        doorbell.listen(rung.set)
        (tmp_path / "doorbells" / owners.token).unlink()
        refused = asyncio.Event()

        def refuse(*_: object) -> int:
            refused.set()
            return sqlite3.SQLITE_DENY

        reader.set_authorizer(refuse)
        await begin(store)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await refused.wait()
        assert not rung.is_set()
        reader.set_authorizer(None)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await rung.wait()
        doorbell.close()
        reader.close()
        owners.close()


# -- owners -------------------------------------------------------------------------------------------


def test_an_owner_is_alive_until_it_closes(tmp_path: Path) -> None:
    first = FileOwners(tmp_path)
    second = FileOwners(tmp_path)
    assert first.alive(first.token)
    assert first.alive(second.token)
    second.close()
    assert not first.alive(second.token)
    second.close()
    first.close()


def test_files_of_the_dead_are_swept_away_when_someone_comes(tmp_path: Path) -> None:
    (tmp_path / "dead").touch()
    first = FileOwners(tmp_path)
    second = FileOwners(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {first.token, second.token}
    first.close()
    second.close()


def test_a_lock_file_swept_away_before_it_was_locked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, swept = fcntl.flock, list[str]()

    def sweep_first(descriptor: int, operation: int) -> None:
        if not swept:
            (file,) = tmp_path.iterdir()
            swept.append(file.name)
            file.unlink()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", sweep_first)
    owners = FileOwners(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [owners.token] != swept
    owners.close()


def test_a_lock_file_that_is_another_by_now_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, flock = tmp_path / "token", fcntl.flock

    def replace_first(descriptor: int, operation: int) -> None:
        path.rename(tmp_path / "moved")
        path.touch()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", replace_first)
    assert locked(path) is None


async def test_who_asks_at_the_same_time_is_not_taken_for_the_owner(tmp_path: Path) -> None:
    owners = FileOwners(tmp_path)
    (tmp_path / "dead").touch()
    descriptor = os.open(tmp_path / "dead", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_SH)  # as another asks
    assert not owners.alive("dead")
    os.close(descriptor)
    owners.close()
