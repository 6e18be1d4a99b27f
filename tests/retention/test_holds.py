"""What is under a hold is not erased: whoever wants it, and however close they come."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from retention.folder import BOSS, checked, house, letter, visited
from ripieno.journal.retention import Doomed
from ripieno.kernel.forks import fork
from ripieno.model.errors import InputError, NotAllowedError, RefusedError
from ripieno.model.principal import Principal
from ripieno.retention.erasing import erase, plan_of
from ripieno.retention.holds import held, hold, release

WHY = "case 12 O 345/26"


@pytest.mark.parametrize("what", ["run", "key", "workflow", "tenant"])
async def test_a_hold_keeps_what_it_names_until_it_is_released(tmp_path: Path, what: Any) -> None:
    async with house(tmp_path) as host:
        store = host.store
        run = await letter(host, key="case-7")
        name = {"run": run, "key": "case-7", "workflow": "letters", "tenant": ""}[what]
        assert await hold(store, what, name, by=BOSS, reason=WHY)
        assert not await hold(store, what, name, by=BOSS, reason="again")
        row = await store.run(run)
        assert (await plan_of(store, row, by=BOSS)).obstacle is not None
        with pytest.raises(RefusedError, match=f"hold on {what}"):
            await erase(store, row, by=BOSS, reason="x")
        with pytest.raises(RefusedError, match=f"hold on {what}"):
            await store.erase("default", [Doomed(run)], by=BOSS.id, reason="x")
        (one,) = held(store, BOSS)
        assert (one.what, store.reason_of(one.tenant, one.reason)) == (what, WHY)
        assert await release(store, what, name, by=BOSS, reason="settled")
        assert not await release(store, what, name, by=BOSS, reason="again")
        await erase(store, row, by=BOSS, reason="x")
    assert checked(tmp_path).sound


async def test_a_hold_on_a_run_reaches_its_child_runs_and_forks(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        store = host.store
        run, child = await visited(host)
        copy = (await fork(store, host.clock, await store.run(child), by=BOSS)).id
        await host.outcome(copy)
        await hold(store, "run", run, by=BOSS, reason=WHY)
        for one in (run, child, copy):
            with pytest.raises(RefusedError, match="hold on run"):
                await erase(store, await store.run(one), by=BOSS, reason="x")
        assert store.held("0" * 32) == []


async def test_of_a_hold_and_an_erasure_at_once_what_is_first_in_the_log_counts(tmp_path: Path) -> None:
    """Both are in one commit: nothing is looked at before that could have changed."""
    async with house(tmp_path) as host:
        store = host.store
        for number in range(6):
            run = await letter(host)
            acts = [
                store.hold("default", "run", run, by=BOSS.id, reason=WHY),
                store.erase("default", [Doomed(run)], by=BOSS.id, reason="x"),
            ]
            done = await asyncio.gather(*acts[:: -1 if number % 2 else 1], return_exceptions=True)
            erased = store.erasure(run) is not None
            assert erased == (number % 2 == 1)
            assert any(isinstance(one, RefusedError) for one in done) != erased
    assert checked(tmp_path).sound


async def test_of_several_runs_one_of_which_is_held_none_is_erased(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        store = host.store
        free, kept = await letter(host), await letter(host)
        await hold(store, "run", kept, by=BOSS, reason=WHY)
        with pytest.raises(RefusedError):
            await store.erase("default", [Doomed(free), Doomed(kept)], by=BOSS.id, reason="x")
        assert (await host.outcome(free)).status == "complete"


async def test_holds_have_reasons_names_and_who_may_set_them(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        store = host.store
        await letter(host)
        with pytest.raises(InputError, match="reason"):
            await hold(store, "tenant", by=BOSS, reason="")
        with pytest.raises(InputError, match="which run"):
            await hold(store, "run", by=BOSS, reason=WHY)
        odd: Any = "runs"
        with pytest.raises(InputError, match="did you mean 'run'"):
            await hold(store, odd, "x", by=BOSS, reason=WHY)
        with pytest.raises(NotAllowedError, match="another one"):
            await hold(store, "tenant", "other", by=BOSS, reason=WHY)
        with pytest.raises(NotAllowedError, match="say what may not be erased"):
            await hold(store, "tenant", by=Principal("person", "carl"), reason=WHY)
