"""Looking for work reads what there is to do, not what waits."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ripieno.journal.records import VersionRow
from ripieno.journal.sql.reads import looking_for_work, reading_changes
from ripieno.journal.sqlite import SqliteStore


@pytest.mark.parametrize("versions", [0, 1, 3])
async def test_looking_for_work_reads_no_waiting_run(tmp_path: Path, versions: int) -> None:
    store = SqliteStore(tmp_path)
    await store.open()
    await store.close()
    values = ["x"] * (2 * versions + 1)
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as connection:
        statement = f"EXPLAIN QUERY PLAN {looking_for_work(versions)}"
        plan = [row[3] for row in connection.execute(statement, [*values, 10])]
    read = [step for step in plan if "INDEX runs_" in step]
    assert [step.split()[-1] for step in read] == [
        "runs_running",
        "runs_wanted",
        "runs_stopped",
        "runs_unserved",
    ]
    assert not {"SCAN runs", "SCAN unserved"} & set(plan)


async def test_what_is_served_and_what_decides_is_read_without_the_rest_of_the_log(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    await store.open()
    await store.register(VersionRow("v1", "default", "w", "m:w", "{}", 1, "{}"), "person:ada")
    await store.record("default", "act.denied", {"by": "person:ada"})
    found = await store.changes("default", "workflow.registered", "policy.deployed")
    assert [event.kind for event in found] == ["workflow.registered"]
    assert await store.changes("default", "policy.deployed") == []
    assert await store.changes("nobody", "workflow.registered") == []
    await store.close()
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as connection:
        statement = f"EXPLAIN QUERY PLAN {reading_changes(2)}"
        plan = [row[3] for row in connection.execute(statement, ["default", "x", "y"])]
    assert "SEARCH events USING INDEX events_changes (stream=?)" in plan
