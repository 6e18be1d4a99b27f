"""Calls that end in an error while the run is alive: refused for sure, or in doubt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.elsewhere import Elsewhere, cut, uses
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    asked,
    begin,
    contents,
    counted,
    ended,
    events,
    parked,
    reply,
    serving,
    turned,
)
from ripieno.connectors.tool import tool
from ripieno.model.errors import ToolError
from ripieno.participants.function import function
from ripieno.workflows.workflow import Workflow

HAPPENED, NOT_HAPPENED = {"happened": True, "result": "visit by hand"}, {"happened": False}


async def refused() -> None:
    msg = "no visits on Sundays"
    raise ToolError(msg)


def booking(system: Elsewhere, on_uncertain: Any, **settings: Any) -> Workflow:
    book = tool(system.book, on_uncertain=on_uncertain, **settings)
    return Workflow("booking", uses(book, what="visit"))


async def test_a_refused_call_is_made_again_under_a_new_key_as_often_as_declared(tmp_path: Path) -> None:
    system = Elsewhere()
    system.before = [refused, refused]
    workflow = booking(system, "ask", attempts=2)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        outcome = await ended(host, run)
    assert outcome.status == "failed"
    assert outcome.reason is not None
    assert "no visits on Sundays" in outcome.reason
    assert [call.attempt for call in system.calls] == [1, 2]
    assert len(set(system.keys)) == 2


async def test_a_refused_call_may_succeed_the_second_time(tmp_path: Path) -> None:
    system = Elsewhere()
    system.before = [refused]
    workflow = booking(system, "ask", attempts=2)
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert outcome.output == "visit #1"


async def test_a_long_pause_before_the_next_attempt_is_a_timer_for_which_the_run_parks(
    tmp_path: Path,
) -> None:
    system, clock = Elsewhere(), HandClock()
    system.before = [refused] * 4
    workflow = booking(system, "ask", attempts=5)
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        assert len(system.calls) == 4, "the first three pauses are short, and spent in memory"
        assert (await turned(host, clock, run, 4)).status == "complete"
    assert len(system.calls) == 5


async def test_a_line_cut_after_the_effect_is_settled_by_retry(tmp_path: Path) -> None:
    system = Elsewhere()
    system.after = [cut]
    workflow = booking(system, "retry")
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert (outcome.output, len(system.calls), len(system.booked)) == ("visit #1", 2, 1)


async def test_retries_that_are_used_up_go_to_a_person(tmp_path: Path) -> None:
    system = Elsewhere()
    system.after = [cut, cut]
    workflow = booking(system, "retry", attempts=2)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run, "uncertain"), HAPPENED)
        outcome = await ended(host, run)
    assert (outcome.output, len(system.calls)) == ("visit by hand", 2)


@pytest.mark.parametrize("happened", [True, False], ids=["happened", "did not happen"])
async def test_a_line_cut_is_settled_by_verify(tmp_path: Path, *, happened: bool) -> None:
    system = Elsewhere()
    (system.after if happened else system.before).append(cut)
    workflow = booking(system, system.find, attempts=2)
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert (outcome.output, len(system.booked)) == ("visit #1", 1)
    assert len(system.calls) == (1 if happened else 2)


@pytest.mark.parametrize("settle", [None, "20s"], ids=["at once", "after settling"])
async def test_a_write_that_always_fails_gives_up_after_its_attempts(
    tmp_path: Path, settle: str | None
) -> None:
    system, clock = Elsewhere(), HandClock()
    system.before = [cut] * 10
    workflow = booking(system, system.find, attempts=2, settle=settle)
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        for _ in range(2 if settle else 0):
            await turned(host, clock, run, 21)
        outcome = await ended(host, run)
    assert outcome.status == "failed"
    assert outcome.reason is not None
    assert "ConnectionError: the line was cut" in outcome.reason
    assert len(system.calls) == 2


async def test_a_person_learns_of_the_error_and_says_it_did_not_happen(tmp_path: Path) -> None:
    system = Elsewhere()
    system.before = [cut, cut]
    workflow = booking(system, "ask", attempts=1)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run, "uncertain")
        content = contents(host, (await events(host, run, "asked"))[-1], "content")
        assert content["about"]["error"] == "ConnectionError: the line was cut"
        await parked(host, run)
        await reply(host, question, NOT_HAPPENED)
        outcome = await ended(host, run)
    assert (outcome.status, len(system.calls)) == ("failed", 1)
    assert outcome.reason is not None
    assert "ConnectionError: the line was cut" in outcome.reason


async def test_a_read_that_fails_is_simply_made_again(tmp_path: Path) -> None:
    system = Elsewhere()
    system.before = [cut]
    workflow = booking(system, "ask", effect="read", attempts=2)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        outcome = await ended(host, run)
        assert (await counted(host, run))["asked"] == 0
    assert outcome.output == "visit #1"


async def test_a_function_whose_call_is_in_doubt_fails_when_a_person_says_it_did_not_happen(
    tmp_path: Path,
) -> None:
    calls: list[object] = []

    @function
    async def send_letter(given: object) -> None:
        calls.append(given)
        await cut()

    workflow = Workflow("letter", send_letter)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, "dear reader")
        question = await asked(host, run, "uncertain")
        await parked(host, run)
        await reply(host, question, NOT_HAPPENED)
        outcome = await ended(host, run)
    assert (outcome.status, calls) == ("failed", ["dear reader"])
