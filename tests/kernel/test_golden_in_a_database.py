"""Journals of every released version replay in a database that was brought up from an earlier format."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

import pytest
from tests.journal.support.postgres import fresh_schema, server_side

from gates import shipped_gate
from kernel.scenarios.golden import Golden
from kernel.scenarios.golden_workflows import GOLDEN
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import resting, serving, until
from ripieno.journal.postgres import PostgresStore
from ripieno.journal.postgres.connection import PostgresConnection
from ripieno.journal.postgres.formats import sql
from ripieno.journal.postgres.migrations import bring_up
from ripieno.journal.records import RunRow
from ripieno.kernel.rehearsal import rehearse
from ripieno.model.ids import new_id

FILES = {
    f"{file.parent.name} {file.stem}": file
    for file in sorted((Path(__file__).parent.parent / "golden").glob("*/*.jsonl"))
}
EACH = pytest.mark.parametrize("name", FILES)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[PostgresStore]:
    """Open a database that format 7 made and this version has brought up."""
    url = fresh_schema()
    server_side(url, sql("tables.sql"))
    server_side(url, "INSERT INTO ripieno VALUES (7)")
    with closing(PostgresConnection(url)) as connection:
        bring_up(connection, lambda _: None)
    store = PostgresStore(tmp_path, url, shipped_gate())
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def copy(name: str) -> Golden:
    """Give a journal once more, of a run of its own."""
    text = FILES[name].read_text(encoding="ascii")
    return Golden.read(text.replace(json.loads(text.splitlines()[0])["run"], new_id()))


@EACH
async def test_every_prefix_of_a_golden_journal_fits_this_version_and_goes_on_in_a_database(
    tmp_path: Path, store: PostgresStore, name: str
) -> None:
    clock, workflow = HandClock(), GOLDEN[FILES[name].stem]
    clock.turn(86_400)
    async with serving(tmp_path, clock=clock, store=store) as host:
        runs: list[str] = []
        for count in range(1, len(copy(name).events)):
            row = await copy(name).restore(store, clock, workflow.version, events=count)
            found = await rehearse(store, clock, workflow, row.id)
            assert (found.fits, found.detail) == (True, f"all {count} recorded events are reached")
            runs.append(row.id)
        host.register(workflow)
        host.ring()
        for run in runs:

            async def gone_on(run: str = run) -> RunRow | None:
                row = await resting(host, run)
                return None if row.status == "needs_version" else row

            row = await until(gone_on)  # it may have been taken up before its version was there
            assert row.status in ("complete", "partial", "waiting"), (row.status, row.detail)
