"""What comes in from outside: no wake-up is lost, every question is closed once, timers outlive a host."""

from __future__ import annotations

import asyncio
from itertools import permutations
from pathlib import Path

import pytest

from kernel.scenarios.house import (
    OPERATOR,
    asked,
    begin,
    ended,
    events,
    opened,
    parked,
    reply,
    serving,
    until,
)
from kernel.scenarios.watched_store import WatchedStore
from ripieno.journal.records import QuestionRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel import commands
from ripieno.kernel.clock import SystemClock
from ripieno.kernel.host import Host
from ripieno.participants.function import function
from ripieno.participants.human import human
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.resolvers import merge
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow

YES = {"proceed": True}
MOMENTS = ["before fold", "after fold", "before park", "after park"]


def noted(note: str) -> dict[str, object]:
    return {"proceed": True, "note": note}


async def answered_elsewhere(store: SqliteStore, part: str, value: object = YES) -> None:
    """Answer from another process: through a store of its own that serves nothing."""

    async def look() -> QuestionRow | None:
        return next((row for row in await store.questions() if part in row.path), None)

    await commands.answer(store, SystemClock(), await until(look), by=OPERATOR, value=value)


@pytest.mark.parametrize("moment", MOMENTS)
async def test_an_answer_that_comes_in_at_any_moment_of_parking_is_folded(
    tmp_path: Path, moment: str
) -> None:
    flow = concurrent(human("first", role="a"), human("second", role="b"), resolve=merge())
    workflow = Workflow("two-people", flow)
    async with opened(tmp_path, WatchedStore) as store, opened(tmp_path, SqliteStore) as other:

        async def first() -> None:
            await answered_elsewhere(other, "first", noted("1"))

        async def second() -> None:
            await answered_elsewhere(other, "second", noted("2"))

        store.at(moment, first, second)
        async with serving(tmp_path, workflow, store=store) as host:
            outcome = await ended(host, await begin(host, workflow))
    assert {name: said["note"] for name, said in outcome.output.items()} == {"first": "1", "second": "2"}


async def folded(host: Host, run: str, part: str) -> bool | None:
    return any(part in event.path for event in await events(host, run, "answered")) or None


async def test_a_late_fold_takes_nothing_from_a_run_that_has_parked(tmp_path: Path) -> None:
    flow = concurrent(human("first", role="a"), human("second", role="b"), resolve=merge())
    workflow = Workflow("two-people", flow)
    async with opened(tmp_path, WatchedStore) as store, opened(tmp_path, SqliteStore) as other:
        noticed, parked_now = asyncio.Event(), asyncio.Event()

        async def dispatcher_is_slow() -> None:
            noticed.set()
            await parked_now.wait()

        async def first_answer() -> None:
            await answered_elsewhere(other, "first", noted("1"))
            await noticed.wait()

        async def second_answer() -> None:
            await answered_elsewhere(other, "second", noted("2"))
            parked_now.set()
            for _ in range(50):  # turns of the loop in which the dispatcher does what it noticed
                await asyncio.sleep(0)

        async def refused() -> None: ...

        store.at("before park", first_answer)
        store.at("after unfolded", dispatcher_is_slow)
        store.at("after park", refused, second_answer)
        async with serving(tmp_path, workflow, store=store) as host:
            run = await begin(host, workflow)
            outcome = await ended(host, run)
    assert outcome.status == "complete"


@pytest.mark.parametrize("order", list(permutations("abc")), ids="".join)
@pytest.mark.parametrize("restarted", [False, True], ids=["resident", "restarted"])
async def test_three_people_answer_in_any_order_each_their_own_question(
    tmp_path: Path, order: tuple[str, ...], *, restarted: bool
) -> None:
    flow = concurrent(*(human(f"person-{name}", role=name) for name in "abc"), resolve=merge())
    workflow = Workflow("three-people", flow)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        if restarted:
            await parked(host, run)
        else:
            for name in order:
                await reply(host, await asked(host, run, f"person-{name}"), noted(name))
            outcome = await ended(host, run)
    for name in order if restarted else ():
        async with serving(tmp_path, workflow) as host:
            await reply(host, await asked(host, run, f"person-{name}"), noted(name))
            if name != order[-1]:
                await until(lambda: folded(host, run, f"person-{name}"))  # noqa: B023 - awaited in this round
            else:
                outcome = await ended(host, run)
    assert {name: said["note"] for name, said in outcome.output.items()} == {  # pyright: ignore[reportPossiblyUnboundVariable]
        f"person-{name}": name for name in "abc"
    }


async def test_an_answer_is_folded_while_another_branch_is_in_a_slow_call(tmp_path: Path) -> None:
    release, after = asyncio.Event(), asyncio.Event()

    @function
    async def slow() -> str:
        await release.wait()
        return "done"

    @function
    async def next_step(clinician: object) -> object:
        after.set()
        return clinician

    people = sequential(human("clinician", role="clinician"), next_step, name="people")
    workflow = Workflow("slow-call", concurrent(slow, people, resolve=merge()))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run), noted("go"))
        async with asyncio.timeout(120):
            await after.wait()
        assert not release.is_set()
        release.set()
        outcome = await ended(host, run)
    assert outcome.output["people"]["note"] == "go"
    assert outcome.output["slow"] == "done"
