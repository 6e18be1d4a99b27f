"""A run that waits has no owner and no memory here; a row wakes it, whoever wrote it."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import pytest

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import ADA, asked, begin, ended, events, opened, parked, reply, serving, until
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel import commands
from ripieno.kernel.clock import SystemClock
from ripieno.kernel.execution import Execution
from ripieno.kernel.host import Host
from ripieno.participants.function import function
from ripieno.participants.human import human
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow

YES = {"proceed": True}
PERSON = Workflow("person", human("clinician", role="clinician"))


def resident(host: Host) -> int:
    return int(host.statistics()["resident"])


def executions() -> int:
    """Count what is in memory of runs, by asking Python."""
    gc.collect()
    return sum(isinstance(found, Execution) for found in gc.get_objects())


async def test_a_waiting_run_has_no_owner_and_nothing_in_memory(tmp_path: Path) -> None:
    async with serving(tmp_path, PERSON) as host:
        before = executions()
        run = await begin(host, PERSON)
        row = await parked(host, run)
        assert (row.status, row.owner, row.wanted, row.seen) == ("waiting", None, 0, 0)

        async def gone() -> bool | None:
            return (resident(host) == 0 and executions() == before) or None

        await until(gone)


async def test_a_thousand_waiting_runs_are_rows_and_any_of_them_wakes(tmp_path: Path) -> None:
    async with serving(tmp_path, PERSON) as host:
        runs = await asyncio.gather(*(begin(host, PERSON, number) for number in range(1000)))

        async def all_wait() -> bool | None:
            return resident(host) == 0 or None

        await until(all_wait)
        assert len(await host.store.questions()) == 1000
        for number in (0, 499, 999):
            await reply(host, await asked(host, runs[number]), {"proceed": True, "note": str(number)})
            assert (await ended(host, runs[number])).output["note"] == str(number)
        assert len(await host.store.questions()) == 997


async def test_an_answer_from_another_process_wakes_the_run(tmp_path: Path) -> None:
    async with serving(tmp_path, PERSON) as host, opened(tmp_path, SqliteStore) as elsewhere:
        run = await begin(host, PERSON)
        await parked(host, run)
        (question,) = await elsewhere.questions(run=run)
        await commands.answer(elsewhere, SystemClock(), question, by=ADA, value=YES)
        assert (await ended(host, run)).status == "complete"


async def test_a_run_may_be_woken_by_another_host_than_the_one_it_parked_on(tmp_path: Path) -> None:
    async with serving(tmp_path, PERSON) as first:
        run = await begin(first, PERSON)
        await parked(first, run)
        epoch = (await first.store.run(run)).epoch
    async with serving(tmp_path, PERSON) as second:
        await reply(second, await asked(second, run), YES)
        assert (await ended(second, run)).status == "complete"
        assert (await second.store.run(run)).epoch == epoch + 1


async def test_two_hosts_side_by_side_wake_a_run_once(tmp_path: Path) -> None:
    calls: list[object] = []

    @function
    async def after(clinician: object) -> object:
        calls.append(clinician)
        return clinician

    workflow = Workflow("person-then", sequential(human("clinician", role="clinician"), after))
    async with serving(tmp_path, workflow) as one, serving(tmp_path, workflow) as other:
        runs = [await begin(one, workflow) for _ in range(10)]
        for run in runs:
            await parked(one, run)
        for run in runs:
            await reply(one, await asked(one, run), YES)
        await asyncio.gather(*(ended(host, run) for host in (one, other) for run in runs))
    assert len(calls) == len(runs)


async def test_a_run_that_waits_for_people_in_turn_parks_between_them(tmp_path: Path) -> None:
    people = [human(name, role="clinician") for name in ("first", "second", "third")]
    workflow = Workflow("three-in-turn", sequential(*people))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        for person in people:
            question = await asked(host, run, person.name)
            assert (await parked(host, run)).owner is None
            await reply(host, question, {"proceed": True, "note": person.name})
        outcome = await ended(host, run)
        assert [event.path.split("/")[1] for event in await events(host, run, "answered")] == [
            "first@1",
            "second@1",
            "third@1",
        ]
    assert outcome.output["note"] == "third"


@pytest.mark.parametrize("limit", [1, 2])
async def test_no_more_runs_are_taken_up_than_may_be_resident(tmp_path: Path, limit: int) -> None:
    at_work, most = 0, 0

    @function
    async def works(given: object) -> object:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0)
        at_work -= 1
        return given

    clock = HandClock()
    workflow = Workflow("works", sequential(human("clinician", role="clinician"), works))
    async with serving(tmp_path, workflow, clock=clock) as host:
        runs = [await begin(host, workflow) for _ in range(6)]
        for run in runs:
            await parked(host, run)
    async with opened(tmp_path, SqliteStore) as store:
        for question in await store.questions():
            await commands.answer(store, clock, question, by=ADA, value=YES)
        async with Host(store, clock=clock, resident=limit) as host:
            host.register(workflow)
            outcomes = [await ended(host, run) for run in runs]
    assert {outcome.status for outcome in outcomes} == {"complete"}
    assert most <= limit
