"""A message that was not written by a process that holds its run's key is not taken in, and is named."""

from __future__ import annotations

import dataclasses
import re
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.journal.support.sample import verified
from tests.journal.support.writing import AT, answer, ask, committed, keep, owned

from ripieno.journal.records import Lease, MessageKind
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.migrations import STEPS
from ripieno.journal.tasks import Holding
from ripieno.journal.vouched import SAID, ForgedError
from ripieno.model.errors import StoreError
from ripieno.model.ids import new_id, short
from ripieno.model.principal import By

ROW = (
    "INSERT INTO inbox (id, run, kind, by, at, question, path, content, mac)"
    " VALUES ('forged', ?, ?, 'person:cfo', 0, ?, 'ask@1', ?, ?)"
)
SAYS = "was not written by a process that holds"


@asynccontextmanager
async def opened(home: Path) -> AsyncGenerator[SqliteStore]:
    store = SqliteStore(home)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def write(home: Path, statement: str, *values: Any) -> None:
    """Write to the file as anybody can who has no key."""
    with closing(sqlite3.connect(home / "journal.sqlite")) as disk, disk:
        disk.execute(statement, values)


def rows(home: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(home / "journal.sqlite")) as disk:
        return disk.execute(statement).fetchall()


def findings(home: Path) -> str:
    return "\n".join(str(finding) for finding in verified(home).findings)


@pytest.mark.parametrize("kind", get_args(MessageKind))
async def test_a_row_that_was_added_is_taken_in_as_no_kind_of_message(tmp_path: Path, kind: str) -> None:
    async with opened(tmp_path) as store:
        lease = await owned(store)
        question = await ask(store, lease)
        await store.send(answer(lease.run, kind="signal", id="true"))
        [(mac,)] = rows(tmp_path, "SELECT mac FROM inbox")
        for found in (None, b"", mac):
            write(tmp_path, "DELETE FROM inbox WHERE id = 'forged'")
            about = None if kind in ("cancel", "signal") else question
            write(tmp_path, ROW, lease.run, kind, about, "00" * 32, found)
            with pytest.raises(ForgedError) as said:
                await store.fold(lease)
            assert said.value.message.startswith(
                f"message forged in the inbox of run {short(lease.run)} ({kind}, "
            )
        assert "forged" in findings(tmp_path)
        assert [event.kind for event in await committed(store, lease.run)] == ["run.started", "asked"]
        write(tmp_path, "DELETE FROM inbox WHERE id = 'forged'")
        (message,), _ = await store.fold(lease)
    assert message.id == "true"


OTHERS = {
    "id": "another",
    "run": None,
    "kind": "cancel",
    "by": "person:eve",
    "at": AT + 1,
    "question": None,
    "path": "ask@2",
    "content": "11" * 32,
    "target": "person:eve",
    "leave": None,
}


def test_every_column_that_a_message_says_is_tried() -> None:
    assert tuple(OTHERS) == SAID


@pytest.mark.parametrize("column", [*SAID, "mac"])
async def test_a_message_that_was_changed_in_any_column_is_not_taken_in(tmp_path: Path, column: str) -> None:
    async with opened(tmp_path) as store:
        lease, other = await owned(store), await owned(store)
        question = await ask(store, lease)
        content = keep(lease, {"proceed": True})
        said = answer(lease.run, question, content=content[0].hex(), id="answer")
        said = dataclasses.replace(said, by=By.of("person:ada", {"policies": ["p"]}), target="person:bob")
        await store.send(said, [content], closes="answered")
        assert "the inbox" not in findings(tmp_path)
        value = b"x" * 32 if column == "mac" else OTHERS[column] or (other.run if column == "run" else None)
        write(tmp_path, f"UPDATE inbox SET {column} = ?", value)  # noqa: S608 - one of ours
        whose = other if column == "run" else lease
        with pytest.raises(ForgedError, match=SAYS):
            await store.fold(whose)
    assert f"run {short(whose.run)}: message {'another' if column == 'id' else 'answer'} (" in findings(
        tmp_path
    )


