"""Runs and the code that serves them: pinned, declared compatible, rehearsed, migrated, blocked, resumed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from kernel.scenarios.house import (
    OPERATOR,
    asked,
    begin,
    ended,
    events,
    opened,
    parked,
    reply,
    resting,
    serving,
    until,
)
from ripieno.journal.records import RunRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel import operators
from ripieno.kernel.host import Host
from ripieno.kernel.rehearsal import rehearse
from ripieno.model.errors import RefusedError
from ripieno.participants.base import BaseParticipant
from ripieno.participants.function import Function, function
from ripieno.participants.human import human
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.resolvers import merge
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow

YES = {"proceed": True}


@function(pure=True)
def first(given: object) -> object:
    return {"first": given}


@function(pure=True)
def second(first: object) -> object:
    return {"second": first}


@function(pure=True)
def added(given: object) -> object:
    return {"added": given}


def from_the_input(given: object) -> object:
    return {"second": given}


def rewritten(first: object) -> object:
    return {"second, in other words": first}


def last(given: object) -> object:
    return {"last": given}


def flow(*before: BaseParticipant, after: tuple[BaseParticipant, ...] = ()) -> Workflow:
    return Workflow("letter", sequential(*before, human("signs", role="clerk"), *after))


RECORDED = flow(first, second)

SAME_PATH = flow(first, Function(rewritten, name="second", pure=True))
REMOVED = flow(first)
RENAMED = flow(first, Function(rewritten, name="secondly", pure=True))
OTHER_INPUTS = flow(first, Function(from_the_input, name="second", pure=True))
OTHER_KIND = flow(first, human("second", role="clerk"))
INSERTED_BEFORE = flow(first, added, second)
INSERTED_AFTER = flow(first, second, after=(Function(last, pure=True),))

FITS = {"other words": SAME_PATH, "inserted after": INSERTED_AFTER}
DEPARTS = {
    "removed": (REMOVED, "sequential@1/second@1: recorded as event 3, but the code no longer reaches it"),
    "renamed": (RENAMED, "sequential@1/second@1: recorded as event 3, but the code no longer reaches it"),
    "other inputs": (
        OTHER_INPUTS,
        "sequential@1/second@1: was recorded (event 3) with other inputs: first, given",
    ),
    "other kind": (
        OTHER_KIND,
        "sequential@1/second@1: recorded by a function (event 3), now asked of a human",
    ),
    "inserted before": (
        INSERTED_BEFORE,
        "sequential@1/second@1: recorded as event 3, but the code no longer reaches it",
    ),
}


async def waiting_run(home: Path, workflow: Workflow = RECORDED) -> str:
    async with serving(home, workflow) as host:
        run = await begin(host, workflow, "dear reader")
        await parked(host, run)
    return run


async def migrate(host: Host, run: str, to: Workflow) -> None:
    await host.enter(to, OPERATOR)
    await host.store.repin(run, to.version, OPERATOR.id)


async def blocked(host: Host, run: str) -> RunRow:
    async def look() -> RunRow | None:
        row = await host.store.run(run)
        return row if row.status == "blocked" else None

    return await until(look)


async def test_changed_code_does_not_touch_a_waiting_run_which_says_what_it_needs(tmp_path: Path) -> None:
    run = await waiting_run(tmp_path)
    assert SAME_PATH.version != RECORDED.version
    async with serving(tmp_path, SAME_PATH) as host:
        await reply(host, await asked(host, run), YES)

        async def needs_version() -> RunRow | None:
            row = await host.store.run(run)
            return row if row.status == "needs_version" else None

        row = await until(needs_version)
        assert row.detail == f"no process serves version {RECORDED.version[:12]} of letter"
        assert len(await events(host, run)) == 4
    async with serving(tmp_path, RECORDED) as host:
        assert (await ended(host, run)).status == "complete"


class Asked(SqliteStore):
    """Counts how often it is asked which versions may serve another's runs."""

    asked = 0

    async def compatible(self, tenant: str, old: str) -> Sequence[str]:
        self.asked += 1
        return await super().compatible(tenant, old)


async def test_what_is_not_served_yet_is_left_alone_while_versions_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ripieno.kernel.host.UNSERVED_SECONDS", 0.0)
    monkeypatch.setattr("ripieno.kernel.host.OTHERS_SECONDS", 0.0)
    run = await waiting_run(tmp_path)
    async with opened(tmp_path, Asked) as store, serving(tmp_path, SAME_PATH, store=store) as host:
        host.loading = True
        await reply(host, await asked(host, run), YES)

        async def looked_at() -> bool | None:
            return store.asked > 2 or None

        await until(looked_at)
        assert (await store.run(run)).status != "needs_version"
        host.register(RECORDED)
        host.loading = False
        assert (await ended(host, run)).status == "complete"


async def test_code_declared_compatible_serves_the_run(tmp_path: Path) -> None:
    run = await waiting_run(tmp_path)
    async with serving(tmp_path, SAME_PATH) as host:
        await host.store.declare_compatible("default", RECORDED.version, SAME_PATH.version, OPERATOR.id)
        await reply(host, await asked(host, run), YES)
        assert (await ended(host, run)).status == "complete"
        assert (await host.store.run(run)).version == RECORDED.version


async def test_of_several_compatible_versions_the_one_that_is_here_serves_the_run(tmp_path: Path) -> None:
    run = await waiting_run(tmp_path)
    async with serving(tmp_path, INSERTED_AFTER) as host:
        for version in (REMOVED.version, SAME_PATH.version, INSERTED_AFTER.version):
            await host.store.declare_compatible("default", RECORDED.version, version, OPERATOR.id)
        found = await host.store.compatible("default", RECORDED.version)
        assert found[0] != INSERTED_AFTER.version
        await reply(host, await asked(host, run), YES)
        assert (await ended(host, run)).output == {"last": "dear reader"}


