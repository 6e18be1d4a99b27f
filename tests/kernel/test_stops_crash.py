"""A stop that another process makes at any boundary, and one that stands when the process dies."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest

from gates import shipped_gate
from kernel.scenarios.house import until
from kernel.support.crash import Children, Order, children_of, ended
from kernel.support.survey import ANY, Survey, lasting, share
from ripieno.identity.local import local_operator
from ripieno.journal.records import RunFilter, RunRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.store import Store
from ripieno.kernel.stopping import release, stop

PARTS = 4
OPERATOR = local_operator({"RIPIENO_PRINCIPAL": "op"})


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    with children_of("kernel.support.halted:SCENARIO") as children:
        yield Survey(children, tmp_path_factory.mktemp("crashes"))


@pytest.fixture(scope="module")
def one_call() -> Generator[Children]:
    with children_of("kernel.support.one_call:SCENARIO") as children:
        yield children


def test_undisturbed_it_stands_still_and_goes_on(survey: Survey) -> None:
    [outcome] = survey.undisturbed.outcomes
    assert outcome["status"] == "complete"
    assert survey.undisturbed.effects == ["pay 10", "pay 20", "pay 30"]


@pytest.mark.parametrize("part", range(PARTS))
def test_it_ends_the_same_whichever_boundary_its_process_dies_at(survey: Survey, part: int) -> None:
    """When the stop comes differs from run to run, and so do some places."""
    assert survey.problems(share(lasting(survey.undisturbed.passed), part, PARTS), ANY) == []


def test_no_call_follows_a_stop_that_another_process_makes_at_any_boundary(
    one_call: Children, tmp_path: Path
) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    assert one_call.run(Order(str(alone))) == 0
    wanted = ended(one_call.scenario, alone)
    for number, place in enumerate(lasting(wanted.passed)):
        home = tmp_path / str(number)
        home.mkdir()
        child = one_call.start(Order(str(home), fatal=place, signal=signal.SIGSTOP))
        if one_call.wait(child) == signal.SIGSTOP:
            asyncio.run(stopped_and_released(home, child, place))
            assert one_call.wait(child) == 0
        found = ended(one_call.scenario, home)
        assert (found.outcomes, found.effects) == (wanted.outcomes, wanted.effects), place


async def stopped_and_released(home: Path, child: int, place: str) -> None:
    """Stop everything while the other process sleeps, see that it begins nothing, and let it go on."""
    store = SqliteStore(home, shipped_gate())
    await store.open()
    try:
        await stop(store, "everything", by=OPERATOR, reason=f"an alarm at {place}")
        before = await claims(store)
        os.kill(child, signal.SIGCONT)

        async def still() -> RunRow | None:
            rows = await store.runs(RunFilter())
            return next((row for row in rows if row.ended or row.status == "stopped"), None)

        await until(still)
        assert await claims(store) == before, place
        await release(store, "everything", by=OPERATOR)
    finally:
        await store.close()


async def claims(store: Store) -> int:
    """Count what was begun in all runs."""
    found = [await store.events(row.id) for row in await store.runs(RunFilter())]
    return sum(event.kind == "intent" for events in found for event in events)
