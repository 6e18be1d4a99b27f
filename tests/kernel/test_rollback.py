"""A run is rolled back by a run of its own: all that it did, or what came after a step, the latest first."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.elsewhere import Elsewhere, Slow
from kernel.scenarios.house import (
    ADA,
    OPERATOR,
    asked,
    begin,
    cancel,
    ended,
    events,
    opened,
    parked,
    reply,
    serving,
    until,
)
from kernel.scenarios.office import Office, books
from kernel.scenarios.parents import child_of, sound
from ripieno import Workflow, human, sequential, subworkflow, tool
from ripieno.connectors.tool import Tool
from ripieno.journal.records import NewRun, RunRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.store import Created
from ripieno.kernel import commands
from ripieno.kernel.change_fails import record
from ripieno.kernel.forks import fork
from ripieno.kernel.host import Host
from ripieno.kernel.retries import retry
from ripieno.kernel.rollback import Planned, rehearsal_of, roll_back
from ripieno.model.errors import InputError, NotAllowedError, NotFoundError, RefusedError
from ripieno.model.ids import short
from ripieno.model.principal import Principal

CLERK = human("clerk", role="clerk")


def trip(office: Office, *more: Any) -> Workflow:
    return Workflow(
        "trip", sequential(books("a", office.booking, "x", "y"), books("b", office.booking, "z"), *more)
    )


async def rolled(host: Host, run: str, to: str | None = None) -> RunRow:
    return await roll_back(
        host.store, host.clock, await host.store.run(run), by=OPERATOR, reason="wrong", to=to
    )


async def done(host: Host, workflow: Workflow) -> str:
    run = await begin(host, workflow)
    await ended(host, run)
    return run


# -- what is taken back ----------------------------------------------------------------------------------


async def test_all_that_a_run_did_is_taken_back_the_latest_first_and_it_stays_as_it_ended(
    tmp_path: Path,
) -> None:
    office = Office()
    workflow = trip(office)
    async with serving(tmp_path, workflow) as host:
        run = await done(host, workflow)
        before = await host.store.run(run)
        undoing = await rolled(host, run)
        outcome = await ended(host, undoing.id)
        assert office.acts[3:] == ["release z", "release y", "release x"]
        assert outcome.status == "complete"
        assert outcome.reason == (
            "undone: book (sequential@1/b@1/tool/1)"
            "; undone: book (sequential@1/a@1/tool/2)"
            "; undone: book (sequential@1/a@1/tool/1)"
        )
        assert await host.store.run(run) == before
        [started] = await events(host, undoing.id, "run.started")
        assert started.body["undoes"] == {"run": run, "asks": True}
        assert undoing.principal == "person:op"
        [counted] = (await record(host.store, "default", "trip")).versions
        assert counted.runs == 1
    assert sound(tmp_path)


@pytest.mark.parametrize("step", ["a", "sequential@1/a@1"])
async def test_what_was_done_up_to_the_end_of_a_step_stands(tmp_path: Path, step: str) -> None:
    office = Office()
    workflow = trip(office)
    async with serving(tmp_path, workflow) as host:
        run = await done(host, workflow)
        await ended(host, (await rolled(host, run, step)).id)
        assert office.acts[3:] == ["release z"]
        await ended(host, (await rolled(host, run)).id)  # and then the rest
        assert office.acts[3:] == ["release z", "release y", "release x"]
    assert sound(tmp_path)


async def test_a_run_that_waits_is_cancelled_first(tmp_path: Path) -> None:
    office = Office()
    workflow = trip(office, CLERK)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        undoing = await rolled(host, run)
        assert (await ended(host, undoing.id)).status == "complete"
        assert (await ended(host, run)).reason == "cancelled by person:op: rolled back: wrong"
    assert office.acts[3:] == ["release z", "release y", "release x"]
    assert sound(tmp_path)


async def test_a_call_under_way_is_awaited_and_then_taken_back(tmp_path: Path) -> None:
    system = Elsewhere()
    slow = Slow(system)
    taken: list[str] = []

    def take_back(result: str) -> None:
        taken.append(result)

    workflow = Workflow("visit", sequential(books("a", tool(system.book, undo=take_back), "visit")))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await slow.begun.wait()
        undoing = await rolled(host, run)
        assert taken == []
        slow.released.set()
        await ended(host, undoing.id)
        assert (await host.store.run(run)).status == "cancelled"
    assert taken == ["visit #1"]


async def test_a_run_whose_code_does_not_fit_is_rolled_back_all_the_same(tmp_path: Path) -> None:
    """What takes back needs the tools of the workflow and nothing of its flow."""
    office = Office()
    first, second = trip(office, CLERK), Workflow("trip", books("other", office.booking))
    async with serving(tmp_path, first) as host:
        run = await begin(host, first)
        row = await parked(host, run)
    async with serving(tmp_path, second) as host:
        await host.enter(second, OPERATOR)
        await host.store.declare_compatible("default", row.version, second.version, "person:op")
        await commands.cancel(host.store, host.clock, row, by=OPERATOR)
        outcome = await ended(host, run) if (await host.store.run(run)).ended else None
        assert outcome is None
        await host.rest(run)
        undoing = await rolled(host, run)
        question = await asked(host, undoing.id)  # who books is another object here
        assert question.role == "operator"
        assert (await host.store.run(run)).status == "cancelled"


# -- what cannot be taken back ---------------------------------------------------------------------------


@pytest.mark.parametrize("by_hand", [True, False], ids=["by hand", "not at all"])
async def test_what_has_no_undo_goes_to_an_operator_and_is_never_called_a_success(
    tmp_path: Path,
    by_hand: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    office = Office()
    workflow = Workflow(
        "post", sequential(books("a", office.booking, "x"), books("b", tool(office.book), "y"))
    )
    async with serving(tmp_path, workflow) as host:
        run = await done(host, workflow)
        undoing = await rolled(host, run)
        question = await asked(host, undoing.id)
        assert commands.asked_for(host.store, question).title == (
            "cannot be undone here: book, it declares no undo"
        )
        await reply(host, question, {"undone": by_hand})
        outcome = await ended(host, undoing.id)
    assert outcome.status == ("complete" if by_hand else "partial")
    assert office.acts == ["book x", "book y", "release x"]
    assert sound(tmp_path)


async def test_what_child_runs_did_is_taken_back_too_with_people_asked_about_the_rest(tmp_path: Path) -> None:
    office = Office()
    inner = Workflow("inner", sequential(books("b", office.booking, "y"), books("c", tool(office.book), "z")))
    workflow = Workflow("outer", sequential(books("a", office.booking, "x"), subworkflow(inner)))
    async with serving(tmp_path, workflow) as host:
        run = await done(host, workflow)
        plan = await rehearsal_of(host.store, await host.store.run(run), workflow, by=OPERATOR)
        assert [(one.tool, one.do) for one in plan] == [("book", "ask"), ("book", "undo"), ("book", "undo")]
        undoing = await rolled(host, run)
        nested = await child_of(host, undoing.id)
        await reply(host, await asked(host, nested), {"undone": False})
        outcome = await ended(host, undoing.id)
        assert (outcome.status, office.acts[3:]) == ("partial", ["release y", "release x"])
    assert sound(tmp_path)


# -- once ------------------------------------------------------------------------------------------------


async def test_a_second_rollback_is_told_of_the_first(tmp_path: Path) -> None:
    office = Office(refuses=True)
    workflow = Workflow("trip", books("a", office.booking, "x"))
    async with serving(tmp_path, workflow) as host:
        run = await done(host, workflow)
        undoing = await rolled(host, run)
        question = await asked(host, undoing.id)
        with pytest.raises(RefusedError, match=f"is being rolled back by run {short(undoing.id)}"):
            await rolled(host, run)
        await reply(host, question, {"undone": True})
        await ended(host, undoing.id)
        with pytest.raises(RefusedError, match=r"nothing that run .* did stands\n"):
            await rolled(host, run)
        with pytest.raises(RefusedError, match="takes back what another did"):
            await rolled(host, undoing.id)
        with pytest.raises(RefusedError, match=r"did stands after a\n"):
            await rolled(host, run, "a")


async def test_of_two_rollbacks_the_second_waits_for_the_first_and_takes_nothing_back_again(
    tmp_path: Path,
) -> None:
    """The parent's cancellation with undo comes while an operator rolls the child back."""
    office = Office(refuses=True)
    inner = Workflow("inner", books("b", office.booking, "y"))
    workflow = Workflow("outer", sequential(subworkflow(inner), CLERK))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        child = await child_of(host, run)
        await asked(host, run, "clerk")
        first = await rolled(host, child)
        question = await asked(host, first.id)
        row = await host.store.run(run)
        await commands.cancel(host.store, host.clock, row, by=OPERATOR, undo=True)
        second = await undoing_for(host, run)
        await asked_to_wait(host, second)
        await reply(host, question, {"undone": True})
        outcome = await ended(host, run)
        assert outcome.reason == "cancelled by person:op"
        assert len(await host.store.questions(state=None)) == 2
    assert sound(tmp_path)