async def test_a_run_that_needs_its_version_goes_on_once_one_is_declared_compatible(tmp_path: Path) -> None:
    run = await waiting_run(tmp_path)
    async with serving(tmp_path, SAME_PATH) as host:
        await reply(host, await asked(host, run), YES)

        async def needs_version() -> bool | None:
            return (await host.store.run(run)).status == "needs_version" or None

        await until(needs_version)
        await host.store.declare_compatible("default", RECORDED.version, SAME_PATH.version, OPERATOR.id)
        await operators.resume(host.store, host.clock, await host.store.run(run), by=OPERATOR)
        assert (await ended(host, run)).status == "complete"


@pytest.mark.parametrize("name", FITS)
async def test_a_rehearsal_of_code_that_fits_says_so_and_writes_nothing(tmp_path: Path, name: str) -> None:
    run = await waiting_run(tmp_path)
    async with serving(tmp_path) as host:
        found = await rehearse(host.store, host.clock, FITS[name], run)
        assert (found.fits, found.detail) == (True, "all 4 recorded events are reached")
        assert (await host.store.run(run)).status == "waiting"
        assert len(await events(host, run)) == 4


@pytest.mark.parametrize("name", DEPARTS)
async def test_a_rehearsal_of_code_that_departs_says_where(tmp_path: Path, name: str) -> None:
    workflow, where = DEPARTS[name]
    run = await waiting_run(tmp_path)
    async with serving(tmp_path) as host:
        found = await rehearse(host.store, host.clock, workflow, run)
        assert (found.fits, found.detail) == (False, where)
        assert (await host.store.run(run)).status == "waiting"
        assert len(await events(host, run)) == 4


async def test_a_run_that_has_ended_cannot_be_rehearsed(tmp_path: Path) -> None:
    workflow = Workflow("short", first)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await ended(host, run)
        with pytest.raises(RefusedError, match="there is nothing to go on with"):
            await rehearse(host.store, host.clock, workflow, run)


@pytest.mark.parametrize("name", FITS)
async def test_a_migrated_run_goes_on_under_its_new_version(tmp_path: Path, name: str) -> None:
    run = await waiting_run(tmp_path)
    async with serving(tmp_path, FITS[name]) as host:
        await migrate(host, run, FITS[name])
        await reply(host, await asked(host, run), YES)
        outcome = await ended(host, run)
        (migrated,) = await events(host, run, "run.migrated")
        assert (await host.store.run(run)).version == FITS[name].version
    assert outcome.status == "complete"
    assert migrated.body == {"from": RECORDED.version, "to": FITS[name].version, "by": OPERATOR.id}


@pytest.mark.parametrize("name", DEPARTS)
async def test_a_run_whose_code_departs_is_blocked_and_goes_on_when_the_code_is_right_again(
    tmp_path: Path, name: str
) -> None:
    workflow, where = DEPARTS[name]
    run = await waiting_run(tmp_path)
    async with serving(tmp_path, workflow) as host:
        await migrate(host, run, workflow)
        row = await blocked(host, run)
        assert row.detail == where
        assert (await events(host, run))[-1].kind == "run.migrated"
        await reply(host, await asked(host, run), YES)
    async with serving(tmp_path, RECORDED) as host:
        await migrate(host, run, RECORDED)
        await operators.resume(host.store, host.clock, await host.store.run(run), by=OPERATOR)
        assert (await ended(host, run)).status == "complete"


async def test_a_blocked_run_that_is_resumed_under_the_same_code_is_blocked_again(tmp_path: Path) -> None:
    run = await waiting_run(tmp_path)
    async with serving(tmp_path, REMOVED) as host:
        await migrate(host, run, REMOVED)
        await blocked(host, run)
        await operators.resume(host.store, host.clock, await host.store.run(run), by=OPERATOR)

        async def folded() -> bool | None:
            return bool(await events(host, run, "message")) or None

        await until(folded)
        row = await resting(host, run)
    assert (row.status, row.detail) == ("blocked", DEPARTS["removed"][1])


def deep(*works: str) -> Workflow:
    """Give a flow with branches of these names deep within it, beside a person who is waited for."""
    branches = [sequential(Function(last, name=f"{name}-last", pure=True), name=name) for name in works]
    inner = concurrent(human("signs", role="clerk"), *branches, resolve=merge(), name="inner")
    outer = concurrent(concurrent(inner, resolve=merge(), name="middle"), resolve=merge(), name="outer")
    return Workflow("deep", outer)


async def test_a_blocked_run_has_recorded_nothing_of_the_code_that_departs(tmp_path: Path) -> None:
    recorded, departed = deep("works"), deep("works-anew", "more")
    run = await waiting_run(tmp_path, recorded)
    async with serving(tmp_path, departed) as host:
        before = await events(host, run)
        await migrate(host, run, departed)
        row = await blocked(host, run)
        assert row.detail is not None
        assert row.detail.startswith("outer@1/middle@1/inner@1/works@1/")
        after = [event for event in await events(host, run) if event.kind != "run.migrated"]
    assert after == before


async def test_a_rehearsal_stops_before_what_is_new_deep_in_branches(tmp_path: Path) -> None:
    run = await waiting_run(tmp_path, deep("works"))
    async with serving(tmp_path) as host:
        before = await events(host, run)
        found = await rehearse(host.store, host.clock, deep("works", "more"), run)
        assert found.fits
        assert await events(host, run) == before