async def test_a_message_that_was_taken_in_cannot_be_put_back(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        lease = await owned(store)
        await store.send(answer(lease.run, kind="signal", id="once"))
        assert len((await store.fold(lease))[0]) == 1
        write(tmp_path, "UPDATE inbox SET folded = NULL")
        with pytest.raises(ForgedError, match="message once"):
            await store.fold(lease)
    assert "message once (signal, said to be by person:ada) in its inbox was not" in findings(tmp_path)


async def test_a_code_beside_a_message_that_was_taken_in_is_found(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        lease = await owned(store)
        await store.send(answer(lease.run, kind="signal", id="once"))
        await store.fold(lease)
    assert verified(tmp_path).sound
    write(tmp_path, "UPDATE inbox SET mac = x'00'")
    assert findings(tmp_path) == (
        f"run {short(lease.run)}: message once was taken in, and has the code of one that was not"
    )


async def test_what_every_sender_writes_is_taken_in(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        lease = await owned(store)
        asked = await ask(store, lease)
        await ask(store, lease, "ask@2", due_at=AT)
        claim = answer(lease.run, asked, kind="claim")
        await store.move(claim, change=(0, Holding("clinician", None, claimed_by="person:ada")))
        await store.fire_timers(AT + 1)
        await store.send(answer(lease.run, asked), closes="answered")
        await store.send(answer(lease.run))
        folded, _ = await store.fold(lease)
    assert [message.kind for message in folded] == ["claim", "timer", "answer", "cancel"]
    assert rows(tmp_path, "SELECT DISTINCT mac FROM inbox") == [(None,)]


async def test_a_comment_is_kept_where_a_forged_message_waits_and_neither_is_taken_in(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        lease = await owned(store)
        question = await ask(store, lease)
        assert await store.park(lease, 0)
        write(tmp_path, ROW, lease.run, "cancel", None, None, None)
        await store.move(answer(lease.run, question, kind="comment"))
        assert len(await committed(store, lease.run)) == 2
        assert rows(tmp_path, "SELECT count(*) FROM inbox WHERE folded IS NULL") == [(2,)]
        taken = await store.acquire(lease.run)
        assert taken is not None
        with pytest.raises(ForgedError, match="message forged"):
            await store.fold(taken.lease)


async def test_a_timer_of_a_run_whose_key_is_damaged_keeps_no_other_from_firing(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        damaged, sound = await owned(store), await owned(store)
        for lease in (damaged, sound):
            await ask(store, lease, due_at=AT)
        write(tmp_path, f"UPDATE runs SET wrapped = x'00' WHERE id = '{damaged.run}'")  # noqa: S608 - ours
        assert await store.fire_timers(AT + 1) is None
        (message,), _ = await store.fold(sound)
        with pytest.raises(ForgedError, match=f"timer:{damaged.run}"):
            await store.fold(damaged)
    assert message.kind == "timer"


# -- a data folder of an earlier format -------------------------------------------------------------


async def left_waiting(home: Path) -> tuple[Lease, Lease]:
    """Leave a message in each of two inboxes, in a file as format 4 has it."""
    async with opened(home) as store:
        first, second = await owned(store), await owned(store)
        for lease in (first, second):
            await store.send(answer(lease.run, id=new_id()))
    later = [*STEPS[4], *STEPS[5], *STEPS[6], *STEPS[7]]
    tables = [made[1] for statement in later if (made := re.search(r"CREATE TABLE (\w+)", statement))]
    gone = ("DROP INDEX events_changes", "ALTER TABLE inbox DROP COLUMN mac")
    gone += tuple(f"DROP TABLE {table}" for table in tables)
    for statement in (*gone, "PRAGMA user_version = 4"):
        write(home, statement)
    assert verified(home).sound  # as far as that format goes
    return first, second


async def test_what_waits_in_a_file_of_an_earlier_format_is_taken_as_before(tmp_path: Path) -> None:
    first, _ = await left_waiting(tmp_path)
    async with opened(tmp_path) as store:
        assert verified(tmp_path).sound
        write(tmp_path, ROW, first.run, "cancel", None, None, None)
    async with opened(tmp_path) as store:  # what comes after is given no code by another opening
        taken = await store.acquire(first.run)
        assert taken is not None
        with pytest.raises(ForgedError, match="message forged"):
            await store.fold(taken.lease)
        write(tmp_path, "DELETE FROM inbox WHERE id = 'forged'")
        (message,), _ = await store.fold(taken.lease)
    assert message.kind == "cancel"


async def test_of_a_run_whose_key_is_damaged_no_message_is_given_a_code(tmp_path: Path) -> None:
    first, _ = await left_waiting(tmp_path)
    write(tmp_path, f"UPDATE runs SET wrapped = x'00' WHERE id = '{first.run}'")  # noqa: S608 - ours
    async with opened(tmp_path):
        pass
    assert rows(tmp_path, "SELECT mac IS NULL FROM inbox ORDER BY position") == [(1,), (0,)]


async def test_under_another_master_key_an_earlier_file_stays_as_it_was(tmp_path: Path) -> None:
    await left_waiting(tmp_path)
    (tmp_path / "another").mkdir()
    async with opened(tmp_path / "another"):
        pass
    (tmp_path / "another" / "master.key").replace(tmp_path / "master.key")
    with pytest.raises(StoreError, match="cannot be unwrapped"):
        await SqliteStore(tmp_path).open()
    assert rows(tmp_path, "PRAGMA user_version") == [(4,)]
