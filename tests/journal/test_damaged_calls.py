"""Rows of failed calls that say otherwise than the events are found; a log without such a table is sound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.journal.support.sample import Sample, verified
from tests.journal.support.writing import AT, answer, ask, owned, step, write

from ripieno.journal.records import CallChange, ClaimChange, Draft, Lease
from ripieno.journal.sqlite import SqliteStore


def findings(home: Path) -> list[str]:
    return [str(finding) for finding in verified(home).findings]


async def called(home: Path) -> Sample:
    """Write a run of which one call failed, one is in doubt, and one succeeded after all."""
    store = SqliteStore(home)
    await store.open()
    try:
        lease = await owned(store)
        for path, *statuses in (
            ("a/tool/1", "failed"),
            ("b/tool/1", "uncertain"),
            ("c/tool/1", "failed", "done"),
        ):
            for attempt, status in enumerate(statuses, 1):
                await write(store, *call(lease, path, attempt, status))
        await store.send(answer(lease.run, await ask(store, lease)), closes="answered")
        return Sample(home, lease.run, lease.run, "")
    finally:
        await store.close()


def call(lease: Lease, path: str, attempt: int, status: str) -> list[Draft]:
    failed: Any = None if status == "done" else status
    claimed = {"attempt": attempt, "tool": "book"}
    return [
        step(lease, path, kind="intent", body=claimed, change=ClaimChange(attempt, "book")),
        step(
            lease,
            path,
            kind="result",
            body={"attempt": attempt, "status": status},
            change=CallChange("book", failed),
        ),
    ]


ROW = "the row of its failed call says"
CALLS = {
    "DELETE FROM failed_calls WHERE status = 'failed'": (
        3,
        "its failed call is not in the table: no filter would find it",
    ),
    "UPDATE failed_calls SET status = 'failed'": (5, f"{ROW} status 'failed', it says 'uncertain'"),
    "UPDATE failed_calls SET tool = 'x' WHERE status = 'failed'": (3, f"{ROW} tool 'x', it says 'book'"),
    "UPDATE failed_calls SET at = 1 WHERE status = 'failed'": (3, f"{ROW} at 1, it says {AT}"),
    "INSERT INTO failed_calls SELECT run, 'c/tool/1', tool, status, at FROM failed_calls LIMIT 1": (
        None,
        "has 1 more in the table of failed calls than its events made",
    ),
    "UPDATE claims SET tool = 'x' WHERE path = 'c/tool/1' AND attempt = 2": (
        8,
        "was claimed for tool 'book', its row says 'x'",
    ),
}


@pytest.mark.parametrize("statement", CALLS)
async def test_another_table_of_failed_calls_is_found(tmp_path: Path, statement: str) -> None:
    (tmp_path / "sound").mkdir()
    sample = await called(tmp_path / "sound")
    assert findings(sample.home) == []
    seq, problem = CALLS[statement]
    assert findings(sample.damaged(tmp_path / "damaged", (statement,))) == [f"{sample.place(seq)}: {problem}"]


FIRST_FORMAT = (
    "DROP TABLE failed_calls",
    "ALTER TABLE claims DROP COLUMN tool",
    "ALTER TABLE inbox DROP COLUMN target",
    *(f"ALTER TABLE questions DROP COLUMN {name}" for name in ("person", "claimed_by", "delegated_by")),
    "ALTER TABLE questions DROP COLUMN answered_for",
    "PRAGMA user_version = 1",
)


async def test_a_log_of_a_format_that_knew_none_of_this_is_sound(tmp_path: Path) -> None:
    (tmp_path / "sound").mkdir()
    sample = await called(tmp_path / "sound")
    home = sample.damaged(tmp_path / "first", *((statement,) for statement in FIRST_FORMAT))
    assert findings(home) == []
