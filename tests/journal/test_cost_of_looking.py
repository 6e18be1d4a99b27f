"""Looking for work reads what there is to do, not what waits."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ripieno.journal.sqlite import SqliteStore

LOOKING = (
    "SELECT id FROM runs WHERE status = 'running' AND owner IS NOT 'x'"
    " UNION ALL SELECT id FROM runs WHERE status = 'waiting' AND wanted > seen"
    " UNION ALL SELECT id FROM runs WHERE status = 'needs_version' AND version IN ('v')"
    " ORDER BY id LIMIT 10"
)


async def test_looking_for_work_reads_no_waiting_run(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    await store.open()
    await store.close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {LOOKING}")]
    connection.close()
    read = [step for step in plan if "runs" in step]
    assert [step.split()[-1] for step in read] == ["runs_running", "runs_wanted", "runs_unserved"]
