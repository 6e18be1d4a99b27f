"""The host: starts, leaves and takes up runs, and loses nothing when it is left in the middle of things."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gates import shipped_gate
from kernel.scenarios.elsewhere import Elsewhere, Slow, uses
from kernel.scenarios.house import (
    OPERATOR,
    asked,
    begin,
    cancel,
    counted,
    ended,
    events,
    opened,
    parked,
    reply,
    serving,
    snapshot,
    until,
)
from kernel.scenarios.rounds import counting
from kernel.scenarios.watched_store import WatchedStore
from ripieno.connectors.tool import tool
from ripieno.journal.keys import StreamKey
from ripieno.journal.records import Draft, NewRun
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.store import Created, Payloads, Replayable
from ripieno.kernel.command_approval import COMMAND_APPROVAL
from ripieno.kernel.host import Host
from ripieno.model.errors import InputError, NotFoundError, ToolError
from ripieno.model.participant import Context
from ripieno.participants.function import function
from ripieno.participants.human import human
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.resolvers import merge
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow

YES = {"proceed": True}

QUIET_SECONDS = 0.75
"""Longer than any ring takes to be answered."""


@function(pure=True)
async def echo(given: object) -> object:
    return given


ECHO = Workflow("echo", echo)


async def test_a_host_that_is_left_awaits_the_calls_under_way_and_leaves_the_run_resumable(
    tmp_path: Path,
) -> None:
    system = Elsewhere()
    slow = Slow(system)
    desk = uses(tool(system.book), what="visit")
    flow = sequential(concurrent(desk, human("clinician", role="clinician"), resolve=merge()), echo)
    workflow = Workflow("visit", flow)

    async def in_between() -> str:
        async with serving(tmp_path, workflow) as host:
            run = await begin(host, workflow)
            await slow.begun.wait()
            asyncio.get_running_loop().call_soon(slow.released.set)
        return run

    run = await in_between()
    async with serving(tmp_path, workflow) as host:
        (result,) = await events(host, run, "result")
        assert result.body["status"] == "done"
        await reply(host, await asked(host, run), YES)
        assert (await ended(host, run)).status == "complete"
    assert len(system.calls) == 1


async def test_a_task_that_is_cancelled_as_by_control_c_leaves_its_runs_resumable(tmp_path: Path) -> None:
    system = Elsewhere()
    slow = Slow(system)
    workflow = Workflow("visit", uses(tool(system.book), what="visit"))
    runs: list[str] = []

    async def program() -> None:
        async with serving(tmp_path, workflow) as host:
            runs.append(await begin(host, workflow))
            await host.outcome(runs[0])

    task = asyncio.create_task(program())
    await slow.begun.wait()
    task.cancel()
    slow.released.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with serving(tmp_path, workflow) as host:
        assert (await ended(host, runs[0])).output == "visit #1"
        assert (await counted(host, runs[0]))["result"] == 1
    assert len(system.calls) == 1


async def test_a_host_that_is_left_while_a_run_ends_does_not_end_it_twice(tmp_path: Path) -> None:
    async with opened(tmp_path, WatchedStore) as store:
        ending, left = asyncio.Event(), asyncio.Event()

        async def slow_disk() -> None:
            ending.set()
            await left.wait()

        store.written_after["run.ended"] = slow_disk
        async with serving(tmp_path, ECHO, store=store) as host:
            run = await begin(host, ECHO, "x")
            await ending.wait()
            asyncio.get_running_loop().call_later(0.05, left.set)  # once leaving has begun
    async with serving(tmp_path, ECHO) as host:
        assert (await ended(host, run)).output == "x"
        assert (await counted(host, run))["run.ended"] == 1
        assert (await host.store.run(run)).status == "complete"


async def test_a_host_that_is_left_as_a_run_ends_late_leaves_the_cancellation_to_the_next(
    tmp_path: Path,
) -> None:
    ready, go, noticed, bounced = (asyncio.Event() for _ in range(4))

    @function(pure=True)
    async def last(given: object) -> object:
        ready.set()
        await go.wait()
        return given

    async def never_folds() -> None:
        noticed.set()
        await asyncio.Event().wait()

    async def never_hears(draft: Draft) -> None:
        if draft.state == "bounced":
            bounced.set()
            await asyncio.Event().wait()

    workflow = Workflow("short", last)
    async with opened(tmp_path, WatchedStore) as store:
        store.at("after unfolded", never_folds)
        store.delay = never_hears
        async with serving(tmp_path, workflow, store=store) as host:
            run = await begin(host, workflow)
            await ready.wait()
            await cancel(host, run)
            await noticed.wait()
            go.set()
            await bounced.wait()  # the end of the run, as the inbox holds what it has not heard of
        assert not (await store.run(run)).ended
    async with serving(tmp_path, workflow) as host:
        assert (await ended(host, run)).status == "cancelled"


@pytest.mark.parametrize("stubborn", ["no", "returns", "acts"])
async def test_a_host_that_is_left_in_the_middle_of_a_replay_goes_on_later(
    tmp_path: Path, stubborn: str
) -> None:
    go, entered = asyncio.Event(), asyncio.Event()

    @function(pure=True)
    async def slow(given: object, context: Context) -> object:
        entered.set()
        try:
            await go.wait()
        except asyncio.CancelledError:
            if stubborn == "no":
                raise
            if stubborn == "acts":
                await context.now()
        return given

    workflow = Workflow("replayed", concurrent(echo, slow, resolve=merge()))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, "x")

        async def echoed() -> bool | None:
            return (await counted(host, run))["step"] == 1 or None

        await until(echoed)
        (tmp_path / "copy").mkdir()
        snapshot(tmp_path, tmp_path / "copy")
    entered.clear()
    async with serving(tmp_path / "copy", workflow) as host:
        await entered.wait()  # what was recorded of the other waits until this one comes to rest
    go.set()
    async with serving(tmp_path / "copy", workflow) as host:
        assert (await ended(host, run)).output == {"echo": "x", "slow": "x"}
        assert (await counted(host, run))["step"] == 2


async def test_a_host_that_is_left_in_the_middle_of_a_pause_goes_on_later(tmp_path: Path) -> None:
    system, refused = Elsewhere(), asyncio.Event()

    async def refuse() -> None:
        refused.set()
        msg = "engaged"
        raise ToolError(msg)

    system.before = [refuse]
    workflow = Workflow("visit", uses(tool(system.book, attempts=2), what="visit"))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await refused.wait()
    async with serving(tmp_path, workflow) as host:
        assert (await ended(host, run)).output == "visit #1"
    assert [call.attempt for call in system.calls] == [1, 2]


async def test_a_host_that_is_left_in_the_middle_of_a_loop_goes_on_in_its_round(tmp_path: Path) -> None:
    workflow = Workflow("long", counting("count", 1000))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)

        async def under_way() -> bool | None:
            return (await counted(host, run))["step"] > 100 or None

        await until(under_way)
    async with serving(tmp_path, workflow) as host:
        assert (await ended(host, run)).output == 1000
        assert (await counted(host, run))["step"] == 1000


@pytest.mark.parametrize("turns", [0, 1, 2, 4, 8, 16], ids="after {} turns".format)
async def test_a_host_that_is_left_at_any_moment_can_be_opened_again_over_the_same_store(
    tmp_path: Path, turns: int
) -> None:
    """Nothing stays with a process that runs it no more, however soon it left."""
    workflow = Workflow("twice", sequential(echo, counting("later", 2)))
    async with opened(tmp_path, SqliteStore) as store:
        async with serving(tmp_path, workflow, store=store) as host:
            run = await begin(host, workflow, 1)
            for _ in range(turns):
                await asyncio.sleep(0)
        async with serving(tmp_path, workflow, store=store) as host:
            assert (await ended(host, run)).status == "complete"


async def test_a_host_that_is_left_while_it_takes_a_run_over_leaves_it_to_the_next(tmp_path: Path) -> None:
    async with opened(tmp_path, Taking) as store:
        created = await Host(store).start(ECHO, "x", principal=OPERATOR, detach=True)
        async with serving(tmp_path, ECHO, store=store):
            await store.taking.wait()
        async with serving(tmp_path, ECHO, store=store) as host:
            assert (await ended(host, created.row.id)).output == "x"


class Taking(SqliteStore):
    """Tells when a run is about to be taken over, or made: its next step waits for the disk."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, shipped_gate())
        self.taking, self.making = asyncio.Event(), asyncio.Event()

    async def acquire(self, run: str, *, idle: bool = False) -> Replayable | None:
        self.taking.set()
        return await super().acquire(run, idle=idle)

    async def create(
        self, new: NewRun, keys: tuple[bytes, StreamKey], started: Any, payloads: Payloads, *, own: bool
    ) -> Created:
        self.making.set()
        return await super().create(new, keys, started, payloads, own=own)


