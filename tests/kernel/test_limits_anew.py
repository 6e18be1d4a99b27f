"""What is forked within limited work, or retried after it, has its limits anew; nothing is done twice."""

from __future__ import annotations

from pathlib import Path

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    OPERATOR,
    asked,
    begin,
    counted,
    ended,
    events,
    parked,
    reply,
    serving,
    turned,
)
from kernel.spending_parts import chosen, paid, pure, spends
from ripieno import Workflow, ask, degrade, human, sequential
from ripieno.kernel.forks import fork
from ripieno.kernel.host import Host
from ripieno.kernel.retries import retry
from ripieno.participants.base import BaseParticipant

HOUR = 3600
YES = {"proceed": True}


def work(*after: BaseParticipant) -> BaseParticipant:
    """Spend 60 tokens, then 60 more."""
    return sequential(spends("a", 60), spends("b", 60), *after, name="both")


async def forked(host: Host, run: str, at: int) -> str:
    return (await fork(host.store, host.clock, await host.store.run(run), by=OPERATOR, at=at)).id


async def trip(host: Host, run: str) -> int:
    """Give where the first limit tripped."""
    [first, *_] = [event for event in await events(host, run, "choice") if event.body["what"] == "budget"]
    return first.seq


async def test_a_fork_from_any_event_of_work_that_a_limit_stopped_goes_on_with_the_whole_limit(
    tmp_path: Path,
) -> None:
    workflow = Workflow("stopped", sequential(work().limit(tokens=100), name="all"))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        assert (await ended(host, run)).status == "partial"
        bought = next(event.seq for event in await events(host, run, "result"))
        stopped = next(
            event.seq for event in await events(host, run, "scope") if event.path == "all@1/both@1"
        )
        ends: dict[int, tuple[str, int]] = {}
        for at in range(stopped + 1):
            row = await forked(host, run, at)
            ends[at] = ((await ended(host, row)).status, (await counted(host, row))["result"])
    anew = {at: ("complete", 1) if at >= bought else ("partial", 1) for at in range(stopped)}
    assert ends == {**anew, stopped: ("partial", 0)}, "once it has ended it has ended in the fork as well"


async def test_what_was_granted_to_a_run_is_not_granted_to_its_fork(tmp_path: Path) -> None:
    steps = [spends(name, 60) for name in "abc"]
    flow = sequential(*steps, human("clerk", role="clerk"), spends("d", 60), name="all")
    workflow = Workflow("granted", flow.limit(tokens=100, on_exhausted=ask("treasurer")))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run, "limit/ask"), {"proceed": True, "grant": {"tokens": 200}})
        await asked(host, run, "clerk")
        row = await parked(host, run)
        for each, tokens in ((await forked(host, run, row.head_seq), 60), (run, 240)):
            await reply(host, await asked(host, each, "clerk"), YES)
            assert (await ended(host, each)).status == "complete"
            assert (await paid(host, each)).tokens == tokens
        again = await forked(host, run, 0)
        assert (await asked(host, again, "limit/ask")).path.endswith("limit/ask/1"), (
            "asked as the original was"
        )


async def test_a_fork_within_the_work_of_who_took_over_lets_the_first_one_go_on(tmp_path: Path) -> None:
    cheap = sequential(human("clerk", role="clerk"), name="cheap")
    workflow = Workflow("degraded", work().limit(tokens=100, on_exhausted=degrade(cheap)))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run, "cheap"), YES)
        assert (await ended(host, run)).status == "complete"
        answered = next(event.seq for event in await events(host, run, "answered"))
        for at in range(await trip(host, run), answered + 1):
            row = await forked(host, run, at)
            outcome = await ended(host, row)
            assert (outcome.status, outcome.output) == ("complete", "b done"), at
            assert (await paid(host, row)).tokens == 60
            assert await chosen(host, row) == []


async def test_a_step_that_was_visited_before_its_namesake_took_over_is_kept(tmp_path: Path) -> None:
    """Only the visits since the limit tripped are those of who took over."""
    cheap = spends("cheap", 40)
    flow = sequential(cheap, spends("dear", 70), name="both").limit(tokens=100, on_exhausted=degrade(cheap))
    workflow = Workflow("named", flow)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        assert (await ended(host, run)).output == "cheap done"
        took_over = next(event.seq for event in await events(host, run, "scope") if "cheap@2" in event.path)
        row = await forked(host, run, took_over)
        assert (await ended(host, row)).output == "dear done"
        assert (await paid(host, row)).tokens == 70


async def test_a_fork_after_a_deadline_has_the_whole_time(tmp_path: Path) -> None:
    clock = HandClock()
    flow = sequential(human("clerk", role="clerk"), name="both").limit(deadline="1h")
    workflow = Workflow("late", flow)
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await turned(host, clock, run, HOUR)
        assert (await ended(host, run)).status == "escalated"
        row = await forked(host, run, await trip(host, run))
        clock.turn(HOUR / 2)
        await parked(host, row)
        await reply(host, await asked(host, row, "clerk"), YES)
        assert (await ended(host, row)).status == "complete"


async def test_a_retry_leaves_out_who_took_over_and_lets_the_first_one_go_on(tmp_path: Path) -> None:
    def breaks() -> None:
        msg = "503"
        raise RuntimeError(msg)

    cheap = sequential(pure(lambda: "cheap", "quick"), pure(breaks, "breaks"), name="cheap")
    workflow = Workflow("degraded", work().limit(tokens=100, on_exhausted=degrade(cheap)))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        assert (await ended(host, run)).status == "failed"
        again = await retry(host.store, host.clock, await host.store.run(run), by=OPERATOR)
        host.ring()
        outcome = await ended(host, again.id)
        assert (outcome.status, outcome.output) == ("complete", "b done")
        assert (await paid(host, again.id)).tokens == 60
