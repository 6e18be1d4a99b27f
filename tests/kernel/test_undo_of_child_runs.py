"""What a child run did that has ended is taken back by a run of its own; the child stays as it ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.house import (
    OPERATOR,
    asked,
    begin,
    cancel,
    ended,
    events,
    heard,
    opened,
    parked,
    reply,
    serving,
    until,
)
from kernel.scenarios.office import Office, books
from kernel.scenarios.parents import child_of, sound
from kernel.scenarios.watched_store import WatchedStore
from ripieno import (
    Confidence,
    Context,
    Outcome,
    ToolError,
    Workflow,
    approved,
    concurrent,
    highest_confidence,
    human,
    sequential,
    subworkflow,
    tool,
)
from ripieno.journal.records import Draft, RunFilter, RunRow
from ripieno.kernel import commands, operators
from ripieno.kernel.forks import fork
from ripieno.kernel.host import Host
from ripieno.kernel.retries import retry
from ripieno.model.action import UndoRule
from ripieno.model.effect_rule import EffectRule
from ripieno.model.errors import RefusedError
from ripieno.model.ids import short
from ripieno.model.participant import Task
from ripieno.participants.base import BaseParticipant

CLERK = human("clerk", role="clerk")


async def undoing(host: Host, run: str) -> None:
    """Cancel with undo, once somebody is asked."""
    await asked(host, run, "clerk")
    await parked(host, run)
    await undo_all(host, run)


async def undo_all(host: Host, run: str) -> None:
    row = await host.store.run(run)
    await commands.cancel(host.store, host.clock, row, by=OPERATOR, reason="wrong", undo=True)


async def undo_runs(host: Host) -> list[RunRow]:
    """Give the runs that take back what others did, oldest first."""
    found: list[RunRow] = []
    for row in await host.store.runs(RunFilter()):
        [started] = await events(host, row.id, "run.started")
        if "undoes" in started.body:
            found.append(row)
    return sorted(found, key=lambda row: row.id)


def nested(office: Office) -> Workflow:
    inner = Workflow("inner", books("b", office.booking, "y"))
    middle = Workflow("middle", sequential(books("a", office.booking, "x"), subworkflow(inner)))
    return Workflow("outer", sequential(subworkflow(middle), books("c", office.booking, "z"), CLERK))


async def test_a_cancellation_with_undo_takes_back_what_ended_children_did_the_latest_first(
    tmp_path: Path,
) -> None:
    office = Office()
    workflow = nested(office)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await asked(host, run, "clerk")
        before = {row.id: row for row in await host.store.runs(RunFilter())}
        await undoing(host, run)
        outcome = await ended(host, run)
        assert office.acts == ["book x", "book y", "book z", "release z", "release y", "release x"]
        middle = await child_of_first(host, run)
        inner = await child_of_first(host, middle)
        assert outcome.reason == (
            "cancelled by person:op: wrong; undone: book (sequential@1/c@1/tool/1)"
            f"; undone: book (b@1/tool/1 of run {short(inner)})"
            f"; undone: book (sequential@1/a@1/tool/1 of run {short(middle)})"
        )
        for child in (middle, inner):  # closed, and left as it was
            assert await host.store.run(child) == before[child]
        assert [(row.workflow, row.status, row.parent) for row in await undo_runs(host)] == [
            ("middle", "complete", run),
            ("inner", "complete", (await undo_runs(host))[0].id),
        ]
    assert sound(tmp_path)


async def child_of_first(host: Host, run: str) -> str:
    return (await events(host, run, "asked"))[0].body["child"]


async def test_what_has_no_undo_in_a_child_is_named_and_a_child_that_did_nothing_is_not(
    tmp_path: Path,
) -> None:
    shouts = books("shouts", tool(Office().book), "x")
    silent = Workflow("silent", books("nothing", Office().booking))
    loud = Workflow("loud", shouts)
    workflow = Workflow("outer", sequential(subworkflow(loud), subworkflow(silent), CLERK))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await undoing(host, run)
        child = await child_of_first(host, run)
        assert (await ended(host, run)).reason == (
            "cancelled by person:op: wrong"
            f"; stands, having no undo: book (shouts@1/tool/1 of run {short(child)})"
        )
        assert await undo_runs(host) == []


async def test_children_of_which_nothing_stands_are_no_part_of_a_plan(tmp_path: Path) -> None:
    silent = Workflow("silent", books("nothing", Office().booking))
    workflow = Workflow("outer", sequential(subworkflow(silent), CLERK))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await undoing(host, run)
        assert (await ended(host, run)).reason == "cancelled by person:op: wrong"
        assert await events(host, run, "undo") == []


# -- branches that lose ----------------------------------------------------------------------------------


def contest(office: Office, losers: UndoRule) -> Workflow:
    """Let a branch that runs a workflow lose against one that is surer."""
    inner = Workflow("inner", books("b", office.booking, "y"))
    return Workflow("outer", sequential(against(subworkflow(inner), losers), CLERK))


def against(loser: BaseParticipant, losers: UndoRule) -> BaseParticipant:
    wins = books(
        "wins", Office().booking, gives=Outcome("complete", "won", confidence=Confidence(0.9, "test"))
    )
    return concurrent(loser, wins, resolve=highest_confidence(), losers=losers, name="contest")


async def test_a_losing_branch_has_what_its_child_did_taken_back_and_only_once(tmp_path: Path) -> None:
    office = Office()
    workflow = contest(office, "undo")
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await asked(host, run, "clerk")
        assert office.acts == ["book y", "release y"]
        await undoing(host, run)
        assert (await ended(host, run)).status == "cancelled"
        assert office.acts == ["book y", "release y"]
        assert len(await undo_runs(host)) == 1
    assert sound(tmp_path)


async def test_what_a_losing_child_did_is_listed_where_that_is_declared(tmp_path: Path) -> None:
    office = Office()
    workflow = contest(office, "list")
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await asked(host, run, "clerk")
        [plan] = await events(host, run, "undo")
        child = await child_of_first(host, run)
        assert plan.body["effects"] == [{"path": "b@1/tool/1", "tool": "book", "do": "list", "run": child}]
        assert (office.acts, await undo_runs(host)) == (["book y"], [])


# -- people ----------------------------------------------------------------------------------------------


async def test_what_cannot_be_taken_back_goes_to_a_person_and_comes_to_the_parent(tmp_path: Path) -> None:
    office = Office(refuses=True)
    workflow = nested(office)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await undoing(host, run)
        await reply(host, await asked(host, run, "undo"), {"undone": True})
        taking = await child_of_first_undo(host, run)
        inner = await child_of_first_undo(host, taking)
        question = await asked(host, inner, "undo")
        told = commands.asked_for(host.store, question)
        assert (told.title, question.role) == ("cannot be undone here: book, release: y was used", "operator")
        await reply(host, question, {"undone": False, "note": "used"})
        await reply(host, await asked(host, taking, "undo"), {"undone": True})
        outcome = await ended(host, run)
        assert "; stands: book (b@1/tool/1 of run" in str(outcome.reason)
        assert "; undone by hand: book (sequential@1/a@1/tool/1 of run" in str(outcome.reason)


async def child_of_first_undo(host: Host, run: str) -> str:
    """Wait until a run has another begin to undo, and give that."""

    async def look() -> str | None:
        found = [event.body for event in await events(host, run, "asked") if "undoes" in event.body]
        return found[0]["child"] if found else None

    return await until(look)


async def test_an_undoing_that_is_cancelled_is_left_to_a_person(tmp_path: Path) -> None:
    office = Office(refuses=True)
    inner = Workflow("inner", books("b", office.booking, "y"))
    workflow = Workflow("outer", sequential(subworkflow(inner), CLERK))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await undoing(host, run)
        taking = await child_of_first_undo(host, run)
        await asked(host, taking, "undo")
        await undo_all(host, taking)  # which takes back nothing of a run that takes back
        question = await asked(host, run, "undo")
        told = commands.asked_for(host.store, question)
        child = await child_of_first(host, run)
        assert told.title == (
            f"cannot be undone here: inner, what run {short(child)} did was not all taken back:"
            f" run {short(taking)} was cancelled by person:op: wrong"
        )
        assert told.about["run"] == child
        await reply(host, question, {"undone": False})
        outcome = await ended(host, run)
        assert str(outcome.reason).endswith("; stands: inner (sequential@1/inner@1/child/1)")
    assert sound(tmp_path)


# -- what was begun before -------------------------------------------------------------------------------


class Picky(Office):
    """Releases everything but one thing."""

    def release(self, booked: str) -> str:
        if booked == "x":
            msg = f"{booked} was used"
            raise ToolError(msg)
        return super().release(booked)


async def test_a_second_undoing_takes_up_where_the_first_was_called_off(tmp_path: Path) -> None:
    """The operator skips the step while the first is at work: it had taken back one of two things."""
    office = Picky()
    both = sequential(books("a", office.booking, "x"), books("b", office.booking, "y"))
    inner = Workflow("inner", both)
    workflow = Workflow("outer", sequential(against(subworkflow(inner), "undo"), CLERK))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        first = await child_of_first_undo(host, run)
        await asked(host, first, "undo")
        row = await host.store.run(run)
        await operators.skip(host.store, host.clock, row, "contest", by=OPERATOR, reason="known", output=1)
        await undoing(host, run)
        assert (await host.store.run(first)).status == "cancelled"

        async def second() -> str | None:
            return next((row.id for row in await undo_runs(host) if row.id != first), None)

        question = await asked(host, await until(second), "undo")
        await reply(host, question, {"undone": True})
        outcome = await ended(host, run)
        child = await child_of_first(host, run)
        assert str(outcome.reason).endswith(
            f"; undone by hand: book (sequential@1/a@1/tool/1 of run {short(child)})"
        )
    assert office.acts == ["book x", "book y", "release y"]
    assert sound(tmp_path)


async def test_a_run_cancelled_with_undo_waits_for_an_undoing_that_is_under_way(tmp_path: Path) -> None:
    office = Office(refuses=True)
    inner = Workflow("inner", books("b", office.booking, "y"))
    workflow = Workflow("outer", sequential(against(subworkflow(inner), "undo"), CLERK))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        taking = await child_of_first_undo(host, run)
        question = await asked(host, taking, "undo")
        await undo_all(host, run)
        await heard(host, run, 1)
        assert not await events(host, taking, "message")
        await parked(host, run)
    async with serving(tmp_path, workflow) as host:
        await reply(host, question, {"undone": True})
        assert (await ended(host, run)).status == "cancelled"
        assert [row.id for row in await undo_runs(host)] == [taking]
    assert sound(tmp_path)


async def test_an_undoing_that_was_never_made_is_begun_anew(tmp_path: Path) -> None:
    """The step is skipped between the intent and the run that it names."""
    office = Office()
    inner = Workflow("inner", books("b", office.booking, "y"))
    workflow = Workflow("outer", sequential(against(subworkflow(inner), "undo"), CLERK))
    async with opened(tmp_path, WatchedStore) as store, serving(tmp_path, workflow, store=store) as host:

        async def skipped(draft: Draft) -> None:
            if draft.kind == "asked" and "/run/" in draft.path:
                store.delay = None
                row = await store.run(draft.lease.run)
                await operators.skip(store, host.clock, row, "contest", by=OPERATOR, reason="known", output=1)
                await heard(host, row.id, 1)

        store.delay = skipped
        run = await begin(host, workflow)
        await undoing(host, run)
        await ended(host, run)
    assert office.acts == ["book y", "release y"]
    assert sound(tmp_path)


class Ruled(BaseParticipant):
    """Lets another work under a rule for effects."""

    kind = "ruled"

    def __init__(self, inner: BaseParticipant, rule: EffectRule) -> None:
        super().__init__("ruled")
        self._inner, self._rule = inner, rule

    def describe(self) -> dict[str, Any]:
        return {}

    def children(self) -> list[BaseParticipant]:
        return [self._inner]

    async def act(self, task: Task, context: Context) -> Outcome:
        return await context.call(self._inner, task, effects=self._rule)


# -- terms -----------------------------------------------------------------------------------------------


async def test_a_drained_workflow_still_has_what_its_runs_did_taken_back(tmp_path: Path) -> None:
    office = Office()
    workflow = nested(office)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await asked(host, run, "clerk")
        for name in ("inner", "middle"):
            await host.store.drain("default", name, "person:op", "old")
        await undoing(host, run)
        await ended(host, run)
    assert office.acts[3:] == ["release z", "release y", "release x"]


async def test_a_rule_for_effects_holds_for_taking_back_what_a_child_did(tmp_path: Path) -> None:
    office = Office()
    inner = Workflow("inner", books("b", office.booking, "y"))
    flow = against(subworkflow(inner), "undo")
    workflow = Workflow("outer", sequential(Ruled(flow, approved("boss")), CLERK))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        child = await child_of(host, run)
        await reply(host, await asked(host, child), {"proceed": True})
        taking = await child_of_first_undo(host, run)
        question = await asked(host, taking)
        assert (question.role, office.acts) == ("boss", ["book y"])
        await reply(host, question, {"proceed": True})
        await asked(host, run, "clerk")
        assert office.acts == ["book y", "release y"]


async def test_a_run_that_takes_back_is_neither_forked_nor_retried(tmp_path: Path) -> None:
    office = Office(refuses=True)
    workflow = contest(office, "undo")
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        taking = await child_of_first_undo(host, run)
        await asked(host, taking, "undo")
        await cancel(host, taking)
        await ended(host, taking)
        row = await host.store.run(taking)
        for again in (fork, retry):
            with pytest.raises(RefusedError, match="takes back what another run did"):
                await again(host.store, host.clock, row, by=OPERATOR)
