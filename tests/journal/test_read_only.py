"""A store that can only be read gives what is there, refuses to write, and leaves nothing behind."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.journal.support.sample import Sample, write_sample
from tests.journal.support.writing import answer, beginning

from ripieno.journal.records import RunFilter
from ripieno.journal.sqlite import ReadOnlyStore, only_readable
from ripieno.model.errors import StoreError


@pytest.fixture
async def sample(tmp_path: Path) -> Sample:
    (tmp_path / "home").mkdir()
    return await write_sample(tmp_path / "home")


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


async def test_runs_events_values_and_questions_are_read(sample: Sample) -> None:
    before = names(sample.home)
    store = ReadOnlyStore(sample.home)
    await store.open()
    store.on_change(lambda: None)
    rows = await store.runs(RunFilter())
    assert {row.id for row in rows} == {sample.ended, sample.waiting}
    events = await store.events(sample.ended)
    assert len(events) == 9
    assert store.payload(sample.ended, events[-1].body["outcome"]["output"]) == b'"the end"'
    [question] = await store.questions(run=sample.waiting)
    assert question.number == 2
    await store.close()
    assert [name for name in names(sample.home) if not name.endswith(("-shm", "-wal"))] == before


async def test_whatever_would_write_is_refused(sample: Sample) -> None:
    store = ReadOnlyStore(sample.home)
    await store.open()
    try:
        for refused in (
            lambda: store.send(answer(sample.waiting)),
            lambda: beginning(store),
            lambda: store.acquire(sample.waiting),
        ):
            with pytest.raises(StoreError, match="can only be read here"):
                await refused()
        with pytest.raises(AttributeError):
            store.nothing_like_it  # noqa: B018 - what there is not
    finally:
        await store.close()


async def test_a_file_of_another_format_is_named_as_it_cannot_be_brought_up(sample: Sample) -> None:
    with closing(sqlite3.connect(sample.home / "journal.sqlite")) as connection:
        connection.execute("PRAGMA user_version = 1")
    with pytest.raises(StoreError, match="has format 1, this version") as refused:
        await ReadOnlyStore(sample.home).open()
    assert "a copy that can be written" in str(refused.value)


async def test_a_file_that_is_gone_is_named(sample: Sample) -> None:
    store = ReadOnlyStore(sample.home)
    (sample.home / "journal.sqlite").unlink()
    with pytest.raises(StoreError, match="unable to open"):
        await store.open()
    assert not only_readable(sample.home), "there is nothing to read"