async def undoing_for(host: Host, run: str) -> str:
    """Wait until a run has another begin to take back what a child did, and give that."""

    async def look() -> str | None:
        found = [event.body for event in await events(host, run, "asked") if "undoes" in event.body]
        return found[0]["child"] if found else None

    return await until(look)


async def asked_to_wait(host: Host, run: str) -> None:
    """Wait until a run has looked more than once whether its turn has come."""

    async def look() -> bool | None:
        found = await events(host, run, "asked")
        return len([event for event in found if "/wait/" in event.path]) > 1 or None

    await until(look)


async def test_two_rollbacks_asked_for_at_once_take_everything_back_once(tmp_path: Path) -> None:
    office = Office()
    workflow = trip(office, CLERK)
    async with serving(tmp_path, workflow) as host, serving(tmp_path, workflow) as other:
        run = await begin(host, workflow)
        await parked(host, run)
        both = await asyncio.gather(rolled(host, run), rolled(other, run), return_exceptions=True)
        begun = [undoing for undoing in both if not isinstance(undoing, BaseException)]
        for undoing in begun:
            assert (await ended(host, undoing.id)).status == "complete"
        assert sorted(str(undoing.key)[-4:] for undoing in begun) == ["0001", "0002"][: len(begun)]
        # who asks once the other's is there is told so
        refused = [error for error in both if isinstance(error, BaseException)]
        assert begun
        assert all(isinstance(error, RefusedError) for error in refused)
    assert office.acts[3:] == ["release z", "release y", "release x"]
    assert sound(tmp_path)


