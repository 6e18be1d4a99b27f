"""A run that is cancelled while a call is in doubt: it does not end before that is settled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.elsewhere import Elsewhere, cut, nested, uses
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    asked,
    begin,
    cancel,
    counted,
    ended,
    events,
    parked,
    reply,
    serving,
    snapshot,
    turned,
    until,
)
from ripieno.connectors.tool import tool
from ripieno.kernel.host import Host
from ripieno.participants.function import Function
from ripieno.workflows.workflow import Workflow

HAPPENED, NOT_HAPPENED = {"happened": True, "result": "visit by hand"}, {"happened": False}


def desk(system: Elsewhere, on_uncertain: Any = "ask") -> Function:
    return uses(tool(system.book, on_uncertain=on_uncertain), what="visit")


async def statuses(host: Host, run: str) -> list[str]:
    return [event.body["status"] for event in await events(host, run, "result")]


@pytest.mark.parametrize("depth", [0, 2], ids=["plain", "in branches"])
@pytest.mark.parametrize("restarted", [False, True], ids=["resident", "restarted"])
async def test_a_run_does_not_end_before_a_person_has_settled_what_is_in_doubt(
    tmp_path: Path, depth: int, *, restarted: bool
) -> None:
    system = Elsewhere()
    system.after = [cut]
    workflow = Workflow("visit", nested(desk(system), depth))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run, "uncertain")
        await parked(host, run)
        await cancel(host, run)

        async def folded() -> bool | None:
            return (await counted(host, run))["message"] == 1 or None

        await until(folded)
        await parked(host, run)
        if not restarted:
            await reply(host, question, HAPPENED)
            outcome = await ended(host, run)
    if restarted:
        async with serving(tmp_path, workflow) as host:
            await reply(host, question, HAPPENED)
            outcome = await ended(host, run)
            assert await statuses(host, run) == ["uncertain", "done"]
    assert outcome.status == "cancelled"  # pyright: ignore[reportPossiblyUnboundVariable]
    assert len(system.calls) == 1


@pytest.mark.parametrize("how", ["retry", "verify", "ask"])
@pytest.mark.parametrize("happened", [True, False], ids=["happened", "did not happen"])
async def test_a_run_cancelled_after_a_crash_settles_the_call_it_had_begun(
    tmp_path: Path, how: str, *, happened: bool
) -> None:
    system, clock, copy = Elsewhere(), HandClock(), tmp_path / "after"

    async def power_cut() -> None:
        snapshot(tmp_path / "before", copy)

    (system.after if happened else system.before).append(power_cut)
    workflow = Workflow("visit", nested(desk(system, system.find if how == "verify" else how), 2))
    async with serving(tmp_path / "before", workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await ended(host, run)
    if not happened:
        system.booked.clear()
    async with serving(copy, workflow, clock=clock) as host:
        await parked(host, run)
        await cancel(host, run)
        await turned(host, clock, run, 31)
        if how == "ask":
            await reply(host, await asked(host, run), HAPPENED if happened else NOT_HAPPENED)
        outcome = await ended(host, run)
        found = await statuses(host, run)
    assert outcome.status == "cancelled"
    assert (
        found
        == {
            ("retry", True): ["again", "done"],
            ("retry", False): ["again", "done"],
            ("verify", True): ["done"],
            ("verify", False): ["unsent"],
            ("ask", True): ["done"],
            ("ask", False): ["unsent"],
        }[how, happened]
    )
    assert len(system.booked) == (1 if happened or how == "retry" else 0)
