"""Rows of questions, messages and claims that say otherwise than their events are found."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from pathlib import Path

import pytest
from tests.journal.support.sample import Sample, verified, write_sample
from tests.journal.support.writing import AT, answer, ask, owned

from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.tasks import Holding
from ripieno.model.ids import new_id, short

INTENT, ASKED, ANSWERED = 3, 6, 7
CLAIM = "INSERT INTO claims (run, path, attempt, epoch) VALUES (?, 'book@2/tool/1', 1, 1)"
ROW = "INSERT INTO questions (id, run, path, kind, asked_at, state) VALUES (?, ?, 'p', 'task', 0, 'open')"
LETTER = "INSERT INTO inbox (id, run, kind, by, at, path, folded) VALUES (?, ?, 'cancel', 'x', 0, '', ?)"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return asyncio.run(write_sample(tmp_path_factory.mktemp("sample")))


def findings(home: Path) -> list[str]:
    return [str(finding) for finding in verified(home).findings]


CHANGES: dict[str, tuple[object, int, str]] = {
    "questions.path": ("elsewhere", ASKED, "the row of its question says path 'elsewhere'"),
    "questions.kind": ("uncertain", ASKED, "the row of its question says kind 'uncertain'"),
    "questions.role": ("anybody", ASKED, "the row of its question says role 'anybody'"),
    "questions.content": ("00", ASKED, "the row of its question says content '00'"),
    "questions.due_at": (1, ASKED, "the row of its question says due_at 1, it says None"),
    "questions.asked_at": (1, ASKED, "the row of its question says asked_at 1, it says"),
    "questions.reminders": ("[9]", ASKED, "the row of its question says reminders '[9]', it says '[]'"),
    "questions.remind_at": (9, ASKED, "the row of its question says remind_at 9, it says None"),
    "questions.reminded": (1, ASKED, "the row of its question says reminded 1, it says 0"),
    "questions.claimed_at": (1, ASKED, "the row of its question says claimed_at 1, it says None"),
    "questions.answered_at": (1, ANSWERED, "the row of its question says answered_at 1, it says"),
    "questions.state": ("expired", ANSWERED, "the row of its question says expired by person:ada"),
    "questions.answered_by": ("person:eve", ANSWERED, "the row of its question says answered by person:eve"),
    "inbox.kind": ("cancel", ANSWERED, "the row of its message says kind 'cancel'"),
    "inbox.by": ("person:eve", ANSWERED, "the row of its message says by 'person:eve'"),
    "inbox.at": (1, ANSWERED, "the row of its message says at 1"),
    "inbox.content": (None, ANSWERED, "the row of its message says content None"),
    "inbox.folded": (3, ANSWERED, "the row of its message says folded 3"),
    "claims.epoch": (7, INTENT, "was claimed under epoch 1, its row says 7"),
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_column_is_found_at_its_event(sample: Sample, tmp_path: Path, column: str) -> None:
    value, seq, said = CHANGES[column]
    table, name = column.split(".")
    statement = f"UPDATE {table} SET {name} = ? WHERE run = ?"  # noqa: S608 - one of the above
    (found,) = findings(sample.damaged(tmp_path, (statement, value, sample.ended)))
    assert found.startswith(f"{sample.place(seq)}: {said}")


def test_a_question_that_no_message_closed_is_found(sample: Sample, tmp_path: Path) -> None:
    statement = "UPDATE questions SET state = 'answered', answered_by = 'person:eve' WHERE run = ?"
    (found,) = findings(sample.damaged(tmp_path, (statement, sample.waiting)))
    assert found == (
        f"run {short(sample.waiting)}: question {sample.waiting}/ask@1 is answered, and no message says so"
    )


def test_an_answer_that_was_given_and_not_taken_in_yet_is_sound(tmp_path: Path) -> None:
    async def given() -> None:
        store = SqliteStore(tmp_path)
        await store.open()
        lease = await owned(store)
        await store.send(answer(lease.run, await ask(store, lease)), closes="answered")
        due = await ask(store, lease, "ask@2", due_at=AT)
        await store.fire_timers(AT + 1)
        assert (await store.questions(run=lease.run)) == [], due
        await store.close()

    asyncio.run(given())
    assert verified(tmp_path).sound


def test_a_timer_that_was_taken_in_is_sound(tmp_path: Path) -> None:
    async def fired() -> None:
        store = SqliteStore(tmp_path)
        await store.open()
        lease = await owned(store)
        await ask(store, lease, due_at=AT)
        await store.fire_timers(AT + 1)
        await store.fold(lease)
        await store.close()

    asyncio.run(fired())
    assert verified(tmp_path).sound


@pytest.mark.parametrize(
    ("to", "role"), [("role:chief", "chief"), ("person:eve", None)], ids=["a role", "a person"]
)
def test_a_question_is_for_whom_its_last_event_says(tmp_path: Path, to: str, role: str | None) -> None:
    async def moved() -> str:
        store = SqliteStore(tmp_path / "sound")
        await store.open()
        lease = await owned(store)
        question = await ask(store, lease)
        said = dataclasses.replace(answer(lease.run, question, kind="reassign"), target=to)
        await store.move(said, change=(0, Holding(role, None if role else to)))
        await store.fold(lease)
        await store.close()
        return lease.run

    (tmp_path / "sound").mkdir()
    run = asyncio.run(moved())
    sample = Sample(tmp_path / "sound", run, run, run)
    assert verified(sample.home).sound
    back = ("UPDATE questions SET role = 'clinician'",)
    assert findings(sample.damaged(tmp_path / "damaged", back)) == [
        f"{sample.place(3)}: the row of its question says role 'clinician', it says {role!r}"
    ]


DELETIONS = {
    "questions": [
        (ASKED, "its question is not in the table"),
    ],
    "inbox": [
        (ANSWERED, "its message is not in the table"),
        (None, "question {run}/ask@1 is answered, and no message says so"),
    ],
    "claims": [(INTENT, "its claim is not in the table: a second one would not be refused")],
}


@pytest.mark.parametrize("table", DELETIONS)
def test_a_deleted_row_is_found_at_its_event(sample: Sample, tmp_path: Path, table: str) -> None:
    statement = f"DELETE FROM {table} WHERE run = ?"  # noqa: S608 - one of the above
    found = findings(sample.damaged(tmp_path, (statement, sample.ended)))
    wanted = [f"{sample.place(seq)}: {problem.format(run=sample.ended)}" for seq, problem in DELETIONS[table]]
    if table == "questions":
        run = sample.waiting
        wanted.append(f"run {short(run)}: question {run}/ask@1 is t-2, the task asked before it is not there")
    assert found == wanted


def test_an_added_row_is_found_at_its_run(sample: Sample, tmp_path: Path) -> None:
    run = sample.waiting
    home = sample.damaged(
        tmp_path,
        (CLAIM, run),
        (ROW, f"{run}/another", run),
        (LETTER, new_id(), run, 2),
    )
    assert findings(home) == [
        f"run {short(run)}: has 1 more in the table of claims than its events made",
        f"run {short(run)}: has 1 more in the table of questions than its events made",
        f"run {short(run)}: has 1 more in the table of messages taken in than its events made",
        f"run {short(run)}: question {run}/another has no number",
    ]


def test_an_open_question_of_a_run_that_has_ended_is_found(sample: Sample, tmp_path: Path) -> None:
    found = findings(
        sample.damaged(
            tmp_path, ("UPDATE questions SET state = 'open', answered_by = NULL WHERE run = ?", sample.ended)
        )
    )
    assert found == [
        f"{sample.place(ANSWERED)}: the row of its question says open",
        f"{sample.place()}: question {sample.ended}/ask@1 is open, though it has ended",
    ]


@pytest.mark.parametrize("run", ["0" * 32, "f" * 32], ids=["before all", "after all"])
def test_rows_of_a_run_that_never_was_are_found(sample: Sample, tmp_path: Path, run: str) -> None:
    home = sample.damaged(tmp_path, (CLAIM, run))
    assert findings(home) == [f"run {short(run)}: has 1 more in the table of claims than its events made"]


@pytest.mark.parametrize("attempt", ["1", 2**60, None, [1]], ids=str)
def test_an_attempt_that_cannot_be_one_is_found_and_the_verification_goes_on(
    sample: Sample, tmp_path: Path, attempt: object
) -> None:
    event = json.loads(sample.envelope(sample.ended, INTENT))
    envelope = json.dumps({**event, "body": {**event["body"], "attempt": attempt}}).encode()
    home = sample.damaged(
        tmp_path,
        (
            "UPDATE events SET envelope = ? WHERE stream = ? AND seq = ?",
            envelope,
            bytes.fromhex(sample.ended),
            INTENT,
        ),
    )
    assert f"{sample.place(INTENT)}: its claim is not in the table" in "\n".join(findings(home))
    assert not [found for found in findings(home) if "cannot be read on from here" in found]