async def test_who_asks_while_another_is_being_begun_takes_the_turn_after_it(tmp_path: Path) -> None:
    office = Office()
    workflow = trip(office)

    class Racing(SqliteStore):
        """Has another ask right before it begins its own."""

        other: Host | None = None

        async def create(self, new: NewRun, *args: Any, **more: Any) -> Created:
            if self.other is not None:
                asked, self.other = self.other, None
                await rolled(asked, run)
            return await super().create(new, *args, **more)

    async with (
        opened(tmp_path, Racing) as store,
        serving(tmp_path, workflow, store=store) as host,
        serving(tmp_path, workflow) as other,
    ):
        run = await done(host, workflow)
        store.other = other
        second = await rolled(host, run)
        assert str(second.key)[-4:] == "0002"
        assert (await ended(host, second.id)).status == "complete"
    assert office.acts[3:] == ["release z", "release y", "release x"]
    assert sound(tmp_path)


async def test_two_processes_take_everything_back_once(tmp_path: Path) -> None:
    office = Office()
    workflow = trip(office)
    async with serving(tmp_path, workflow) as host, serving(tmp_path, workflow) as other:
        run = await done(host, workflow)
        undoing = await rolled(other, run)
        await ended(host, undoing.id)
        await ended(other, undoing.id)
    assert office.acts[3:] == ["release z", "release y", "release x"]
    assert sound(tmp_path)


async def test_a_key_that_looks_like_a_rollback_is_none(tmp_path: Path) -> None:
    office = Office()
    workflow = trip(office)
    async with serving(tmp_path, workflow) as host:
        run = await done(host, workflow)
        key = f"undo of {run}, 0001"
        other = (await host.start(workflow, None, principal=OPERATOR, key=key)).row.id
        await ended(host, other)
        undoing = await rolled(host, run)
        await ended(host, undoing.id)
        assert undoing.key == f"undo of {run}, 0002"
        assert office.acts[6:] == ["release z", "release y", "release x"]


# -- runs that come after --------------------------------------------------------------------------------


async def test_a_fork_takes_back_nothing_of_the_original(tmp_path: Path) -> None:
    office = Office()
    workflow = trip(office)
    async with serving(tmp_path, workflow) as host:
        run = await done(host, workflow)
        forked = await fork(host.store, host.clock, await host.store.run(run), by=OPERATOR)
        await ended(host, forked.id)
        with pytest.raises(RefusedError, match="nothing that run"):
            await rolled(host, forked.id)
    assert office.acts == ["book x", "book y", "book z"]


async def test_a_fork_of_a_run_that_was_rolled_back_does_again_what_is_gone(tmp_path: Path) -> None:
    office = Office()
    workflow = trip(office)
    async with serving(tmp_path, workflow) as host:
        run = await done(host, workflow)
        await ended(host, (await rolled(host, run, "a")).id)
        forked = await fork(host.store, host.clock, await host.store.run(run), by=OPERATOR)
        await ended(host, forked.id)
    assert office.acts[3:] == ["release z", "book z"]
    assert sound(tmp_path)