async def test_a_start_whose_caller_is_called_off_is_run_all_the_same(tmp_path: Path) -> None:
    async with opened(tmp_path, Taking) as store, serving(tmp_path, ECHO, store=store) as host:
        start = asyncio.create_task(host.start(ECHO, "x", principal=OPERATOR, key="case-8"))
        await store.making.wait()
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start
        again = await host.start(ECHO, "late", principal=OPERATOR, key="case-8")
        assert again.existed
        assert (await ended(host, again.row.id)).output == "x"


async def test_a_business_key_starts_one_run_however_often_it_is_given(tmp_path: Path) -> None:
    async with serving(tmp_path, ECHO) as host:
        starts = [host.start(ECHO, number, principal=OPERATOR, key="case-7") for number in range(5)]
        created = await asyncio.gather(*starts)
        assert len({found.row.id for found in created}) == 1
        assert sorted(found.existed for found in created) == [False, True, True, True, True]
        assert (await ended(host, created[0].row.id)).status == "complete"
        again = await host.start(ECHO, "late", principal=OPERATOR, key="case-7")
        assert again.existed


async def test_a_detached_run_is_left_to_whichever_host_serves_it(tmp_path: Path) -> None:
    async with opened(tmp_path, WatchedStore) as store:
        host = Host(store)
        created = await host.start(ECHO, "x", principal=OPERATOR, detach=True)
        assert created.lease is None
        assert (await store.run(created.row.id)).owner is None
    async with serving(tmp_path, ECHO) as other:
        assert (await ended(other, created.row.id)).output == "x"


