"""Branches that are not needed any more: stopped with what they had begun recorded, never entered again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.elsewhere import Elsewhere, Slow, cut, uses
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    asked,
    begin,
    ended,
    events,
    heard,
    parked,
    reply,
    serving,
    turned,
    until,
)
from ripieno.connectors.tool import tool
from ripieno.kernel.host import Host
from ripieno.participants.function import function
from ripieno.participants.human import human
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.resolvers import merge
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow

HAPPENED = {"happened": True, "result": "visit by hand"}


@function(pure=True)
async def fails(given: object) -> None:
    msg = f"not with {given!r}"
    raise ValueError(msg)


async def statuses(host: Host, run: str) -> dict[str, str]:
    found = await events(host, run, "step", "scope")
    return {event.path.split("/")[-1]: event.body["outcome"]["status"] for event in found}


async def test_fail_fast_awaits_a_call_under_way_and_records_it(tmp_path: Path) -> None:
    system = Elsewhere()
    slow = Slow(system)

    @function(pure=True)
    async def fails_late(given: object) -> None:
        del given
        await slow.begun.wait()
        msg = "no"
        raise ValueError(msg)

    flow = concurrent(
        uses(tool(system.book), what="visit"), fails_late, resolve=merge(), on_failure="fail_fast"
    )
    workflow = Workflow("visit", flow)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await slow.begun.wait()

        async def failed() -> bool | None:
            return "fails_late@1" in await statuses(host, run) or None

        await until(failed)
        assert not (await host.store.run(run)).ended
        slow.released.set()
        outcome = await ended(host, run)
        assert await statuses(host, run) == {
            "fails_late@1": "failed",
            "desk@1": "cancelled",
            "concurrent@1": "failed",
        }
        (result,) = await events(host, run, "result")
    assert result.body["status"] == "done"
    assert outcome.status == "failed"


@pytest.mark.parametrize("depth", [1, 2], ids=["a branch", "a branch of a branch"])
async def test_fail_fast_waits_for_a_person_where_a_call_is_in_doubt_also_across_restarts(
    tmp_path: Path, depth: int
) -> None:
    system = Elsewhere()
    system.after = [cut]
    in_doubt: Any = uses(tool(system.book), what="visit")
    for level in range(depth - 1):
        in_doubt = concurrent(in_doubt, resolve=merge(), name=f"level-{level}")
    flow = concurrent(in_doubt, human("decides", role="a"), resolve=merge(), on_failure="fail_fast")
    workflow = Workflow("visit", flow)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run, "uncertain")
        await reply(host, await asked(host, run, "decides"), {"proceed": False})

        async def declined() -> bool | None:
            return "decides@1" in await statuses(host, run) or None

        await until(declined)
        await parked(host, run)
    async with serving(tmp_path, workflow) as host:
        await reply(host, question, HAPPENED)
        outcome = await ended(host, run)
        found = await statuses(host, run)
    assert outcome.reason is not None
    assert "declined by person:op" in outcome.reason
    assert found["desk@1"] == "cancelled"


async def test_branches_that_were_stopped_are_not_entered_again(tmp_path: Path) -> None:
    entered: list[object] = []

    @function(pure=True)
    async def never_done(given: object) -> object:
        entered.append(given)
        return given

    stopped = sequential(never_done, human("waits", role="b"), name="stopped")
    flow = concurrent(fails, stopped, resolve=merge(), on_failure="fail_fast")
    workflow = Workflow("stopped", sequential(flow.on_failure("continue"), human("last", role="c")))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, "x")
        await parked(host, run)
    times = len(entered)
    async with serving(tmp_path, workflow) as host:
        await reply(host, await asked(host, run, "last"), {"proceed": True})
        outcome = await ended(host, run)
    assert outcome.status == "partial"
    assert len(entered) == times


async def test_a_step_that_takes_too_long_is_stopped_once_its_call_has_ended(tmp_path: Path) -> None:
    system, clock = Elsewhere(), HandClock()
    slow = Slow(system)
    step = uses(tool(system.book, timeout="2h"), what="visit").timeout("1h")
    workflow = Workflow("visit", sequential(step))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await slow.begun.wait()
        clock.turn(3600)
        host.ring()
        await heard(host, run, 1, "answered")
        slow.released.set()
        outcome = await ended(host, run)
        (result,) = await events(host, run, "result")
    assert (outcome.status, outcome.reason) == ("failed", "desk did not end within 3600 s")
    assert result.body["status"] == "done"


async def test_a_person_whose_time_is_over_is_not_asked_any_more_and_the_next_attempt_asks_anew(
    tmp_path: Path,
) -> None:
    clock = HandClock()
    step = human("clinician", role="clinician").timeout("1h").retry(2, backoff="1m")
    workflow = Workflow("clinician", sequential(step))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        first = await asked(host, run)
        await turned(host, clock, run, 3600)
        assert (await host.store.question(first.number)).state == "closed"
        await turned(host, clock, run, 60)
        second = await asked(host, run)
        assert second.path == "sequential@1/clinician@2/ask/1"
        await reply(host, second, {"proceed": True})
        outcome = await ended(host, run)
    assert outcome.status == "complete"
