"""Runs that wait in a data folder go on in a database after their log was moved, each act once."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.journal.support.postgres import fresh_schema

from gates import shipped_gate
from kernel.scenarios.elsewhere import Elsewhere, uses
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import asked, begin, ended, events, parked, reply, serving, snapshot
from ripieno.connectors.tool import tool
from ripieno.journal.moving import move
from ripieno.journal.postgres import PostgresStore
from ripieno.kernel.host import Host
from ripieno.participants.human import human
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow


@asynccontextmanager
async def serving_database(
    home: Path, url: str, workflow: Workflow, clock: HandClock
) -> AsyncGenerator[Host]:
    store = PostgresStore(home, url, shipped_gate())
    await store.open()
    try:
        async with serving(home, workflow, clock=clock, store=store) as host:
            yield host
    finally:
        await store.close()


async def test_a_run_that_waits_for_a_person_goes_on_where_its_log_was_moved(tmp_path: Path) -> None:
    system, clock, url = Elsewhere(), HandClock(), fresh_schema()
    book = tool(system.book, on_uncertain="retry")
    workflow = Workflow(
        "visits",
        sequential(
            uses(book, "before", what="bed"), human("clerk", role="clerk"), uses(book, "after", what="taxi")
        ),
    )
    async with serving(tmp_path, workflow, clock=clock) as host:
        runs = [await begin(host, workflow) for _ in range(5)]
        for run in runs:
            await parked(host, run)
        before = {run: await events(host, run) for run in runs}
        await reply(host, await asked(host, runs[0]), {"proceed": True})
        first = await ended(host, runs[0])
    move(tmp_path, url, lambda _: None)
    async with serving_database(tmp_path, url, workflow, clock) as host:
        assert await host.outcome(runs[0]) == first
        for run in runs[1:]:
            assert (await parked(host, run)).epoch >= 1
            assert (await events(host, run))[: len(before[run])] == before[run]
            await reply(host, await asked(host, run), {"proceed": True})
            assert (await ended(host, run)).status == "complete"
    assert len(system.booked) == len(system.calls) == 10, "two for each run, none twice"


@pytest.mark.parametrize("happened", [True, False], ids=["happened", "did not happen"])
async def test_a_call_that_may_have_happened_is_found_out_where_the_log_was_moved(
    tmp_path: Path, *, happened: bool
) -> None:
    """The machine lost its power in the middle of the call, and came back with its log somewhere else."""
    system, clock, url = Elsewhere(), HandClock(), fresh_schema()
    crashed = tmp_path / "crashed"
    kept: dict[str, str] = {}

    async def lose_power() -> None:
        snapshot(tmp_path / "before", crashed)
        kept.update(system.booked)

    (system.after if happened else system.before).append(lose_power)
    workflow = Workflow("booking", uses(tool(system.book, on_uncertain=system.find), what="visit"))
    async with serving(tmp_path / "before", workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await ended(host, run)
    system.booked = kept
    system.calls.clear()
    move(crashed, url, lambda _: None)
    async with serving_database(crashed, url, workflow, clock) as host:
        await parked(host, run)
        clock.turn(31)
        host.ring()
        outcome = await ended(host, run)
    assert outcome.output == "visit #1"
    assert len(system.booked) == 1
    assert len(system.calls) == (0 if happened else 1)
