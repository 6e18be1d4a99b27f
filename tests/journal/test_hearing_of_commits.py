"""Who looks for work hears of a commit of its own process only where there may be some."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.journal.support.writing import AT, answer, ask, begin, end, owned, step, write

from ripieno.journal.budgets import Bill, Short, month_of
from ripieno.journal.records import ClaimChange, Draft, Lease
from ripieno.journal.sqlite import SqliteStore, doorbell
from ripieno.journal.store import Store

NEVER_SECONDS = 3600.0


def billed(lease: Lease) -> Draft:
    draft = step(lease, "spent/1", kind="spent", if_seen=0)
    draft.bill = Bill("", spent=1)
    return draft


CARRIED_ON: dict[str, Callable[[Store, Lease], Awaitable[object]]] = {
    "begun": lambda store, _: begin(store),
    "a step": lambda store, lease: write(store, step(lease)),
    "a claim": lambda store, lease: write(
        store, step(lease, kind="intent", change=ClaimChange(1), if_seen=0)
    ),
    "spent": lambda store, lease: write(store, billed(lease)),
    "ended": lambda store, lease: write(store, end(lease)),
}

HEARD: dict[str, Callable[[Store, Lease], Awaitable[object]]] = {
    "left to others": lambda store, _: begin(store, own=False),
    "a question": ask,
    "a message": lambda store, lease: store.send(answer(lease.run)),
    "given up": lambda store, lease: store.release(lease, "running"),
    "stopped": lambda store, _: store.stop("default", "tool", "book", by="person:ada", reason="broken"),
}


async def heard(folder: Path, act: Callable[[Store, Lease], Awaitable[object]]) -> tuple[int, int]:
    """Give how often who looks for work, and who follows all, heard of an act."""
    work, every = list[str](), list[str]()
    store = SqliteStore(folder)
    await store.open()
    try:
        lease = await owned(store)
        store.on_change(lambda: work.append("!"), own=False)
        store.on_change(lambda: every.append("!"))
        await act(store, lease)
    finally:
        await store.close()
    return len(work), len(every)


async def held_and_given_back(store: Store, lease: Lease) -> list[bool]:
    """Give whether who looks for work heard of room in a budget that is taken, and is there again."""
    await store.set_budget("default", "", 10, hard=True, by="person:ada", at=AT)
    waiting, rung = await owned(store), list[str]()
    taken, back = (step(lease, "a", kind=kind, if_seen=0) for kind in ("intent", "result"))
    taken.bill, back.bill = Bill("", held=10, checked=True), Bill("", settles=True)
    await write(store, taken)
    assert await store.park(waiting, 0, held=[Short("default", "", 10, month_of(AT))])
    store.on_change(lambda: rung.append("!"), own=False)
    await write(store, step(lease))
    before = bool(rung)
    await write(store, back)
    return [before, bool(rung)]


async def test_room_in_a_budget_is_told_to_everyone_where_a_run_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorbell, "LOOK_SECONDS", NEVER_SECONDS)
    store = SqliteStore(tmp_path)
    await store.open()
    try:
        assert await held_and_given_back(store, await owned(store)) == [False, True]
    finally:
        await store.close()


@pytest.mark.parametrize("act", CARRIED_ON.values(), ids=CARRIED_ON)
async def test_what_only_carries_own_runs_on_is_told_to_those_who_follow_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[Store, Lease], Awaitable[object]]
) -> None:
    monkeypatch.setattr(doorbell, "LOOK_SECONDS", NEVER_SECONDS)  # which would hear of any commit, later
    assert await heard(tmp_path, act) == (0, 1)


@pytest.mark.parametrize("act", HEARD.values(), ids=HEARD)
async def test_what_somebody_may_wait_for_is_told_to_everyone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[Store, Lease], Awaitable[object]]
) -> None:
    monkeypatch.setattr(doorbell, "LOOK_SECONDS", NEVER_SECONDS)
    assert await heard(tmp_path, act) == (1, 1)
