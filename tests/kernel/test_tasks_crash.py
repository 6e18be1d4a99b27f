"""The power is cut after any act on a task: nothing of it is lost, nothing is done twice, and it goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import ADA, asked, begin, ended, parked, reply, serving, snapshot
from ripieno.journal.records import QuestionRow
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify
from ripieno.kernel import tasks
from ripieno.kernel.absences import set_absence
from ripieno.kernel.host import Host
from ripieno.kernel.tasks import history
from ripieno.model.outcome import Outcome
from ripieno.model.principal import Principal
from ripieno.participants.human import human
from ripieno.workflows.workflow import Workflow

HOUR = 3600
BOB = Principal("person", "bob")
CY = Principal("person", "cy")
BOSS = Principal("person", "boss", roles=frozenset({"operator"}))
ASKS = Workflow("asks", human("decides", role="clinician", due="9h", remind=["every 4h"]))

Act = Callable[[Host, HandClock, QuestionRow], Awaitable[object]]


async def remind(host: Host, clock: HandClock) -> None:
    clock.turn(4 * HOUR)
    await host.store.fire_timers(clock.now())


async def away(host: Host, clock: HandClock) -> None:
    now = clock.now()
    await set_absence(
        host.store, clock, by=BOSS, person="bob", substitute="cy", from_at=now, until_at=2 * now
    )


ACTS: dict[str, Act] = {
    "claim": lambda host, clock, row: tasks.claim(host.store, clock, row, by=ADA),
    "comment": lambda host, clock, row: tasks.comment(host.store, clock, row, by=ADA, text="seen"),
    "reminder": lambda host, clock, _: remind(host, clock),
    "delegate": lambda host, clock, row: tasks.delegate(host.store, clock, row, by=ADA, to="bob"),
    "absence": lambda host, clock, _: away(host, clock),
    "second reminder": lambda host, clock, _: remind(host, clock),
    "answer": lambda host, _, row: reply(host, row, {"proceed": True}, by=CY),
}
EXPECTED = [
    ("claim", "person:ada", None),
    ("comment", "person:ada", None),
    ("reminded", "system:timer", "person:ada"),
    ("delegate", "person:ada", "person:bob"),
    ("reminded", "system:timer", "person:cy"),
]


async def go_on(home: Path, clock: HandClock, row: QuestionRow, after: int) -> Outcome:
    """Do what is left of the acts in a process that finds the folder like this, and give the outcome."""
    async with serving(home, ASKS, clock=clock) as host:
        await host.store.fire_timers(clock.now())
        for act in list(ACTS.values())[after:]:
            await act(host, clock, row)
        outcome = await ended(host, row.run)
        notes = [(note.what, note.by, note.to) for note in await history(host.store, row)]
    assert notes == EXPECTED
    with SqliteAudit(home) as audit:
        assert verify(audit).sound
    return outcome


@pytest.mark.parametrize("done", range(len(ACTS) + 1), ids=["nothing", *ACTS])
async def test_whatever_was_done_before_the_cut_stands_and_the_rest_can_be_done(
    tmp_path: Path, done: int
) -> None:
    clock = HandClock()
    async with serving(tmp_path / "one", ASKS, clock=clock) as host:
        row = await asked(host, await begin(host, ASKS))
        await parked(host, row.run)
    async with serving(
        tmp_path / "one", clock=clock
    ) as host:  # serves timers, but nobody goes on with the run
        for act in list(ACTS.values())[:done]:
            await act(host, clock, row)
        cut = snapshot(tmp_path / "one", tmp_path / "cut")
    outcome = await go_on(cut, clock, row, done)
    assert outcome.status == "complete"
    assert outcome.confidence is not None
    assert outcome.confidence.method == "decided by person:cy for person:bob"
