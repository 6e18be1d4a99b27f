"""What goes on elsewhere for a run is called off when the run ends first; what was seen to its end is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    OPERATOR,
    asked,
    begin,
    cancel,
    ended,
    events,
    parked,
    reply,
    serving,
    turned,
)
from ripieno import Context, Function, Workflow, human, sequential
from ripieno.connectors.tool import Tool
from ripieno.kernel import commands
from ripieno.model.errors import DefinitionError, ToolError
from ripieno.participants.base import BaseParticipant

OPERATOR_ROLE = "operator"


class Elsewhere:
    """Begins work that goes on until it is called off."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.going: list[str] = []
        self.refuses = refuses

    def begin(self, what: str) -> str:
        self.going.append(what)
        return what

    def call_off(self, what: str) -> None:
        if self.refuses:
            msg = "it does not stop"
            raise ToolError(msg)
        self.going.remove(what)

    def waited_for(self, *, seconds: float, within: str | None = None) -> BaseParticipant:
        """Give a participant that begins it and waits."""
        start = Tool(self.begin, undo=Tool(self.call_off), ongoing=True)

        async def waits(given: object, context: Context) -> str:
            del given
            await context.use(start, what="survey")
            await context.sleep(seconds)
            return "surveyed"

        found = Function(waits, pure=True)
        return found if within is None else found.timeout(within)


def flow(elsewhere: Elsewhere) -> Workflow:
    return Workflow("survey", elsewhere.waited_for(seconds=3600))


async def test_a_run_that_is_cancelled_calls_off_what_it_waits_for(tmp_path: Path) -> None:
    elsewhere = Elsewhere()
    workflow = flow(elsewhere)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        assert elsewhere.going == ["survey"]
    async with serving(tmp_path, workflow) as host:
        await cancel(host, run)
        outcome = await ended(host, run)
        [plan] = await events(host, run, "undo")
    assert (outcome.status, elsewhere.going) == ("cancelled", [])
    assert outcome.reason == "cancelled by person:op; undone: begin (waits@1/tool/1)"
    assert plan.body["why"] == "ended"


async def test_a_run_that_ends_otherwise_calls_off_what_was_stopped_within_it(tmp_path: Path) -> None:
    elsewhere, clock = Elsewhere(), HandClock()
    workflow = Workflow("survey", elsewhere.waited_for(seconds=3600, within="1m"))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        clock.turn(61)
        host.ring()
        outcome = await ended(host, run)
    assert (outcome.status, elsewhere.going) == ("failed", [])


async def test_what_was_waited_for_to_its_end_is_left_alone(tmp_path: Path) -> None:
    elsewhere, clock = Elsewhere(), HandClock()
    workflow = Workflow("survey", sequential(elsewhere.waited_for(seconds=60), human("clerk", role="clerk")))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        clock.turn(61)
        host.ring()
        await asked(host, run, "clerk")
        await parked(host, run)
        await cancel(host, run)
        assert (await ended(host, run)).status == "cancelled"
        assert await events(host, run, "undo") == []
    assert elsewhere.going == ["survey"]


async def test_who_cannot_be_called_off_goes_to_an_operator_also_across_a_restart(tmp_path: Path) -> None:
    elsewhere = Elsewhere(refuses=True)
    workflow = flow(elsewhere)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        await cancel(host, run)
        question = await asked(host, run, "undo")
        assert question.role == OPERATOR_ROLE
        title = commands.asked_for(host.store, question).title
        assert title == "cannot be undone here: begin, call_off: it does not stop"
        await parked(host, run)
    async with serving(tmp_path, workflow) as host:
        await reply(host, question, {"undone": True})
        outcome = await ended(host, run)
        assert len(await events(host, run, "undo")) == 1
    assert outcome.reason == "cancelled by person:op; undone by hand: begin (waits@1/tool/1)"


async def test_a_cancellation_with_undo_takes_it_back_once(tmp_path: Path) -> None:
    elsewhere = Elsewhere()
    workflow = flow(elsewhere)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        row = await parked(host, run)
        await commands.cancel(host.store, host.clock, row, by=OPERATOR, undo=True)
        await ended(host, run)
        assert len(await events(host, run, "undo")) == 1
    assert elsewhere.going == []


async def test_what_was_begun_before_a_mark_is_found_in_the_log(tmp_path: Path) -> None:
    elsewhere, clock = Elsewhere(), HandClock()
    start = Tool(elsewhere.begin, undo=Tool(elsewhere.call_off), ongoing=True)

    async def looks(given: object, context: Context) -> str:
        del given
        found = context.resumption()
        round_ = 0 if found is None else found.round
        if found is None:
            await context.use(start, what="survey")
        while True:
            await context.sleep(60)
            await context.now()
            round_ += 1
            await context.segment(round_, {}, {})

    workflow = Workflow("survey", Function(looks, pure=True))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await parked(host, run)
    for _ in range(12):
        async with serving(tmp_path, workflow, clock=clock) as host:
            await turned(host, clock, run, 61)
    async with serving(tmp_path, workflow, clock=clock) as host:
        assert await events(host, run, "segment")
        await cancel(host, run)
        await ended(host, run)
    assert elsewhere.going == []


def test_what_goes_on_elsewhere_has_to_be_called_off_by_something() -> None:
    begins: Callable[..., Any] = Elsewhere().begin
    with pytest.raises(DefinitionError, match="nothing calls it off"):
        Tool(begins, ongoing=True)
