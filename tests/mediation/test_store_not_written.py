"""A store that cannot be written, were it only to be read or held by somebody else, lets no command pass."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.elsewhere import Elsewhere
from kernel.scenarios.governed import ASK, EVE, YES, booking, gate_of, governed
from kernel.scenarios.house import OPERATOR, asked, begin, ended, opened, parked
from ripieno.identity import administration
from ripieno.identity.api_keys import create_key
from ripieno.journal.records import QuestionRow, RunRow
from ripieno.journal.sqlite import ReadOnlyStore, SqliteStore
from ripieno.journal.store import Store
from ripieno.kernel import commands, operators, tasks
from ripieno.kernel.budgeting import set_budget
from ripieno.kernel.clock import SystemClock
from ripieno.kernel.deployments import promote
from ripieno.kernel.emergency import break_glass
from ripieno.kernel.host import Host
from ripieno.kernel.stopping import stop
from ripieno.mediation.policy import PolicyGate
from ripieno.model.errors import StoreError
from ripieno.model.principal import Principal
from ripieno.retention.erasing import erase
from ripieno.retention.holds import hold

CLOCK = SystemClock()
MEDIC = Principal("person", "medic", roles=frozenset({"break-glass"}))
GRANTS = """
@id("roles-need-two")
@approval("role:treasurer")
forbid (principal, action == Action::"identity.change", resource) when { context.verb == "grant" };
"""


@dataclass(frozen=True)
class There:
    """What is in the folder: a run that waits for an approval, one that is over, and who is asked."""

    waiting: RunRow
    over: RunRow
    task: QuestionRow


Act = Callable[[Store, There], Awaitable[object]]


async def promoted(store: Store, there: There) -> object:
    [version, *_] = await store.versions("default", there.over.workflow)
    return await promote(store, version, "production", by=OPERATOR)


async def started(store: Store, there: There) -> object:
    del there
    return await begin(Host(store), booking(Elsewhere()), by=OPERATOR)


ACTS: Mapping[str, Act] = {
    "start": started,
    "answer": lambda store, there: commands.answer(store, CLOCK, there.task, by=EVE, value=YES),
    "claim": lambda store, there: tasks.claim(store, CLOCK, there.task, by=EVE),
    "break the glass": lambda store, there: break_glass(store, CLOCK, there.task, by=MEDIC, reason="now"),
    "cancel": lambda store, there: commands.cancel(store, CLOCK, there.waiting, by=OPERATOR),
    "pause": lambda store, there: operators.pause(store, CLOCK, there.waiting, by=OPERATOR),
    "signal": lambda store, there: operators.signal(store, CLOCK, there.waiting, "go", by=OPERATOR),
    "erase": lambda store, there: erase(store, there.over, by=OPERATOR, reason="why not"),
    "hold": lambda store, there: hold(store, "run", there.over.id, by=OPERATOR, reason="why not"),
    "stop": lambda store, _: stop(store, "tenant", by=OPERATOR, reason="why not"),
    "drain": lambda store, there: operators.drain(store, there.over.workflow, by=OPERATOR, reason="why not"),
    "promote": promoted,
    "budget": lambda store, _: set_budget(store, CLOCK, "5", by=OPERATOR),
    "suspend": lambda store, _: administration.suspend(store, "person:kim", by=OPERATOR, reason="why not"),
    "create a key": lambda store, _: create_key(store, CLOCK, "service:till", by=OPERATOR),
    "what needs an approval": lambda store, _: administration.grant(
        store, "person:kim", ["clerk"], by=OPERATOR
    ),
}


@asynccontextmanager
async def only_to_be_read(home: Path, gate: PolicyGate) -> AsyncGenerator[Store]:
    store = ReadOnlyStore(home)
    store.gate = gate
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def held(home: Path, gate: PolicyGate) -> AsyncGenerator[Store]:
    """Let somebody else hold the right to write."""
    async with opened(home, lambda folder: SqliteStore(folder, busy_seconds=0.05)) as store:
        store.gate = gate
        with closing(sqlite3.connect(home / "journal.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield store


async def passes(act: Act, store: Store, there: There) -> bool:
    try:
        await act(store, there)
    except StoreError:
        return False
    return True


def rows(home: Path) -> Mapping[str, list[Any]]:
    """Give everything that is in the database."""
    with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}  # noqa: S608 - its own


@pytest.mark.parametrize("trouble", [only_to_be_read, held], ids=["only to be read", "held"])
async def test_no_command_no_approval_and_no_start_passes_and_nothing_is_changed(
    tmp_path: Path, trouble: Callable[[Path, PolicyGate], Any]
) -> None:
    home, system = tmp_path / "home", Elsewhere()
    gate = gate_of(tmp_path / "policies", ask=ASK, grants=GRANTS)
    workflow = booking(system)
    async with governed(home, gate, workflow) as host:
        run, over = await begin(host, workflow), await begin(host, workflow)
        task, other = await asked(host, run), await asked(host, over)
        assert other.run == over
        await parked(host, over)
        await commands.cancel(host.store, host.clock, await host.store.run(over), by=OPERATOR)
        await ended(host, over)
        there = There(await parked(host, run), await host.store.run(over), task)
    before = rows(home)
    async with trouble(home, gate) as store:
        assert [name for name, act in ACTS.items() if await passes(act, store, there)] == []
    assert rows(home) == before
    assert system.calls == []
    async with governed(home, gate, workflow) as host:
        await commands.answer(host.store, host.clock, there.task, by=EVE, value=YES)
        assert (await ended(host, run)).status == "complete"
    assert len(system.calls) == 1
