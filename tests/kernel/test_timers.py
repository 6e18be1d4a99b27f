"""Timers: they outlive their host, fire once when due, and hand a question on to the next role."""

from __future__ import annotations

from pathlib import Path

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import asked, begin, ended, events, parked, reply, serving, until
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.participants.base import BaseParticipant
from ripieno.participants.human import human, role
from ripieno.workflows.workflow import Workflow

HOUR = 3600

ESCALATING = Workflow(
    "escalating",
    human("approval", role="clerk", due="1h", then=role("lead", due="1h")),
)


class Naps(BaseParticipant):
    """Sleeps for a while, some times over, and tells how long each took by the run's own clock."""

    kind = "naps"

    def __init__(self, name: str, *, times: int, each: float) -> None:
        super().__init__(name)
        self.times, self.each = times, each

    def describe(self) -> dict[str, str | int]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return {"times": self.times}

    async def act(self, task: Task, context: Context) -> Outcome:
        del task
        slept: list[float] = []
        for _ in range(self.times):
            before = await context.now()
            await context.sleep(self.each)
            slept.append((await context.now() - before).total_seconds())
        return Outcome("complete", slept)


async def test_a_timer_that_came_due_while_nobody_ran_fires_at_the_next_start(tmp_path: Path) -> None:
    clock = HandClock()
    workflow = Workflow("nap", Naps("nap", times=1, each=HOUR))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await parked(host, run)
    clock.turn(5 * HOUR)
    async with serving(tmp_path, workflow, clock=clock) as host:
        outcome = await ended(host, run)
    assert outcome.output == [5 * HOUR]


async def test_a_timer_that_is_not_due_waits_on_across_restarts(tmp_path: Path) -> None:
    clock = HandClock()
    workflow = Workflow("nap", Naps("nap", times=2, each=HOUR))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await parked(host, run)
    for minutes in (59, 2):
        clock.turn(minutes * 60)
        async with serving(tmp_path, workflow, clock=clock) as host:
            host.ring()
            asked_now = 1 if minutes == 59 else 2

            async def asked_so_often(times: int = asked_now) -> bool | None:
                return len(await events(host, run, "asked")) == times or None

            await until(asked_so_often)
            await parked(host, run)
    async with serving(tmp_path, workflow, clock=clock) as host:
        clock.turn(HOUR)
        host.ring()
        outcome = await ended(host, run)
    assert outcome.output == [61 * 60, HOUR]


async def test_many_timers_that_are_due_at_once_all_fire(tmp_path: Path) -> None:
    clock = HandClock()
    workflow = Workflow("nap", Naps("nap", times=1, each=HOUR))
    async with serving(tmp_path, workflow, clock=clock) as host:
        runs = [await begin(host, workflow) for _ in range(20)]
        for run in runs:
            await parked(host, run)
        clock.turn(HOUR)
        host.ring()
        outcomes = [await ended(host, run) for run in runs]
    assert [outcome.output for outcome in outcomes] == [[HOUR]] * 20


async def test_a_question_nobody_answers_in_time_goes_to_the_next_role(tmp_path: Path) -> None:
    clock = HandClock()
    async with serving(tmp_path, ESCALATING, clock=clock) as host:
        run = await begin(host, ESCALATING)
        first = await asked(host, run)
        assert first.role == "clerk"
        await parked(host, run)
        clock.turn(HOUR)
        host.ring()
        second = await asked(host, run, "ask/2")
        assert (second.role, (await host.store.question(first.number)).state) == ("lead", "expired")
        await reply(host, second, {"proceed": True, "note": "by the lead"})
        outcome = await ended(host, run)
    assert outcome.output["note"] == "by the lead"


async def test_when_the_next_role_does_not_answer_either_it_escalates(tmp_path: Path) -> None:
    clock = HandClock()
    async with serving(tmp_path, ESCALATING, clock=clock) as host:
        run = await begin(host, ESCALATING)
        await parked(host, run)
    clock.turn(HOUR)
    async with serving(tmp_path, ESCALATING, clock=clock) as host:
        await asked(host, run, "ask/2")
        await parked(host, run)
    clock.turn(HOUR)
    async with serving(tmp_path, ESCALATING, clock=clock) as host:
        outcome = await ended(host, run)
    assert outcome.status == "escalated"
