"""What comes between a claim and its call: a cancellation, or more time than the call may take."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kernel.scenarios.elsewhere import Elsewhere, cut, uses
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    OPERATOR,
    begin,
    cancel,
    ended,
    events,
    opened,
    resting,
    serving,
    snapshot,
)
from kernel.scenarios.watched_store import WatchedStore
from ripieno.connectors.tool import tool
from ripieno.journal.records import Draft
from ripieno.kernel import operators
from ripieno.kernel.host import Host
from ripieno.workflows.workflow import Workflow

TIMEOUT_SECONDS = 30


async def results(host: Host, run: str) -> list[tuple[str, str]]:
    return [(event.body["status"], event.body["how"]) for event in await events(host, run, "result")]


class Machine:
    """One that is suspended for longer than a call may take, each time right after a claim."""

    def __init__(self, store: WatchedStore, clock: HandClock, *, first: int, times: int) -> None:
        self._clock = clock
        self._claims = range(first, first + times)
        self._seen = 0
        store.delay = self._hold

    async def _hold(self, draft: Draft) -> None:
        if draft.kind == "intent":
            self._seen += 1
            if self._seen in self._claims:
                self._clock.turn(TIMEOUT_SECONDS + 1)


async def test_a_cancellation_between_claim_and_call_leaves_it_unsent(tmp_path: Path) -> None:
    system, folded = Elsewhere(), asyncio.Event()
    workflow = Workflow("visit", uses(tool(system.book), what="visit"))
    async with opened(tmp_path, WatchedStore) as store:

        async def fold_is_over() -> None:
            folded.set()

        async def hold(draft: Draft) -> None:
            if draft.kind == "intent":
                store.at("after fold", fold_is_over)
                await cancel(host, draft.lease.run)
                await folded.wait()
                for _ in range(10):  # turns of the loop, in which the participant hears of it
                    await asyncio.sleep(0)

        store.delay = hold
        async with serving(tmp_path, workflow, store=store) as host:
            run = await begin(host, workflow)
            outcome = await ended(host, run)
            assert await results(host, run) == [("unsent", "withdrawn")]
    assert outcome.status == "cancelled"
    assert system.calls == []


@pytest.mark.parametrize("times", [1, 2])
async def test_a_call_whose_deadline_passed_before_it_was_sent_is_claimed_anew(
    tmp_path: Path, times: int
) -> None:
    system, clock = Elsewhere(), HandClock()
    workflow = Workflow("visit", uses(tool(system.book, timeout=TIMEOUT_SECONDS), what="visit"))
    async with opened(tmp_path, WatchedStore) as store:
        Machine(store, clock, first=1, times=times)
        async with serving(tmp_path, workflow, clock=clock, store=store) as host:
            run = await begin(host, workflow)
            assert (await ended(host, run)).output == "visit #1"
            assert await results(host, run) == [*[("unsent", "deadline")] * times, ("done", "called")]
            assert len({event.body["key"] for event in await events(host, run, "intent")}) == 1


async def test_a_clock_that_is_always_wrong_ends_in_a_failure_and_not_in_claims_without_end(
    tmp_path: Path,
) -> None:
    system, clock = Elsewhere(), HandClock()
    workflow = Workflow("visit", uses(tool(system.book, timeout=TIMEOUT_SECONDS), what="visit"))
    async with opened(tmp_path / "before", WatchedStore) as store:

        async def power_cut() -> None:
            snapshot(tmp_path / "before", tmp_path / "after")

        Machine(store, clock, first=1, times=99)
        store.written_after["scope"] = power_cut
        async with serving(tmp_path, workflow, clock=clock, store=store) as host:
            run = await begin(host, workflow)
            outcome = await ended(host, run)
            late = await results(host, run)
    assert late == [("unsent", "deadline")] * 3
    assert (outcome.status, system.calls) == ("failed", [])
    assert outcome.reason == "book: not sent, its deadline had passed each time; is the clock right?"
    async with serving(tmp_path / "after", workflow, clock=clock) as host:
        assert (await ended(host, run)) == outcome, "nor after a crash, on a machine whose clock is right"
        assert await results(host, run) == late


async def test_the_claim_of_a_repeated_call_that_a_pause_overtook_is_made_again_with_the_same_key(
    tmp_path: Path,
) -> None:
    system = Elsewhere()
    book = tool(system.book, on_uncertain="retry", timeout=TIMEOUT_SECONDS)
    workflow = Workflow("visit", uses(book, what="visit"))
    async with opened(tmp_path, WatchedStore) as store, serving(tmp_path, workflow, store=store) as host:

        async def paused() -> None:
            await operators.pause(store, host.clock, await store.run(run), by=OPERATOR)

        async def cut_and_paused_before_it_is_repeated() -> None:
            store.written_after["intent"] = paused
            await cut()

        system.after = [cut_and_paused_before_it_is_repeated]
        run = (await host.start(workflow, None, principal=OPERATOR, detach=True)).row.id
        host.ring()
        assert (await resting(host, run)).status == "paused"
        assert (len(system.calls), len(await events(host, run, "intent"))) == (1, 1)
        await operators.resume(store, host.clock, await store.run(run), by=OPERATOR)
        assert (await ended(host, run)).output == "visit #1"
    assert (len(system.calls), len(set(system.keys))) == (2, 1)


async def test_a_call_in_doubt_is_repeated_until_it_is_known_however_often_it_is_too_late(
    tmp_path: Path,
) -> None:
    system, clock = Elsewhere(), HandClock()
    system.after = [cut]
    book = tool(system.book, on_uncertain="retry", timeout=TIMEOUT_SECONDS)
    workflow = Workflow("visit", uses(book, what="visit"))
    async with opened(tmp_path, WatchedStore) as store:
        Machine(store, clock, first=2, times=3)
        async with serving(tmp_path, workflow, clock=clock, store=store) as host:
            run = await begin(host, workflow)
            assert (await ended(host, run)).output == "visit #1"
            found = await results(host, run)
    assert found == [
        ("uncertain", "called"),
        ("again", "key"),
        *[("unsent", "deadline")] * 3,
        ("done", "called"),
    ]
    assert len(set(system.keys)) == 1
