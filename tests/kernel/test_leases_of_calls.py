"""A process that was held up between a claim and its call sends nothing: its run may be another's by then."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.journal.support.postgres import fresh_schema, server_side

from gates import shipped_gate
from kernel.scenarios.elsewhere import Elsewhere, uses
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import begin, ended, events, serving, until
from ripieno.connectors.tool import tool
from ripieno.journal.postgres import PostgresStore, leases
from ripieno.kernel.host import Host
from ripieno.resilience.policy import Resilience, Timeouts
from ripieno.workflows.workflow import Workflow

RENEWED = 1.5
"""A lease that is renewed within half a second."""
FOREVER = 3600.0
"""One of which no test sees the renewal."""
LONG = 2 * FOREVER

INTENTS = "SELECT count(*) FROM events WHERE kind = 'intent'"


class HeldUp:
    """Elapsed time of a process that stands still once, right before it looks at its lease."""

    def __init__(
        self,
        url: str,
        *,
        claimed: bool = True,
        look: int = 1,
        times: int = 1,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        """Do so at that look of the loop's after a claim is on disk, or before; for so many claims."""
        self._url = url
        self._claimed = claimed
        self._look = self._left = look
        self._times = times
        self._held = 0
        self._meanwhile = meanwhile
        self._ahead = 0.0
        self._loop = threading.current_thread()

    def __call__(self) -> float:
        if self._left and threading.current_thread() is self._loop:
            [(intents,)] = server_side(self._url, INTENTS)
            self._left -= (intents > self._held) is self._claimed
            if not self._left:
                self._ahead += LONG
                self._held += 1
                self._left = self._look if self._held < self._times else 0
                self._meanwhile()
        return time.monotonic() + self._ahead


@asynccontextmanager
async def stored(home: Path, url: str, lease: float) -> AsyncGenerator[PostgresStore]:
    store = PostgresStore(home, url, shipped_gate(), lease_seconds=lease)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def booking(system: Elsewhere, **settings: Any) -> Workflow:
    return Workflow("booking", uses(tool(system.book, **settings), what="visit"))


async def results(host: Host, run: str) -> list[tuple[str, str]]:
    return [(event.body["status"], event.body["how"]) for event in await events(host, run, "result")]


GUARD = Resilience(timeouts=Timeouts(total="30s"))


@pytest.mark.parametrize(
    ("look", "guard"), [(1, None), (2, GUARD)], ids=["before it is sent", "by its guard"]
)
async def test_what_was_claimed_before_it_was_held_up_is_claimed_anew_and_done_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: int, guard: Resilience | None
) -> None:
    system, url = Elsewhere(), fresh_schema()
    workflow = booking(system, resilience=guard)
    async with stored(tmp_path, url, RENEWED) as store:
        monkeypatch.setattr(leases, "elapsed", HeldUp(url, look=look))
        async with serving(tmp_path, workflow, store=store) as host:
            run = await begin(host, workflow)
            assert (await ended(host, run)).status == "complete"
            assert await results(host, run) == [("unsent", "lease"), ("done", "called")]
    assert len(system.calls) == 1


async def test_who_is_held_up_at_each_attempt_gives_up_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, url = Elsewhere(), fresh_schema()
    workflow = booking(system)
    async with stored(tmp_path, url, RENEWED) as store:
        monkeypatch.setattr(leases, "elapsed", HeldUp(url, times=3))
        async with serving(tmp_path, workflow, store=store) as host:
            run = await begin(host, workflow)
            outcome = await ended(host, run)
            assert await results(host, run) == [("unsent", "lease")] * 3
    assert (outcome.status, system.calls) == ("failed", [])
    assert outcome.reason == "book: not sent, this process was held up each time for longer than its lease"


async def test_nothing_is_claimed_before_the_lease_is_there_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, url = Elsewhere(), fresh_schema()
    workflow = booking(system)
    async with stored(tmp_path, url, RENEWED) as store:
        monkeypatch.setattr(leases, "elapsed", HeldUp(url, claimed=False))
        async with serving(tmp_path, workflow, store=store) as host:
            run = await begin(host, workflow)
            assert (await ended(host, run)).status == "complete"
            assert await results(host, run) == [("done", "called")]
            assert store.spell == 2


async def test_who_waits_for_its_lease_can_be_told_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, url = Elsewhere(), fresh_schema()
    workflow = booking(system)
    async with stored(tmp_path, url, FOREVER) as store:
        monkeypatch.setattr(leases, "elapsed", HeldUp(url, claimed=False))
        async with serving(tmp_path, workflow, store=store) as host:
            run = await begin(host, workflow)

            async def waits() -> bool | None:
                return store.spell is None or None

            await until(waits)
        assert system.calls == []
    monkeypatch.undo()
    async with stored(tmp_path, url, FOREVER) as store, serving(tmp_path, workflow, store=store) as host:
        assert (await ended(host, run)).status == "complete"
    assert len(system.calls) == 1


async def test_a_run_that_another_took_over_meanwhile_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, url, clock = Elsewhere(), fresh_schema(), HandClock()
    workflow = booking(system, on_uncertain="retry", timeout=5.0)

    def taken_over() -> None:
        server_side(
            url, "INSERT INTO owners VALUES ('another', 'elsewhere', clock_timestamp() + interval '1 hour')"
        )
        server_side(url, "UPDATE runs SET owner = 'another', epoch = epoch + 1")

    async with stored(tmp_path, url, RENEWED) as store:
        monkeypatch.setattr(leases, "elapsed", HeldUp(url, meanwhile=taken_over))
        async with serving(tmp_path, workflow, store=store, clock=clock) as host:
            run = await begin(host, workflow)

            async def given_up() -> bool | None:
                return store.spell == 2 or None

            await until(given_up)
            assert await results(host, run) == []
            assert system.calls == []
            server_side(url, "DELETE FROM owners WHERE token = 'another'")
            clock.turn(3600)  # past the deadline of the claim, and the time in which the call settles
            host.ring()
            assert (await ended(host, run)).status == "complete"
            assert [status for status, _ in await results(host, run)] == ["again", "done"]
    assert len(system.calls) == 1


async def test_on_one_machine_the_lock_of_a_process_stands_for_as_long_as_it_does(tmp_path: Path) -> None:
    async with serving(tmp_path) as host:
        assert host.store.spell == 0
