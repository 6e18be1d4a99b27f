"""A retry runs what failed again, and nothing that was done before it or beside it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kernel.scenarios.elsewhere import Elsewhere, uses
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
)
from ripieno.connectors.tool import tool
from ripieno.kernel.host import Host
from ripieno.kernel.retries import retry
from ripieno.model.errors import NotAllowedError, NotFoundError, RefusedError, ToolError
from ripieno.model.limits import Limits
from ripieno.model.participant import Context
from ripieno.model.principal import Principal
from ripieno.model.spending import Cost
from ripieno.participants.function import Function
from ripieno.participants.human import human
from ripieno.patterns.base import Stage
from ripieno.patterns.concurrent import BranchFailure, concurrent
from ripieno.patterns.resolvers import merge
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow

MINUTE = 60


class Gate:
    """A system that refuses until it is mended."""

    def __init__(self) -> None:
        self.mended = False
        self.calls = 0

    def knock(self) -> str:
        self.calls += 1
        if not self.mended:
            msg = "closed"
            raise ToolError(msg)
        return "open"

    def stage(self, name: str = "gate", *, attempts: int = 1) -> Function:
        knock = tool(self.knock, attempts=attempts)

        async def pass_through(context: Context) -> object:
            return await context.use(knock)

        return Function(pass_through, name=name, pure=True)


async def again(host: Host, run: str, *, reason: str = "mended") -> str:
    row = await retry(host.store, host.clock, await host.store.run(run), by=OPERATOR, reason=reason)
    host.ring()
    return row.id


async def failing(host: Host, workflow: Workflow) -> str:
    run = await begin(host, workflow)
    assert (await ended(host, run)).status == "failed"
    return run


async def test_what_was_done_before_the_failed_step_is_not_done_again(tmp_path: Path) -> None:
    system, gate = Elsewhere(), Gate()
    books = uses(tool(system.book), what="it")
    workflow = Workflow("visit", sequential(books, gate.stage(), uses(tool(system.book), "after", what="b")))
    async with serving(tmp_path, workflow) as host:
        run = await failing(host, workflow)
        gate.mended = True
        second = await again(host, run)
        assert (await ended(host, second)).status == "complete"
        row = await host.store.run(second)
        forked = (await events(host, second, "run.forked"))[0]
        assert (row.parent, forked.body["what"], forked.body["by"]) == (run, "retry", "person:op")
        assert contents(host, forked, "reason") == "mended"
    assert (len(system.calls), gate.calls) == (2, 2)


@pytest.mark.parametrize("on_failure", ["fail_fast", "collect"])
async def test_what_was_done_beside_the_failed_step_is_not_done_again(
    tmp_path: Path, on_failure: BranchFailure
) -> None:
    system, gate = Elsewhere(), Gate()
    entered = asyncio.Event()

    async def slowly() -> None:
        await entered.wait()

    system.before.append(slowly)

    async def knocks_then_lets_the_other_go(context: Context) -> object:
        try:
            return await context.use(tool(gate.knock, attempts=1))
        finally:
            entered.set()

    knocking = Function(knocks_then_lets_the_other_go, name="knocking", pure=True)
    books = uses(tool(system.book), what="it")
    flow = concurrent(books, knocking, resolve=merge(), on_failure=on_failure)
    workflow = Workflow("visit", sequential(flow))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        assert (await ended(host, run)).status != "complete"
        gate.mended = True
        assert (await ended(host, await again(host, run))).status == "complete"
    assert (len(system.booked), gate.calls) == (1, 2)


class Mail:
    """A system that breaks off until it is mended; nobody can tell by itself whether it took the call."""

    def __init__(self) -> None:
        self.mended = False
        self.taken: list[str] = []

    def send(self, to: str) -> str:
        if not self.mended:
            msg = "broken off"
            raise ConnectionError(msg)
        self.taken.append(to)
        return "sent"


@pytest.mark.parametrize("happened", [False, True])
async def test_what_was_said_of_a_call_in_doubt_stands_only_where_it_took_effect(
    tmp_path: Path, *, happened: bool
) -> None:
    mail = Mail()
    send = tool(mail.send, on_uncertain="ask", attempts=1)
    gate = Gate()

    async def write(context: Context) -> object:
        return await context.use(send, to="ada")

    workflow = Workflow("mail", sequential(Function(write, name="write", pure=True), gate.stage()))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        said = {"happened": True, "result": "sent"} if happened else {"happened": False}
        await reply(host, await asked(host, run, "uncertain"), said)
        assert (await ended(host, run)).status == "failed"
        mail.mended = gate.mended = True
        second = await ended(host, await again(host, run))
        assert (second.status, second.output) == ("complete", "open")
    assert mail.taken == ([] if happened else ["ada"])


async def test_a_step_that_was_tried_several_times_is_tried_once_more(tmp_path: Path) -> None:
    gate = Gate()
    workflow = Workflow("visit", sequential(gate.stage().retry(3, backoff="1ms"), name="flow"))
    async with serving(tmp_path, workflow) as host:
        run = await failing(host, workflow)
        gate.mended = True
        assert (await ended(host, await again(host, run))).status == "complete"
    assert gate.calls == 4


def waits() -> Stage:
    return human("clinician", role="clinician")


@pytest.mark.parametrize("timed", ["step", "deadline"])
async def test_a_step_that_took_too_long_has_its_whole_time_again(tmp_path: Path, timed: str) -> None:
    clock = HandClock()
    late = human("clinician", role="clinician")
    stage = sequential(late.timeout("20m") if timed == "step" else late)
    limits = Limits(deadline="20m") if timed == "deadline" else None
    workflow = Workflow("visit", stage, limits=limits)
    async with serving(tmp_path, workflow, clock=clock) as host:

        async def too_late(run: str) -> None:
            await parked(host, run)
            clock.turn(19 * MINUTE)
            host.ring()
            await parked(host, run)
            clock.turn(2 * MINUTE)
            host.ring()
            assert (await ended(host, run)).status in ("failed", "escalated")

        run = await begin(host, workflow)
        await too_late(run)
        second = await again(host, run)
        await too_late(second)
        assert len(await events(host, second, "asked")) == 2


@pytest.mark.parametrize("inner", [False, True], ids=["the run", "a part of it"])
async def test_what_stopped_at_a_limit_has_the_whole_limit_again(tmp_path: Path, *, inner: bool) -> None:
    system = Elsewhere()
    book = tool(system.book, cost=Cost(tokens=60))
    steps = sequential(uses(book, "a", what="it"), uses(book, "b", what="more"), waits())
    limits = Limits(tokens=100)
    flow = sequential(steps.limit(tokens=100), name="outer") if inner else steps
    workflow = Workflow("visit", flow, limits=None if inner else limits)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        assert (await ended(host, run)).status == "partial"
        second = await again(host, run)
        await reply(host, await asked(host, second), {"proceed": True})
        assert (await ended(host, second)).status == "complete"
        assert len(await events(host, second, "intent")) == 1


async def test_a_cancelled_run_goes_on_where_it_was_cancelled(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = Workflow("visit", sequential(uses(tool(system.book), what="it"), waits()))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await asked(host, run)
        await cancel(host, run)
        await ended(host, run)
        second = await again(host, run)
        await reply(host, await asked(host, second), {"proceed": True})
        assert (await ended(host, second)).status == "complete"
    assert len(system.calls) == 1


async def test_a_run_is_retried_once_and_its_retry_after_it(tmp_path: Path) -> None:
    gate = Gate()
    workflow = Workflow("visit", sequential(gate.stage()))
    async with serving(tmp_path, workflow) as host:
        run = await failing(host, workflow)
        row = await host.store.run(run)
        tries = (retry(host.store, host.clock, row, by=OPERATOR) for _ in range(2))
        first, second = await asyncio.gather(*tries, return_exceptions=True)
        refused = first if isinstance(first, RefusedError) else second
        assert "was retried as run" in str(refused)
        made = second if refused is first else first
        assert not isinstance(made, BaseException)
        host.ring()
        assert (await ended(host, made.id)).status == "failed"
        gate.mended = True
        assert (await ended(host, await again(host, made.id))).status == "complete"


async def test_what_cannot_be_retried_is_refused(tmp_path: Path) -> None:
    short, long = Workflow("short", Function(lambda: 1, name="one", pure=True)), Workflow("long", waits())
    async with serving(tmp_path, short, long) as host:
        complete, waiting = await begin(host, short), await begin(host, long)
        await ended(host, complete)
        await parked(host, waiting)
        with pytest.raises(RefusedError, match="is complete"):
            await again(host, complete)
        with pytest.raises(RefusedError, match="has not ended"):
            await again(host, waiting)
        row = await host.store.run(waiting)
        with pytest.raises(NotAllowedError):
            await retry(host.store, host.clock, row, by=ADA)
        with pytest.raises(NotFoundError):
            await retry(host.store, host.clock, row, by=Principal("person", "eve", "other", every_role=True))


async def test_a_retry_as_part_of_an_operation_on_many_says_of_which(tmp_path: Path) -> None:
    gate = Gate()
    workflow = Workflow("visit", gate.stage())
    async with serving(tmp_path, workflow) as host:
        runs = [await failing(host, workflow) for _ in range(2)]
        gate.mended = True
        for run in runs:
            row = await retry(
                host.store, host.clock, await host.store.run(run), by=OPERATOR, operation="after-the-outage"
            )
            forked = (await events(host, row.id, "run.forked"))[0]
            assert forked.body["operation"] == "after-the-outage"
