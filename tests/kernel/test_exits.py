"""Code that exits the process or cancels itself: its visit has failed or its call is in doubt, no more."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from kernel.scenarios.elsewhere import Elsewhere, Slow, nested, uses
from kernel.scenarios.house import (
    asked,
    begin,
    cancel,
    contents,
    ended,
    events,
    heard,
    parked,
    reply,
    serving,
)
from ripieno.connectors.tool import tool
from ripieno.kernel.exits import by_itself, call_by_itself, said
from ripieno.kernel.host import Host
from ripieno.kernel.turnstile import Branch
from ripieno.mediation.validation.check import on_result
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.participants.base import BaseParticipant
from ripieno.participants.function import Function, function
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow

Leaves = Callable[[], Awaitable[None]]

EXITED, CANCELLED = "called sys.exit(7)", "was cancelled by itself"


async def exits() -> None:
    sys.exit(7)


async def closes() -> None:
    raise GeneratorExit


async def raises_cancelled() -> None:
    raise asyncio.CancelledError


async def cancels_its_own() -> None:
    task = asyncio.create_task(asyncio.Event().wait())
    task.cancel()
    await task


async def cancels_itself() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)


async def exits_in_a_thread() -> None:
    await asyncio.to_thread(sys.exit, 7)


WAYS = [
    (exits, EXITED),
    (exits_in_a_thread, EXITED),
    (closes, "GeneratorExit"),
    (raises_cancelled, CANCELLED),
    (cancels_its_own, CANCELLED),
]
LEAVES = pytest.mark.parametrize(("leaves", "reason"), WAYS)
CALL_LEAVES = pytest.mark.parametrize(("leaves", "reason"), [*WAYS, (cancels_itself, CANCELLED)])
"""A call has a task of its own."""


def leaving(leaves: Leaves) -> Function:
    async def leave(given: object) -> None:
        del given
        await leaves()

    return Function(leave, pure=True)


async def same(given: object) -> object:
    return given


SOUND = Workflow("sound", Function(same, pure=True))


@LEAVES
@pytest.mark.parametrize("depth", [0, 2], ids=["plain", "in branches"])
async def test_a_participant_that_leaves_has_failed_and_the_others_go_on(
    tmp_path: Path, leaves: Leaves, reason: str, depth: int
) -> None:
    workflow = Workflow("leaving", nested(leaving(leaves), depth))
    async with serving(tmp_path, workflow, SOUND) as host:
        outcome = await ended(host, await begin(host, workflow))
        assert (await ended(host, await begin(host, SOUND, 1))).output == 1
    assert outcome.status == "failed"
    assert reason in str(outcome.reason)


@LEAVES
async def test_neither_do_limits_wait_for_it(tmp_path: Path, leaves: Leaves, reason: str) -> None:
    workflow = Workflow("leaving", leaving(leaves).limit(active="1h", deadline="1h"))
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert outcome.status == "failed"
    assert reason in str(outcome.reason)


async def test_whoever_cancels_the_visit_that_it_waits_for_has_failed(tmp_path: Path) -> None:
    async def calls(given: object, context: Context) -> None:
        del given
        part = asyncio.create_task(context.sleep(3600))
        await asyncio.sleep(0)
        part.cancel()
        await part

    workflow = Workflow("leaving", Function(calls, pure=True))
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert outcome.status == "failed"
    assert CANCELLED in str(outcome.reason)


class Impatient(BaseParticipant):
    """Calls another one, and calls that off as soon as it has begun."""

    kind = "impatient"

    def __init__(self) -> None:
        super().__init__("impatient")
        self._begun = asyncio.Event()
        self._other = Function(self._for_ever, name="other", pure=True)

    def children(self) -> list[BaseParticipant]:
        return [self._other]

    def describe(self) -> dict[str, object]:  # pyright: ignore[reportIncompatibleMethodOverride] - has no settings
        return {}

    async def _for_ever(self, given: object) -> None:
        del given
        self._begun.set()
        await asyncio.Event().wait()

    async def act(self, task: Task, context: Context) -> Outcome:
        other = asyncio.create_task(context.call(self._other, task))
        await self._begun.wait()
        other.cancel()
        with suppress(asyncio.CancelledError):
            await other
        return Outcome("complete", "went on")


async def test_whoever_cancels_a_visit_on_purpose_goes_on(tmp_path: Path) -> None:
    workflow = Workflow("calling", Impatient())
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert outcome.output == "went on"


@CALL_LEAVES
async def test_a_function_that_writes_and_leaves_is_in_doubt_at_once(
    tmp_path: Path, leaves: Leaves, reason: str
) -> None:
    @function
    async def writes(given: object) -> None:
        del given
        await leaves()

    workflow = Workflow("leaving", writes)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        question = await asked(host, run, "uncertain")
        [result] = await events(host, run, "result")
        assert result.body["status"] == "uncertain"
        assert reason in contents(host, result, "error")
        await reply(host, question, {"happened": True, "result": "found"})
        outcome = await ended(host, run)
    assert outcome.output == "found"


async def test_a_plain_function_that_writes_and_exits_in_its_thread_is_in_doubt(tmp_path: Path) -> None:
    @function
    def writes(given: object) -> None:
        del given
        sys.exit()

    workflow = Workflow("leaving", writes)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        [result] = await events(host, run, "result")
        assert contents(host, result, "error") == "called sys.exit()"


@CALL_LEAVES
async def test_a_tool_that_reads_and_leaves_has_failed(tmp_path: Path, leaves: Leaves, reason: str) -> None:
    @tool(effect="read")
    async def look() -> None:
        await leaves()

    workflow = Workflow("leaving", uses(look))
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert outcome.status == "failed"
    assert reason in str(outcome.reason)


@pytest.mark.parametrize("leaves", [exits, raises_cancelled, cancels_itself])
async def test_a_system_that_leaves_when_it_is_asked_what_became_of_a_call_is_asked_again(
    tmp_path: Path, leaves: Leaves
) -> None:
    system = Elsewhere()
    system.after, system.when_asked = [exits], [leaves]
    book = tool(system.book, on_uncertain=system.find)
    workflow = Workflow("leaving", uses(book, what="visit"))
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert outcome.output == "visit #1"
    assert len(system.asked) == 2


def exits_at_once(given: object) -> None:
    del given
    sys.exit(7)


async def test_a_check_that_exits_does_not_pass(tmp_path: Path) -> None:
    workflow = Workflow("checked", Function(same, pure=True).check(on_result(exits_at_once)))
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert outcome.status != "complete"
    assert "could not be checked: SystemExit: 7" in str(outcome.reason)


async def test_a_call_that_is_cancelled_by_others_is_still_awaited(tmp_path: Path) -> None:
    system = Elsewhere()
    slow = Slow(system)
    workflow = Workflow("visit", uses(tool(system.book), what="visit"))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await slow.begun.wait()
        await cancel(host, run)
        await heard(host, run, 1)
        slow.released.set()
        assert (await ended(host, run)).status == "cancelled"


async def lost(host: Host, run: str) -> None:
    """Find, where a run is at work, that it has been taken over elsewhere."""
    host._residents[run].stop("lost")  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - nobody takes it over in time
    await asyncio.Event().wait()


async def test_a_call_of_a_run_that_is_lost_unwinds_without_a_word(tmp_path: Path) -> None:
    heard_of, runs = asyncio.Event(), asyncio.Queue[str]()

    @function
    async def writes(given: object) -> None:
        del given
        try:
            await lost(host, await runs.get())
        finally:
            heard_of.set()

    workflow = Workflow("lost", writes)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await runs.put(run)
        await heard_of.wait()
        assert await events(host, run, "result") == []


async def test_so_does_whoever_asks_what_became_of_it(tmp_path: Path) -> None:
    system, runs, heard_of = Elsewhere(), asyncio.Queue[str](), asyncio.Event()

    async def ask() -> None:
        try:
            await lost(host, await runs.get())
        finally:
            heard_of.set()

    system.after, system.when_asked = [exits], [ask]
    workflow = Workflow("lost", uses(tool(system.book, on_uncertain=system.find), what="visit"))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await runs.put(run)
        await heard_of.wait()
    assert len(system.asked) == 1


def test_what_is_closed_after_its_loop_has_not_left_by_itself() -> None:
    assert not by_itself(GeneratorExit(), Branch())


async def test_what_is_closed_by_another_task_has_not_left_by_itself() -> None:
    branch = Branch()
    assert not by_itself(GeneratorExit(), branch)
    branch.task = asyncio.current_task()
    assert by_itself(GeneratorExit(), branch)


async def test_who_was_cancelled_has_not_left_by_itself() -> None:
    task = asyncio.current_task()
    assert task is not None
    assert by_itself(asyncio.CancelledError(), Branch())
    task.cancel()
    assert not by_itself(asyncio.CancelledError(), Branch())
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(0)
    task.uncancel()


async def test_a_call_that_nobody_awaits_any_more_ends_with_its_process() -> None:
    branch, around = Branch(), Branch()
    branch.task, around.task = asyncio.current_task(), asyncio.create_task(asyncio.sleep(0))
    assert branch.task is not None
    await around.task
    branch.task.cancel()
    with pytest.raises(asyncio.CancelledError) as met:
        await asyncio.sleep(0)
    assert not call_by_itself(met.value, branch, around)
    assert call_by_itself(met.value, branch, Branch()), "nobody else has ended"
    assert branch.task.cancelling() == 0


def test_an_exit_is_told_as_it_was_called() -> None:
    assert said(SystemExit("not now")) == "called sys.exit('not now')"


def test_a_loop_that_a_task_of_its_own_ends_loses_nothing(tmp_path: Path) -> None:
    """Asyncio gives the exit of any task to whoever runs the loop: a program of one's own ends by it."""
    leaves = [True]

    async def starts_a_task(given: object) -> object:
        if leaves:
            leaves.clear()
            await asyncio.create_task(exits())
        return given

    workflow = Workflow("leaving", sequential(Function(same, pure=True), Function(starts_a_task, pure=True)))
    runs: list[str] = []

    async def served() -> Outcome:
        async with serving(tmp_path, workflow) as host:
            if not runs:
                runs.append(await begin(host, workflow, "kept"))
            return await ended(host, runs[0])

    with pytest.raises(SystemExit, match="7"):
        asyncio.run(served())
    assert asyncio.run(served()).output == "kept"
