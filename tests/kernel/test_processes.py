"""Several processes on one data folder: some die, some sleep, some answer, and each act happens once."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from gates import shipped_gate
from kernel.support.crash import Children, Order, children_of, ended
from kernel.support.ledger import Ledger
from ripieno.identity.local import local_operator
from ripieno.journal.records import QuestionRow, RunFilter, RunRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel.clock import SystemClock
from ripieno.kernel.commands import answer
from ripieno.model.event import Event

PATIENCE_SECONDS = 120.0
INTENT_OF_SETTLE = "committed: events: intent sequential@1/arrange@1/settle@1/tool/1"
T = TypeVar("T")


@pytest.fixture(scope="module")
def errands() -> Generator[Children]:
    with children_of("kernel.support.errands:SCENARIO") as children:
        yield children


@pytest.fixture(scope="module")
def one_call() -> Generator[Children]:
    with children_of("kernel.support.one_call:SCENARIO") as children:
        yield children


@asynccontextmanager
async def store_of(home: Path) -> AsyncGenerator[SqliteStore]:
    store = SqliteStore(home, shipped_gate())
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def only_run(store: SqliteStore) -> RunRow:
    (row,) = await store.runs(RunFilter())
    return row


async def events_of(home: Path) -> list[Event]:
    async with store_of(home) as store:
        return list(await store.events((await only_run(store)).id))


async def first_question(store: SqliteStore) -> QuestionRow:
    committed = asyncio.Event()
    store.on_change(committed.set)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (asked := await store.questions()):
            await committed.wait()
            committed.clear()
    return asked[0]


def until(found: Callable[[], T | None]) -> T:
    """Look again and again until there is something, for as long as the slowest machine may need."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if (value := found()) is not None:
            return value
        time.sleep(0.005)
    raise TimeoutError


def test_two_processes_that_advance_the_same_runs_do_their_work_once(
    errands: Children, tmp_path: Path
) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    assert errands.run(Order(str(alone))) == 0
    wanted = ended(errands.scenario, alone)
    shared = tmp_path / "shared"
    shared.mkdir()
    keys = [f"case {number}" for number in range(6)]
    first = errands.start(Order(str(shared), keys=keys, grouped=True, report="first.json"))
    second = errands.start(Order(str(shared), keys=keys[::-1], grouped=True, report="second.json"))
    assert [errands.wait(first), errands.wait(second)] == [0, 0]
    for report in ("first.json", "second.json"):
        found = ended(errands.scenario, shared, report)
        assert list(found.outcomes) == [*wanted.outcomes] * len(keys)
        assert list(found.effects) == sorted([*wanted.effects] * len(keys))


async def test_a_stopped_process_keeps_its_run_and_a_killed_one_gives_it_up_at_once(
    errands: Children, tmp_path: Path
) -> None:
    order = Order(str(tmp_path), fatal=INTENT_OF_SETTLE, signal=signal.SIGSTOP)
    child = errands.start(order)
    assert errands.wait(child) == signal.SIGSTOP
    async with store_of(tmp_path) as store:
        run = (await only_run(store)).id
        assert await store.acquire(run) is None
        os.kill(child, signal.SIGKILL)
        assert errands.wait(child) == signal.SIGKILL
        taken = await store.acquire(run)
        assert taken is not None
        await store.release(taken.lease, "running")


def test_a_waiting_process_takes_over_from_one_that_is_killed(errands: Children, tmp_path: Path) -> None:
    first = errands.start(
        Order(str(tmp_path), fatal=INTENT_OF_SETTLE, signal=signal.SIGSTOP, report="first.json")
    )
    assert errands.wait(first) == signal.SIGSTOP
    second = errands.start(Order(str(tmp_path), hours=1, report="second.json"))
    until(lambda: sorted((tmp_path / "owners").iterdir())[1:] or None)  # the second is there as well
    os.kill(first, signal.SIGKILL)
    assert errands.wait(first) == signal.SIGKILL
    assert errands.wait(second) == 0
    found = ended(errands.scenario, tmp_path, "second.json")
    assert [outcome["status"] for outcome in found.outcomes] == ["complete"]
    assert len(found.effects) == len(set(found.effects)) == 11


async def test_a_process_woken_after_its_calls_deadline_sends_nothing_and_tries_again_under_the_same_key(
    one_call: Children, tmp_path: Path
) -> None:
    claimed = "committed: events: intent sequential@1/visit@1/tool/1"
    child = one_call.start(Order(str(tmp_path), fatal=claimed, signal=signal.SIGSTOP))
    assert one_call.wait(child) == signal.SIGSTOP
    (intent,) = [event for event in await events_of(tmp_path) if event.kind == "intent"]
    until(lambda: time.time_ns() // 1000 > intent.body["deadline"] or None)
    os.kill(child, signal.SIGCONT)
    assert one_call.wait(child) == 0

    found = ended(one_call.scenario, tmp_path)
    events = await events_of(tmp_path)
    tried = [(event.body["attempt"], event.body["key"]) for event in events if event.kind == "intent"]
    results = [(event.body["status"], event.body["how"]) for event in events if event.kind == "result"]
    assert results == [("unsent", "deadline"), ("done", "called")]
    assert tried == [(1, intent.body["key"]), (2, intent.body["key"])]
    assert [entry.key for entry in Ledger(tmp_path / "ledger.jsonl").entries()] == [intent.body["key"]]
    assert [outcome["output"] for outcome in found.outcomes] == ["rung"]


async def test_a_process_answers_while_another_one_runs_the_run(errands: Children, tmp_path: Path) -> None:
    child = errands.start(Order(str(tmp_path), people=False))
    until(lambda: (tmp_path / "ledger.jsonl").exists() or None)
    async with store_of(tmp_path) as store:
        await answer(
            store,
            SystemClock(),
            await first_question(store),
            by=local_operator({"RIPIENO_PRINCIPAL": "eve"}),
            value={"proceed": True},
            reason="seen",
        )
        assert errands.wait(child) == 0
        events = await store.events((await only_run(store)).id)
    answers = [
        event.body["by"] for event in events if event.kind == "answered" and event.body["what"] == "answer"
    ]
    assert answers == ["person:eve"]
    assert [outcome["status"] for outcome in ended(errands.scenario, tmp_path).outcomes] == ["complete"]
