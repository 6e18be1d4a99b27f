"""Code that asks for something else than was recorded, within an open visit: the run is blocked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from kernel.scenarios.elsewhere import Elsewhere
from kernel.scenarios.house import (
    OPERATOR,
    asked,
    begin,
    ended,
    events,
    parked,
    reply,
    resting,
    serving,
    until,
)
from ripieno.connectors.tool import tool
from ripieno.journal.records import RunRow
from ripieno.kernel import operators
from ripieno.kernel.host import Host
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Question, Task
from ripieno.participants.base import BaseParticipant
from ripieno.participants.function import Function
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.resolvers import merge
from ripieno.workflows.workflow import Workflow

Act = Callable[[Context, Task], Awaitable[object]]

QUESTION = Question(role="clerk", title="go on?", form={"type": "object"})


class Changing(BaseParticipant):
    """Does what it is given to do, then asks a clerk."""

    kind = "changing"

    def __init__(self, act: Act) -> None:
        super().__init__("changing")
        self._act = act

    def describe(self) -> dict[str, object]:  # pyright: ignore[reportIncompatibleMethodOverride] - says nothing of what is changed
        return {}

    async def act(self, task: Task, context: Context) -> Outcome:
        await self._act(context, task)
        await context.ask(QUESTION)
        return Outcome("complete")


BOOKING = Elsewhere()
book, unbook = tool(BOOKING.book, name="book"), tool(BOOKING.book, name="unbook")


async def books(context: Context, task: Task) -> object:
    del task
    return await context.use(book, what="visit")


async def books_something_else(context: Context, task: Task) -> object:
    del task
    return await context.use(book, what="operation")


async def uses_another_tool(context: Context, task: Task) -> object:
    del task
    return await context.use(unbook, what="visit")


def nothing(given: object) -> object:
    return given


async def visits(context: Context, task: Task) -> object:
    return await context.call(Function(nothing, name="part", pure=True), task, key="1/choice/1")


async def chooses_within(context: Context, task: Task) -> object:
    async def choose(context: Context) -> str:
        return await context.choose("way", "left", offered=["left", "right"], because={})

    return await context.call(Function(choose, name="part", pure=True), task)


async def blocked(host: Host, run: str) -> RunRow:
    async def look() -> RunRow | None:
        row = await host.store.run(run)
        return row if row.status == "blocked" else None

    return await until(look)


@pytest.mark.parametrize(
    ("before", "after", "where"),
    [
        (
            books,
            books_something_else,
            "event 2 claimed book with other arguments, now book is asked for",
        ),
        (
            books,
            uses_another_tool,
            "event 2 claimed book with these arguments, now unbook is asked for",
        ),
        (visits, chooses_within, "the code asks for choice, recorded is step (event 2)"),
    ],
    ids=["other arguments", "other tool", "other kind"],
)
async def test_it_says_where_and_goes_on_when_the_code_is_right_again(
    tmp_path: Path, before: Act, after: Act, where: str
) -> None:
    right, wrong = Workflow("changing", Changing(before)), Workflow("changing", Changing(after))
    assert right.version == wrong.version, "nobody noticed"
    async with serving(tmp_path, right) as host:
        run = await begin(host, right)
        await parked(host, run)
        recorded = len(await events(host, run))
    async with serving(tmp_path, wrong) as host:
        await reply(host, await asked(host, run), {})
        row = await blocked(host, run)
        assert where in str(row.detail)
        assert len(await events(host, run)) == recorded + 1, "the answer alone"
    async with serving(tmp_path, right) as host:
        await operators.resume(host.store, host.clock, await host.store.run(run), by=OPERATOR)
        assert (await ended(host, run)).status == "complete"


class Careless(BaseParticipant):
    """Does its work, and cannot say what it has read."""

    kind = "careless"
    careful = False

    def describe(self) -> dict[str, object]:  # pyright: ignore[reportIncompatibleMethodOverride] - has no settings
        return {}

    def reads(self, task: Task) -> dict[str, str]:
        return {"input": task.input.ref} if self.careful else {"input": task.turn.ref}  # pyright: ignore[reportOptionalMemberAccess] - the mistake

    async def act(self, task: Task, context: Context) -> Outcome:
        del task, context
        return Outcome("complete", "done")


async def test_a_participant_that_breaks_the_kernel_stops_its_own_run_and_no_other(tmp_path: Path) -> None:
    careless = Careless("careless")
    workflow = Workflow("careless", careless)
    sound = Workflow("sound", Function(nothing, pure=True))
    async with serving(tmp_path, workflow, sound) as host:
        run = await begin(host, workflow)
        row = await resting(host, run)
        assert (row.status, row.detail) == (
            "blocked",
            "AttributeError: 'NoneType' object has no attribute 'ref'",
        )
        assert (await ended(host, await begin(host, sound))).status == "complete"
        careless.careful = True
        await operators.resume(host.store, host.clock, await host.store.run(run), by=OPERATOR)
        assert (await ended(host, run)).output == "done"


async def test_a_branch_that_breaks_the_kernel_is_heard_of_in_the_pattern_around_it(tmp_path: Path) -> None:
    workflow = Workflow("careless", concurrent(Careless("careless"), resolve=merge()))
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert outcome.status == "failed"
    assert "AttributeError: 'NoneType' object has no attribute 'ref' (in reads" in str(outcome.reason)
