"""A data folder that was put back as a whole agrees with itself: whoever has its checkpoints tells."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from threading import Event
from typing import Any

import boto3  # pyright: ignore[reportMissingTypeStubs] - it has none
import pytest
from moto import mock_aws
from tests.journal.support.sample import write_sample
from tests.journal.support.writing import begin

from ripieno.anchoring.elsewhere import ask, compare
from ripieno.anchoring.folder import FolderSink
from ripieno.anchoring.rounds import ForkError, Rounds
from ripieno.anchoring.settings import Anchoring
from ripieno.journal.sqlite import SqliteStore
from ripieno.workflows.embedded import open_host

ORIGIN = "example.com/log"


def more(home: Path) -> None:
    async def add() -> None:
        store = SqliteStore(home)
        await store.open()
        await begin(store, own=False)
        await store.close()

    asyncio.run(add())


def put_back(folder: Path, sink: str) -> tuple[Path, Anchoring]:
    """Sign 14 events and then 15, and put the whole folder back to the 14."""
    home, settings = folder / "home", Anchoring(3600, ORIGIN, (sink,))
    home.mkdir()
    asyncio.run(write_sample(home))
    Rounds(home, settings).turn(5)
    shutil.copytree(home, folder / "earlier")
    more(home)
    Rounds(home, settings).turn(5)
    assert compare(home, settings) == {}
    shutil.rmtree(home)
    shutil.copytree(folder / "earlier", home)
    return home, settings


def test_a_host_is_not_opened_over_a_log_that_its_sink_is_ahead_of(tmp_path: Path) -> None:
    home, settings = put_back(tmp_path, str(tmp_path / "out"))

    async def serve(anchoring: Anchoring) -> None:
        async with open_host(home, anchoring=anchoring):
            pass

    with pytest.raises(ForkError) as refused:
        asyncio.run(serve(settings))
    said = f"file:{tmp_path / 'out'} has a checkpoint of 15 events, the log has 14"
    assert said in str(refused.value)
    assert f"nothing is run in {home}" in str(refused.value)
    assert "ripieno restore puts a backup back" in str(refused.value)
    asyncio.run(serve(Anchoring(3600, ORIGIN)))


def test_rows_that_say_a_sink_has_no_more_are_not_believed(tmp_path: Path) -> None:
    import sqlite3  # noqa: PLC0415 - here alone
    from contextlib import closing  # noqa: PLC0415 - here alone

    home, settings = put_back(tmp_path, str(tmp_path / "out"))
    with closing(sqlite3.connect(home / "journal.sqlite", isolation_level=None)) as log:
        log.execute("UPDATE checkpoints SET size = 1000000")
    with pytest.raises(ForkError, match="has a checkpoint of 15 events, the log has 14"):
        compare(home, settings)


def test_a_log_that_was_begun_anew_beside_the_old_ones_checkpoints_is_not_served(tmp_path: Path) -> None:
    home, settings = put_back(tmp_path, str(tmp_path / "out"))
    shutil.rmtree(home)
    home.mkdir()
    asyncio.run(write_sample(home))
    with pytest.raises(ForkError, match="is none of this log"):
        compare(home, settings)


def test_object_storage_is_asked_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        made: Any = boto3
        made.client("s3").create_bucket(Bucket="proofs")
        home, settings = put_back(tmp_path, "s3://proofs/log")
        with pytest.raises(ForkError, match="s3://proofs/log has a checkpoint of 15 events, the log has 14"):
            compare(home, settings)


def test_a_sink_that_cannot_be_asked_is_told_and_keeps_nobody_from_working(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, settings = put_back(tmp_path, str(tmp_path / "out"))
    shutil.rmtree(tmp_path / "out")
    name = f"file:{tmp_path / 'out'}"
    assert compare(home, settings) == {name: "it shows no checkpoint"}
    (tmp_path / "out").write_text("in the way")
    assert "Not a directory" in compare(home, settings)[name]

    async def serve() -> None:
        async with open_host(home, anchoring=settings):
            pass

    asyncio.run(serve())
    assert "the log was not compared" in capsys.readouterr().out
    assert compare(home, Anchoring(3600, ORIGIN, (str(tmp_path / "never"),))) == {}


class Slow(FolderSink):
    """A place that answers when it is let."""

    def __init__(self, place: str, let: Event) -> None:
        super().__init__(place)
        self._let = let

    def newest(self, known: int) -> str | None:
        self._let.wait()
        return super().newest(known)


def test_a_sink_that_does_not_answer_is_waited_for_no_longer_than_that(tmp_path: Path) -> None:
    let = Event()
    sink = Slow(str(tmp_path / "out"), let)
    assert ask([sink], seconds=0.01).problems == {sink.name: "it does not answer within 0.01 seconds"}
    let.set()
