"""Checkpoints are signed after commits, published outside, and never contradict what was signed before."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from tests.journal.support.sample import write_sample
from tests.journal.support.writing import begin, until

from kernel.support.crash import Calls, calls_of
from ripieno.anchoring.rounds import ForkError, Rounds
from ripieno.anchoring.serving import anchored
from ripieno.anchoring.settings import Anchoring
from ripieno.journal.sequencer import Sequencer
from ripieno.journal.signing import LATEST, PUBLIC_KEY
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import Report, verify
from ripieno.model.errors import SettingsError
from ripieno.model.stop import EVERYTHING
from ripieno.proof.checkpoints import Checkpoint
from ripieno.proof.notes import Verifier

ORIGIN = "example.com/log"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("written")
    asyncio.run(write_sample(home))
    return home


@pytest.fixture
def home(written: Path, tmp_path: Path) -> Path:
    shutil.copytree(written, tmp_path / "home")
    return tmp_path / "home"


def settings(*sinks: Path | str) -> Anchoring:
    return Anchoring(0.02, ORIGIN, tuple(str(sink) for sink in sinks))


def more(home: Path, runs: int = 1) -> None:
    """Commit one event per run."""

    async def add() -> None:
        store = SqliteStore(home)
        await store.open()
        for _ in range(runs):
            await begin(store, own=False)
        await store.close()

    asyncio.run(add())


def opened(home: Path, note: str) -> Checkpoint:
    return Checkpoint.opened(note, Verifier.read((home / PUBLIC_KEY).read_text("utf-8")))


def checked(home: Path, *checkpoints: str) -> Report:
    with SqliteAudit(home) as audit:
        return verify(audit, checkpoints=checkpoints)


# -- signed and published -----------------------------------------------------------------------------


def test_what_is_committed_is_signed_and_published_to_a_folder(home: Path, tmp_path: Path) -> None:
    rounds = Rounds(home, settings(tmp_path / "out"))
    done = rounds.turn()
    assert done is not None
    assert (done.sequenced, done.signed, done.failures) == (14, True, {})
    assert done.published == [f"file:{tmp_path / 'out'}"]
    (file,) = (tmp_path / "out").iterdir()
    note = file.read_text("utf-8")
    assert file.name == "0000000000000014.checkpoint"
    assert opened(home, note).size == 14
    assert note == (home / LATEST).read_text("utf-8")
    report = checked(home, note)
    assert report.sound
    assert "anchored up to checkpoint 1, which was handed in" in report.anchored


def test_with_nothing_new_there_is_nothing_to_do(home: Path, tmp_path: Path) -> None:
    rounds = Rounds(home, settings(tmp_path / "out"))
    assert rounds.turn() is not None
    assert rounds.turn() is None
    asked = rounds.turn(patience=1)
    assert asked is not None
    assert (asked.signed, asked.checkpoint and asked.checkpoint.number) == (False, 1)
    more(home)
    done = rounds.turn()
    assert done is not None
    assert (done.sequenced, done.checkpoint and done.checkpoint.number) == (1, 2)
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "0000000000000014.checkpoint",
        "0000000000000015.checkpoint",
    ]


def test_a_log_that_is_empty_is_not_signed(tmp_path: Path) -> None:
    asyncio.run(empty(tmp_path))
    done = Rounds(tmp_path, settings(tmp_path / "out")).turn()
    assert done is not None
    assert done.checkpoint is None
    assert not (tmp_path / "out").exists()


async def empty(home: Path) -> None:
    store = SqliteStore(home)
    await store.open()
    await store.close()


def test_while_somebody_else_is_at_it_a_round_is_theirs(home: Path, tmp_path: Path) -> None:
    rounds = Rounds(home, settings(tmp_path / "out"))
    with Sequencer(home) as other:
        assert other.elect()
        assert rounds.turn() is None
        assert rounds.turn(patience=0.01) is None
    assert rounds.turn(patience=0.01) is not None


def test_two_that_are_at_it_at_once_sign_no_two_trees(home: Path, tmp_path: Path) -> None:
    def work() -> None:
        rounds = Rounds(home, settings(tmp_path / "out"))
        for _ in range(10):
            rounds.turn()

    threads = [Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        more(home, 2)
    for thread in threads:
        thread.join()
    Rounds(home, settings(tmp_path / "out")).turn()
    notes = [file.read_text("utf-8") for file in sorted((tmp_path / "out").iterdir())]
    report = checked(home, *notes)
    assert report.findings == []
    assert report.uncovered == 0
    assert opened(home, notes[-1]).size == 24


# -- a sink that is down ------------------------------------------------------------------------------


def test_a_sink_that_cannot_take_it_is_told_tried_again_and_keeps_nobody(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    rounds = Rounds(home, settings(out, tmp_path / "other"))
    assert rounds.turn() is not None
    shutil.move(out, tmp_path / "aside")
    out.write_text("in the way")
    more(home)
    done = rounds.turn()
    assert done is not None
    assert (done.signed, list(done.failures)) == (True, [f"file:{out}"])
    assert [(one.sink, one.failed_at is not None) for one in done.changes] == [(f"file:{out}", True)]
    again = rounds.turn()
    assert again is not None
    assert (again.signed, list(again.failures), again.changes) == (False, [f"file:{out}"], [])
    out.unlink()
    healed = rounds.turn()
    assert healed is not None
    assert (healed.failures, [(one.sink, one.failed_at) for one in healed.changes]) == (
        {},
        [(f"file:{out}", None)],
    )
    assert rounds.turn() is None
    assert len(list((tmp_path / "other").iterdir())) == 2


def test_nothing_is_signed_while_what_was_published_cannot_be_read(home: Path, tmp_path: Path) -> None:
    assert Rounds(home, settings(tmp_path / "out")).turn() is not None
    shutil.move(tmp_path / "out", tmp_path / "aside")
    (tmp_path / "out").write_text("in the way")
    more(home)
    rounds = Rounds(home, settings(tmp_path / "out"))
    done = rounds.turn()
    assert done is not None
    assert (done.sequenced, done.signed, list(done.failures)) == (1, False, [f"file:{tmp_path / 'out'}"])
    (tmp_path / "out").unlink()
    shutil.move(tmp_path / "aside", tmp_path / "out")
    done = rounds.turn()
    assert done is not None
    assert done.signed


# -- never a fork -------------------------------------------------------------------------------------


def rolled_back(home: Path, tmp_path: Path, *, latest: bool) -> None:
    """Sign, go on, sign again, and put the store back to where it was."""
    rounds = Rounds(home, settings(tmp_path / "out"))
    rounds.turn()
    shutil.copytree(home, tmp_path / "backup")
    more(home)
    rounds.turn()
    shutil.rmtree(home) if latest else (home / "journal.sqlite").unlink()
    shutil.copytree(tmp_path / "backup", home, dirs_exist_ok=True, ignore=None if latest else but_the_store)
    if not latest:
        shutil.copy(tmp_path / "backup" / "journal.sqlite", home)


def but_the_store(_: str, names: list[str]) -> list[str]:
    return [name for name in names if name == LATEST or name.startswith("journal")]


@pytest.mark.parametrize("whole_folder", [True, False])
@pytest.mark.parametrize("goes_on", [0, 1, 5])
def test_of_a_store_that_was_put_back_nothing_more_is_signed(
    home: Path, tmp_path: Path, goes_on: int, *, whole_folder: bool
) -> None:
    rolled_back(home, tmp_path, latest=whole_folder)
    if goes_on:
        more(home, goes_on)
    place = f"file:{tmp_path / 'out'}" if whole_folder else LATEST
    sinks = settings(tmp_path / "out") if whole_folder else settings()
    said = "it was put back to an earlier state" if goes_on == 0 else "are not those that were signed"
    with pytest.raises(ForkError, match=said) as refused:
        Rounds(home, sinks).turn(patience=1)
    assert place in str(refused.value)
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_another_log_s_folder_is_refused(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home, tmp_path / "second")
    assert Rounds(home, settings(tmp_path / "out")).turn() is not None
    with pytest.raises(ForkError, match="is none of this log: not signed by example"):
        Rounds(tmp_path / "second", settings(tmp_path / "out")).turn()


def test_a_changed_file_of_the_same_size_is_refused(home: Path, tmp_path: Path) -> None:
    rounds = Rounds(home, settings(tmp_path / "out"))
    assert rounds.turn() is not None
    (file,) = (tmp_path / "out").iterdir()
    shutil.copy(file, tmp_path / "out" / "0000000000000015.checkpoint")
    more(home)
    with pytest.raises(ForkError, match="is there and says otherwise"):
        rounds.turn()


def test_leaves_that_were_changed_are_not_signed(home: Path) -> None:
    assert Rounds(home, settings()).turn() is not None
    with closing(sqlite3.connect(home / "journal.sqlite", isolation_level=None)) as connection:
        connection.execute("UPDATE leaves SET hash = zeroblob(32) WHERE leaf = 3")
    more(home)
    with pytest.raises(ForkError, match="the first 14 events are not those that were signed, as the store"):
        Rounds(home, settings()).turn()


# -- over HTTP ----------------------------------------------------------------------------------------


class Taker(BaseHTTPRequestHandler):
    """Keeps what is posted; shows the newest, if it is to."""

    kept: list[str]
    answers: int
    shows: bool

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        if self.answers == 200:
            self.kept.append(body)
        self.send_response(self.answers)
        self.end_headers()

    def do_GET(self) -> None:
        body = self.kept[-1].encode() if self.kept else b""
        self.send_response(200 if self.shows else 405)
        self.end_headers()
        if self.shows:
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's own name
        """Say nothing."""


@pytest.fixture
def taker() -> Any:
    handler = type("One", (Taker,), {"kept": [], "answers": 200, "shows": True})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        handler.address = f"http://user:pass@127.0.0.1:{server.server_port}/log?token=t"  # pyright: ignore[reportAttributeAccessIssue] - made here
        yield handler
        server.shutdown()
        thread.join()


def test_checkpoints_are_posted_and_the_newest_is_asked_for(home: Path, taker: Any) -> None:
    done = Rounds(home, settings(taker.address)).turn()
    assert done is not None
    assert "pass" not in str(done.published) + str(done.checkpoint)
    assert [opened(home, note).size for note in taker.kept] == [14]
    more(home)
    assert Rounds(home, settings(taker.address)).turn() is not None
    assert len(taker.kept) == 2


@pytest.mark.parametrize("answers", [500, 403, 301])
def test_an_address_that_refuses_is_told(home: Path, taker: Any, answers: int) -> None:
    taker.answers = answers
    done = Rounds(home, settings(taker.address)).turn()
    assert done is not None
    ((name, problem),) = done.failures.items()
    assert problem == f"{name}: answers {answers}"


def test_an_address_that_only_takes_will_do(home: Path, taker: Any) -> None:
    taker.shows = False
    assert Rounds(home, settings(taker.address)).turn() is not None
    assert len(taker.kept) == 1


def test_an_address_that_has_another_of_this_size_stops_signing(home: Path, taker: Any) -> None:
    taker.answers = 409
    with pytest.raises(ForkError, match="has another checkpoint of 14 events"):
        Rounds(home, settings(taker.address)).turn()


def test_an_address_with_a_longer_log_stops_signing(home: Path, taker: Any) -> None:
    address = taker.address
    shutil.copytree(home, home.with_name("before"))
    Rounds(home, settings(address)).turn()
    shutil.copy(home / "checkpoint.key", home.with_name("before"))
    more(home)
    Rounds(home, settings(address)).turn()
    with pytest.raises(ForkError, match="has a checkpoint of 15 events, the log has 14"):
        Rounds(home.with_name("before"), settings(address)).turn()


def test_nobody_there_is_told(home: Path) -> None:
    done = Rounds(home, settings("http://127.0.0.1:9/")).turn()
    assert done is not None
    assert not done.signed
    assert "ConnectError" in done.failures["http://127.0.0.1:9/"]


# -- beside the work ----------------------------------------------------------------------------------


async def test_while_something_serves_commits_are_covered_soon(home: Path, tmp_path: Path) -> None:
    store = SqliteStore(home)
    await store.open()
    out = tmp_path / "out"

    async def covered(size: int) -> bool | None:
        return (out / f"{size:016d}.checkpoint").exists() or None

    async with anchored(store, settings(out)):
        await until(lambda: covered(14))
        await begin(store, own=False)
        await until(lambda: covered(15))
    await store.close()


async def test_what_was_committed_last_is_signed_at_the_end(home: Path, tmp_path: Path) -> None:
    store = SqliteStore(home)
    await store.open()
    async with anchored(store, Anchoring(3600, ORIGIN, (str(tmp_path / "out"),))):
        await begin(store, own=False)
    await store.close()
    assert (tmp_path / "out" / f"{15:016d}.checkpoint").exists()


async def test_a_sink_that_fails_and_is_back_stands_in_the_log_once_each(home: Path, tmp_path: Path) -> None:
    store = SqliteStore(home)
    await store.open()
    out = tmp_path / "out"
    out.write_text("in the way")

    async def kinds(*wanted: str) -> bool | None:
        try:
            stream = await store.tenant_stream(EVERYTHING)
        except LookupError:
            return None
        found = [event.kind for event in await store.events(stream)]
        return found == ["tenant.created", *wanted] or None

    async with anchored(store, settings(out)):
        await until(lambda: quietly(kinds("sink.failed")))
        out.unlink()
        await until(lambda: quietly(kinds("sink.failed", "sink.restored")))
        await begin(store, own=False)
    await store.close()
    assert checked(home).sound
    assert checked(home).uncovered == 0


async def quietly(asked: Any) -> bool | None:
    from ripieno.model.errors import NotFoundError  # noqa: PLC0415 - here alone

    try:
        return await asked
    except NotFoundError:
        return None


async def test_a_fork_stands_in_the_log_once_and_work_goes_on(home: Path, tmp_path: Path) -> None:
    await asyncio.to_thread(rolled_back, home, tmp_path, latest=True)
    store = SqliteStore(home)
    await store.open()

    async def told() -> bool | None:
        stream = await store.tenant_stream(EVERYTHING)
        return len(await store.events(stream)) == 2 or None

    async with anchored(store, settings(tmp_path / "out")):
        await until(lambda: quietly(told()))
        await begin(store, own=False)
    stream = await store.tenant_stream(EVERYTHING)
    kinds = [event.kind for event in await store.events(stream)]
    assert kinds == ["tenant.created", "checkpoint.refused"]
    await store.close()


# -- settings -----------------------------------------------------------------------------------------


def test_settings_come_from_the_environment() -> None:
    found = Anchoring.read(
        {
            "RIPIENO_CHECKPOINT_EVERY": "2.5",
            "RIPIENO_CHECKPOINT_ORIGIN": ORIGIN,
            "RIPIENO_CHECKPOINT_SINKS": "/a, s3://b/c,",
        }
    )
    assert found == Anchoring(2.5, ORIGIN, ("/a", "s3://b/c"))
    assert Anchoring.read({}) == Anchoring(10.0, None, ())


@pytest.mark.parametrize("every", ["x", "0", "-1", "inf", "nan"])
def test_an_interval_that_is_none_is_refused(every: str) -> None:
    with pytest.raises(SettingsError, match="expected a number of seconds"):
        Anchoring.read({"RIPIENO_CHECKPOINT_EVERY": every})


@pytest.mark.parametrize(
    "place",
    ["ftp://a/b", "relative/folder", "s3://", "s3://b/c?lock=never", "s3://b/c?region=x", "file:"],
)
def test_a_sink_that_there_cannot_be_is_refused(tmp_path: Path, place: str) -> None:
    with pytest.raises(SettingsError, match="checkpoint_sinks"):
        Rounds(tmp_path, settings(place))


# -- killed ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rounds() -> Iterator[Calls]:
    with calls_of("anchoring.support.round_child:turned") as calls:
        yield calls


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["advance", "keep", "keep_latest", "publish", "published"])
def test_wherever_a_round_is_killed_the_next_one_ends_what_it_began(
    home: Path, tmp_path: Path, rounds: Calls, step: str, when: str
) -> None:
    out = tmp_path / "out"
    for events in (14, 15):
        assert rounds.call(str(home), str(out), step, when) == signal.SIGKILL
        Rounds(home, settings(out)).turn()
        notes = [file.read_text("utf-8") for file in sorted(out.iterdir()) if file.suffix == ".checkpoint"]
        report = checked(home, *notes)
        assert report.findings == []
        assert (report.anchor and report.anchor.size, report.uncovered) == (events, 0)
        assert opened(home, notes[-1]).size == events
        assert Rounds(home, settings()).turn() is None
        more(home)