async def test_an_input_that_the_workflow_refuses_starts_no_run(tmp_path: Path) -> None:
    def check(value: Any) -> None:
        if not isinstance(value, dict):
            msg = "expected an object"
            raise TypeError(msg)

    workflow = Workflow("strict", echo, check_input=check)
    async with serving(tmp_path, workflow) as host:
        with pytest.raises(InputError, match="does not fit strict: expected an object"):
            await begin(host, workflow, "text")
        run = await begin(host, workflow, {})
        assert (await ended(host, run)).status == "complete"
        with pytest.raises(NotFoundError):
            await host.outcome("0" * 32)


async def test_a_run_that_another_host_is_running_can_be_waited_for_here(tmp_path: Path) -> None:
    go = asyncio.Event()

    @function(pure=True)
    async def waits(given: object) -> object:
        await go.wait()
        return given

    workflow = Workflow("waits", waits)
    async with serving(tmp_path, workflow) as one, serving(tmp_path, workflow) as other:
        run = await begin(one, workflow, "x")
        waiting = asyncio.create_task(ended(other, run))
        assert other.statistics()["resident"] == 0
        go.set()
        assert (await waiting).output == "x"
        assert (await counted(other, run))["step"] == 1


async def test_a_run_whose_owner_dies_unheard_is_taken_over_though_nothing_is_committed_any_more(
    tmp_path: Path,
) -> None:
    refused = asyncio.Event()

    async def is_slow() -> None:
        """Let the dispatcher wait for a ring before it knows that the run is another's."""
        await asyncio.sleep(0.02)
        refused.set()

    async with opened(tmp_path, SqliteStore) as other:
        run = (await Host(other).start(ECHO, "x", principal=OPERATOR, detach=True)).row.id
        assert await other.acquire(run) is not None
        async with opened(tmp_path, WatchedStore) as store:
            store.at("after acquire", is_slow)
            async with serving(tmp_path, ECHO, store=store) as host:
                await refused.wait()
                await other.close()
                assert (await ended(host, run)).output == "x"


async def test_a_host_tells_which_versions_it_serves(host: Host) -> None:
    own = {COMMAND_APPROVAL.version: COMMAND_APPROVAL}  # which every process serves
    assert dict(host.definitions) == own
    host.register(ECHO)
    assert dict(host.definitions) == {**own, ECHO.version: ECHO}


async def test_messages_while_nobody_runs_are_taken_in_at_the_next_start(tmp_path: Path) -> None:
    workflow = Workflow("person", human("clinician", role="clinician"))
    async with serving(tmp_path, workflow) as host:
        first, second = await begin(host, workflow), await begin(host, workflow)
        await parked(host, first)
        await parked(host, second)
    async with serving(tmp_path) as absent:
        await reply(absent, await asked(absent, first), YES)
        await cancel(absent, second)
    async with serving(tmp_path, workflow) as host:
        assert (await ended(host, first)).status == "complete"
        assert (await ended(host, second)).status == "cancelled"


class PassedOver(WatchedStore):
    """Tells when runs that could go on were found."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.found = asyncio.Event()

    async def ready(self, versions: Sequence[str], limit: int) -> Sequence[str]:
        runs = await super().ready(versions, limit)
        if runs:
            self.found.set()
        return runs


async def test_a_run_that_is_wanted_before_its_process_has_left_it_is_taken_up_though_nothing_follows(
    tmp_path: Path,
) -> None:
    workflow = Workflow("visit", human("clinician", role="clinician"))
    async with (
        opened(tmp_path, PassedOver) as store,
        serving(tmp_path, workflow, store=store) as host,
    ):

        async def answered_at_once() -> None:
            await reply(host, await asked(host, run), YES)
            await store.found.wait()  # it was looked at while this process still had it, and passed over
            with suppress(TimeoutError):
                while True:  # until nobody looks any more: every ring of this answer was heard
                    store.found.clear()
                    async with asyncio.timeout(QUIET_SECONDS):
                        await store.found.wait()

        store.at("after park", answered_at_once)
        run = await begin(host, workflow)
        assert (await ended(host, run)).status == "complete"