async def test_a_fork_that_would_do_again_what_stands_is_refused_unless_it_begins_before(
    tmp_path: Path,
) -> None:
    office = Office()
    flow = sequential(books("a", office.booking, "x"), books("b", tool(office.book, name="post"), "y"))
    workflow = Workflow("trip", flow)
    async with serving(tmp_path, workflow) as host:
        run = await done(host, workflow)
        undoing = await rolled(host, run)
        await reply(host, await asked(host, undoing.id), {"undone": False})
        await ended(host, undoing.id)
        row = await host.store.run(run)
        with pytest.raises(RefusedError, match="after that stands: sequential@1/b@1/tool/1") as refused:
            await fork(host.store, host.clock, row, by=OPERATOR)
        assert "--at 1 begins before" in str(refused.value.remedy)
        forked = await fork(host.store, host.clock, row, by=OPERATOR, at=1)
        await ended(host, forked.id)
    assert office.acts == ["book x", "book y", "release x", "book x", "book y"]


async def test_a_retry_does_again_what_a_cancellation_with_undo_took_back(tmp_path: Path) -> None:
    office = Office()
    workflow = trip(office, CLERK)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        row = await parked(host, run)
        await commands.cancel(host.store, host.clock, row, by=OPERATOR, undo=True)
        await ended(host, run)
        again = await retry(host.store, host.clock, await host.store.run(run), by=OPERATOR)
        await parked(host, again.id)
        await cancel(host, again.id)
    assert office.acts[6:] == ["book x", "book y", "book z"]


async def test_a_fork_does_again_what_a_child_did_that_was_taken_back_and_what_was_undone_by_hand(
    tmp_path: Path,
) -> None:
    office = Office()
    inner = Workflow("inner", books("b", office.booking, "y"))
    flow = sequential(books("a", tool(office.book), "x"), subworkflow(inner))
    workflow = Workflow("outer", flow)
    async with serving(tmp_path, workflow) as host:
        run = await done(host, workflow)
        undoing = await rolled(host, run)
        await reply(host, await asked(host, undoing.id), {"undone": True})
        await ended(host, undoing.id)
        forked = await fork(host.store, host.clock, await host.store.run(run), by=OPERATOR)
        await ended(host, forked.id)
    assert office.acts == ["book x", "book y", "release y", "book x", "book y"]


# -- who, and why ----------------------------------------------------------------------------------------


async def test_what_does_not_fit_is_refused_before_anything_happens(tmp_path: Path) -> None:
    office = Office()
    workflow = trip(office)
    async with serving(tmp_path, workflow) as host:
        run = await done(host, workflow)
        row = await host.store.run(run)
        with pytest.raises(NotAllowedError):
            await roll_back(host.store, host.clock, row, by=ADA, reason="so")
        with pytest.raises(InputError, match="needs a reason"):
            await roll_back(host.store, host.clock, row, by=OPERATOR, reason=" ")
        with pytest.raises(NotFoundError, match="no step 'c' of it has ended"):
            await rolled(host, run, "c")
        stranger = Principal("person", "eve", "acme", every_role=True)
        with pytest.raises(NotFoundError):
            await roll_back(host.store, host.clock, row, by=stranger, reason="so")
    assert office.acts == ["book x", "book y", "book z"]


# -- a dry run -------------------------------------------------------------------------------------------


def needs(nothing: str) -> None:
    raise NotImplementedError(nothing)


async def test_a_dry_run_says_what_would_be_done_and_does_nothing(tmp_path: Path) -> None:
    office = Office()
    flow = sequential(
        books("a", office.booking, "x"),
        books("b", tool(office.book, name="post"), "y"),
        books("c", Tool(office.book, name="hold", undo=needs), "z"),
    )
    workflow = Workflow("trip", flow)
    async with serving(tmp_path, workflow) as host:
        run = await done(host, workflow)
        row = await host.store.run(run)
        before = len(await host.store.events(run))
        plan = await rehearsal_of(host.store, row, workflow, by=OPERATOR)
        why = "needs needs 'nothing', which neither the arguments nor the result of the call hold"
        assert plan == [
            Planned(run, "sequential@1/c@1/tool/1", "hold", "ask", why=why),
            Planned(run, "sequential@1/b@1/tool/1", "post", "ask", why="it declares no undo"),
            Planned(run, "sequential@1/a@1/tool/1", "book", "undo", "release", {"booked": "x"}),
        ]
        assert await rehearsal_of(host.store, row, workflow, by=OPERATOR, to="b") == plan[:1]
        elsewhere = await rehearsal_of(host.store, row, None, by=OPERATOR)
        assert elsewhere[2].why.endswith("cannot be found here")
        assert (len(await host.store.events(run)), office.acts) == (before, ["book x", "book y", "book z"])
    async with opened(tmp_path, SqliteStore) as store:
        assert (await store.run(run)).status == "complete"
