"""A run that is cancelled with undo takes back all that it did; what cannot be goes to a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.elsewhere import Elsewhere, Slow
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    ADA,
    OPERATOR,
    asked,
    begin,
    cancel,
    contents,
    ended,
    events,
    parked,
    reply,
    serving,
    snapshot,
    until,
)
from kernel.scenarios.office import Office, books
from ripieno import (
    human,
    sequential,
)
from ripieno.connectors.tool import Tool, tool
from ripieno.kernel import commands, operators
from ripieno.kernel.host import Host
from ripieno.participants.base import BaseParticipant
from ripieno.workflows.workflow import Workflow

DONE: list[str] = []
"""What `annul` took back, for those who find it by its reference."""


def annul(what: str) -> None:
    DONE.append(what)


async def undoing(host: Host, run: str) -> None:
    """Cancel with undo, once the run waits."""
    await parked(host, run)
    row = await host.store.run(run)
    await commands.cancel(host.store, host.clock, row, by=OPERATOR, reason="wrong", undo=True)


# -- what cannot be taken back ---------------------------------------------------------------------------


@pytest.mark.parametrize(("by_hand", "told"), [(True, "undone by hand"), (False, "stands")])
async def test_a_person_is_asked_about_an_undo_that_fails_also_across_a_restart(
    tmp_path: Path,
    by_hand: bool,  # noqa: FBT001 - a parameter of the test
    told: str,
) -> None:
    office = Office(refuses=True)
    flow = sequential(books("a", office.booking, "x"), human("clerk", role="clerk"))
    workflow = Workflow("office", flow)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await asked(host, run, "clerk")
        await undoing(host, run)
        question = await asked(host, run, "undo")
        assert (
            commands.asked_for(host.store, question).title
            == "cannot be undone here: book, release: x was used"
        )
        assert [row.role for row in await host.store.questions(run=run)] == ["operator"]
        await parked(host, run)
    async with serving(tmp_path, workflow) as host:
        with pytest.raises(Exception, match="operator"):
            await reply(host, question, {"undone": by_hand}, by=ADA)
        await reply(host, question, {"undone": by_hand})
        outcome = await ended(host, run)
    assert outcome.reason == f"cancelled by person:op: wrong; {told}: book (sequential@1/a@1/tool/1)"


def by_reference(undo: Any) -> BaseParticipant:
    """Give a flow whose undo no later process has met."""
    return sequential(books("a", Tool(Office().book, undo=undo), "x"), human("clerk", role="clerk"))


async def test_an_undo_is_found_again_by_its_reference(tmp_path: Path) -> None:
    DONE.clear()
    before = Workflow("office", by_reference(annul))
    async with serving(tmp_path, before) as host:
        run = await begin(host, before)
        await asked(host, run, "clerk")
        await parked(host, run)
    after = Workflow("office", by_reference(annul))
    async with serving(tmp_path, after) as host:
        await undoing(host, run)
        outcome = await ended(host, run)
    assert (outcome.status, DONE) == ("cancelled", ["x"])


async def test_an_undo_that_no_other_process_can_find_goes_to_a_person(tmp_path: Path) -> None:
    before, after = (Workflow("office", by_reference(Office().release)) for _ in range(2))
    async with serving(tmp_path, before) as host:
        run = await begin(host, before)
        await parked(host, run)
    async with serving(tmp_path, after) as host:
        await undoing(host, run)
        title = commands.asked_for(host.store, await asked(host, run, "undo")).title
    reference = f"{Office.__module__}:Office.release()"
    assert title == f"cannot be undone here: book, its undo {reference} cannot be found here"


async def test_an_undo_that_needs_what_there_is_not_goes_to_a_person(tmp_path: Path) -> None:
    def release(nothing: str) -> str:
        return nothing

    workflow = Workflow("office", by_reference(release))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        await undoing(host, run)
        title = commands.asked_for(host.store, await asked(host, run, "undo")).title
    why = "release needs 'nothing', which neither the arguments nor the result of the call hold"
    assert title == f"cannot be undone here: book, {why}"


async def test_an_undo_that_is_gone_once_it_was_planned_goes_to_a_person(tmp_path: Path) -> None:
    """The machine dies in the first of two undos, and what makes them is not there when it is back."""
    copy = tmp_path / "copy"

    class Dying(Office):
        def release(self, booked: str) -> str:
            if not copy.exists():
                snapshot(tmp_path / "home", copy)
            return booked

    def workflow(office: Office) -> Workflow:
        booked = books("a", office.booking, "x", "y")
        return Workflow("office", sequential(booked, human("clerk", role="clerk")))

    dying, clock = workflow(Dying()), HandClock()
    async with serving(tmp_path / "home", dying, clock=clock) as host:
        run = await begin(host, dying)
        await parked(host, run)
        await undoing(host, run)
        await ended(host, run)
    clock.turn(3600)
    async with serving(copy, workflow(Dying()), clock=clock) as host:
        doubt = await asked(host, run, "uncertain")
        assert commands.asked_for(host.store, doubt).title == "did release take effect?"
        await reply(host, doubt, {"happened": True})
        question = await asked(host, run, "ask")
        title = commands.asked_for(host.store, question).title
        await reply(host, question, {"undone": False})
        outcome = await ended(host, run)
    assert title == "cannot be undone here: book, release: release cannot be found here any more"
    assert outcome.reason is not None
    assert outcome.reason.endswith(
        "; undone: book (sequential@1/a@1/tool/2); stands: book (sequential@1/a@1/tool/1)"
    )


# -- cancelling ------------------------------------------------------------------------------------------


async def test_a_run_that_is_cancelled_with_undo_awaits_its_call_and_takes_it_back(tmp_path: Path) -> None:
    system = Elsewhere()
    slow = Slow(system)
    taken: list[str] = []

    def take_back(result: str) -> None:
        taken.append(result)

    workflow = Workflow("visit", sequential(books("a", tool(system.book, undo=take_back), "visit")))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await slow.begun.wait()
        row = await host.store.run(run)
        await commands.cancel(host.store, host.clock, row, by=OPERATOR, undo=True)
        host.ring()
        slow.released.set()
        outcome = await ended(host, run)
        [message] = await events(host, run, "message")
        assert contents(host, message, "content") == {"reason": None, "undo": True}
    assert taken == ["visit #1"]
    assert outcome.reason == "cancelled by person:op; undone: book (sequential@1/a@1/tool/1)"


async def test_without_undo_everything_stands(tmp_path: Path) -> None:
    office = Office()
    workflow = Workflow("office", sequential(books("a", office.booking, "x"), human("clerk", role="clerk")))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        await cancel(host, run)
        assert (await ended(host, run)).reason == "cancelled by person:op"
    assert office.acts == ["book x"]


async def test_a_run_without_its_code_is_cancelled_with_undo_once_the_code_is_back(tmp_path: Path) -> None:
    office = Office()
    workflow = Workflow("office", sequential(books("a", office.booking, "x"), human("clerk", role="clerk")))
    other = Workflow("office", sequential(books("b", office.booking, "x"), human("clerk", role="clerk")))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        row = await parked(host, run)
    async with serving(tmp_path, other) as host:
        await host.enter(other, OPERATOR)
        await host.store.declare_compatible("default", row.version, other.version, "person:op")
        await operators.resume(host.store, host.clock, row, by=OPERATOR)

        async def blocked() -> bool | None:
            return (await host.store.run(run)).status == "blocked" or None

        await until(blocked)
        await commands.cancel(host.store, host.clock, await host.store.run(run), by=OPERATOR, undo=True)
    assert office.acts == ["book x"]
    async with serving(tmp_path, workflow) as host:
        await operators.resume(host.store, host.clock, row, by=OPERATOR)
        outcome = await ended(host, run)
    assert (outcome.status, office.acts) == ("cancelled", ["book x", "release x"])
