"""What a run may have done that its log has lost is settled before it is done."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.elsewhere import Elsewhere, uses
from kernel.scenarios.hand_clock import HandClock
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
    turned,
    until,
)
from kernel.scenarios.office import Office, books
from kernel.scenarios.parents import child_of
from ripieno import Workflow, human, loop, sequential, subworkflow, tool
from ripieno.connectors.tool import Tool
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.restoring import RestoringStore
from ripieno.kernel.forks import fork
from ripieno.kernel.host import Host
from ripieno.kernel.rollback import roll_back
from ripieno.model.errors import ToolError
from ripieno.proof.restores import Restore

HAPPENED, NOT = {"happened": True, "result": "by hand"}, {"happened": False}
DAY = 86_400
FORM = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}


def booking(system: Elsewhere, on_uncertain: Any, **settings: Any) -> Workflow:
    book = tool(system.book, on_uncertain=on_uncertain, **settings)
    return Workflow("booking", sequential(human("nurse", role="nurse", form=FORM), uses(book, what="visit")))


async def put_back(home: Path, clock: HandClock) -> None:
    """Mark every run of a data folder as one that was put back from a backup made just now."""
    now = clock.now()
    told = Restore("r-1", now, now, 0, "", 0, "", compared=False)
    async with opened(home, RestoringStore) as store:
        await store.mark(told, "person:op")
        await store.tell(told, "not signed", {"by": "person:op"})


async def waiting(home: Path, workflow: Workflow, clock: HandClock) -> str:
    async with serving(home, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await asked(host, run, "nurse")
        await parked(host, run)
    await put_back(home, clock)
    return run


async def go_on(host: Host, run: str) -> None:
    await reply(host, await asked(host, run, "nurse"), {"ok": True})


async def test_a_key_that_the_other_system_may_have_forgotten_is_not_relied_upon(tmp_path: Path) -> None:
    clock, system = HandClock(), Elsewhere()
    workflow = booking(system, "retry", key_lifetime="24h")
    run = await waiting(tmp_path, workflow, clock)
    clock.turn(DAY + 1)
    async with serving(tmp_path, workflow, clock=clock) as host:
        await go_on(host, run)
        await reply(host, await asked(host, run, "uncertain"), HAPPENED)
        assert (await ended(host, run)).output == "by hand"
    assert not system.calls


async def test_a_key_that_is_remembered_is_used_again_and_its_age_counts_from_the_backup(
    tmp_path: Path,
) -> None:
    clock, system = HandClock(), Elsewhere()
    workflow = booking(system, "retry", key_lifetime="24h")
    run = await waiting(tmp_path, workflow, clock)
    since = clock.now()
    clock.turn(DAY - 1)
    async with serving(tmp_path, workflow, clock=clock) as host:
        await go_on(host, run)
        await ended(host, run)
        (intent,) = await events(host, run, "intent")
    assert (intent.body["first"], "restored" in intent.body) == (since, False)
    assert len(system.calls) == 1


async def test_the_other_system_is_asked_by_each_key_that_may_have_been_used(tmp_path: Path) -> None:
    clock, system = HandClock(), Elsewhere()
    workflow = booking(system, system.find, attempts=3)
    run = await waiting(tmp_path, workflow, clock)
    clock.turn(31)
    async with serving(tmp_path, workflow, clock=clock) as host:
        await go_on(host, run)
        await ended(host, run)
    keys = [call.key for call in system.asked]
    assert len(keys) == len(set(keys)) == 3
    assert [call.key for call in system.calls] == keys[:1], "made under the first, as none had been"


async def test_a_second_call_that_was_made_after_a_first_that_failed_is_found(tmp_path: Path) -> None:
    clock, system = HandClock(), Elsewhere()
    workflow = booking(system, system.find, attempts=2)
    lost: list[str] = []

    async def fails() -> None:
        msg = "not today"
        raise ToolError(msg)

    async with serving(tmp_path / "a", workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await asked(host, run, "nurse")
        await parked(host, run)
    shutil.copytree(tmp_path / "a", tmp_path / "b", ignore=shutil.ignore_patterns("doorbells", "owners"))
    system.before.append(fails)
    async with serving(tmp_path / "a", workflow, clock=clock) as host:
        await go_on(host, run)

        async def failed() -> bool | None:
            return bool(await events(host, run, "result")) or None

        await until(failed)
        clock.turn(5)
        host.ring()
        lost.append(str((await ended(host, run)).output))
    await put_back(tmp_path / "b", clock)
    clock.turn(31)
    async with serving(tmp_path / "b", workflow, clock=clock) as host:
        await go_on(host, run)
        assert [(await ended(host, run)).output] == lost
    assert len(system.booked) == 1


async def test_reads_are_made_as_ever(tmp_path: Path) -> None:
    clock, system = HandClock(), Elsewhere()
    look = tool(system.book, effect="read")
    workflow = Workflow("looking", sequential(human("nurse", role="nurse", form=FORM), uses(look, what="x")))
    run = await waiting(tmp_path, workflow, clock)
    async with serving(tmp_path, workflow, clock=clock) as host:
        await go_on(host, run)
        assert (await ended(host, run)).output == "x #1"


@pytest.mark.parametrize("restarted", [False, True], ids=["resident", "restarted"])
async def test_a_child_run_that_may_stand_in_place_of_a_lost_one_asks_a_person(
    tmp_path: Path, *, restarted: bool
) -> None:
    clock, system = HandClock(), Elsewhere()
    book = tool(system.book, on_uncertain="retry")
    inner = Workflow("inner", uses(book, what="visit"))
    outer = Workflow("outer", sequential(human("nurse", role="nurse", form=FORM), subworkflow(inner)))
    run = await waiting(tmp_path, outer, clock)
    clock.turn(31)
    async with serving(tmp_path, outer, inner, clock=clock) as host:
        await go_on(host, run)
        question = await asked(host, await child_of(host, run), "uncertain")
        assert not system.calls
        if not restarted:
            await reply(host, question, NOT)
            await ended(host, run)
    if restarted:
        async with serving(tmp_path, outer, inner, clock=clock) as host:
            await reply(host, question, NOT)
            await ended(host, run)
    assert len(system.calls) == 1


async def test_a_fork_of_a_restored_run_asks_about_what_it_takes_over_nothing_of(tmp_path: Path) -> None:
    clock, system = HandClock(), Elsewhere()
    workflow = booking(system, "retry")
    run = await waiting(tmp_path, workflow, clock)
    clock.turn(31)
    async with serving(tmp_path, workflow, clock=clock) as host:
        row = await host.store.run(run)
        new = await fork(host.store, clock, row, by=OPERATOR)
        await go_on(host, new.id)
        await reply(host, await asked(host, new.id, "uncertain"), HAPPENED)
        assert (await ended(host, new.id)).output == "by hand"
    assert not system.calls


async def test_a_run_that_was_put_back_twice_is_in_doubt_twice(tmp_path: Path) -> None:
    clock, system = HandClock(), Elsewhere()
    workflow = booking(system, "ask")
    run = await waiting(tmp_path, workflow, clock)
    await put_back(tmp_path, clock)
    clock.turn(31)
    async with serving(tmp_path, workflow, clock=clock) as host:
        assert [event.kind for event in await events(host, run)][-2:] == ["run.restored", "run.restored"]
        await go_on(host, run)
        await reply(host, await asked(host, run, "uncertain"), NOT)
        await ended(host, run)
        intents = await events(host, run, "intent")
    assert ["restored" in one.body for one in intents] == [True, False], "and only once for each effect"
    assert len(system.calls) == 1


async def test_what_was_lost_is_known_after_a_segment_too(tmp_path: Path) -> None:
    clock = HandClock()
    flow = loop(human("nurse", role="nurse"), until="previous.note == 'done'", rounds=500)
    workflow = Workflow("long", flow)
    run = await waiting(tmp_path, workflow, clock)
    async with serving(tmp_path, workflow, clock=clock) as host:
        for number in range(1, 60):
            question = await asked(host, run, f"nurse@{number}/")
            await parked(host, run)
            await reply(host, question, {"proceed": True, "note": ""})
        await asked(host, run, "nurse@60/")
        await parked(host, run)
        assert await events(host, run, "segment")
    async with opened(tmp_path, SqliteStore) as store:
        taken = await store.acquire(run)
    assert taken is not None
    kinds = [event.kind for event in taken.events]
    assert "run.restored" in kinds
    assert len(kinds) < len(taken.events) + 1 <= taken.lease.head_seq


async def test_a_rollback_of_a_restored_run_asks_whether_it_was_taken_back_before(tmp_path: Path) -> None:
    clock, office = HandClock(), Office()
    book = Tool(office.book, undo=Tool(office.release, on_uncertain="retry"))
    flow = sequential(books("desk", book, "x"), human("nurse", role="nurse", form=FORM))
    workflow = Workflow("trip", flow)
    run = await waiting(tmp_path, workflow, clock)
    assert office.acts == ["book x"]
    clock.turn(31)
    async with serving(tmp_path, workflow, clock=clock) as host:
        row = await host.store.run(run)
        undoing = await roll_back(host.store, clock, row, by=OPERATOR, reason="wrong")
        await ended(host, run)
        await turned(host, clock, undoing.id, 5)  # it looks whether the run has ended
        await reply(host, await asked(host, undoing.id, "uncertain"), NOT)
        assert (await ended(host, undoing.id)).status == "complete"
    assert office.acts == ["book x", "release x"]
