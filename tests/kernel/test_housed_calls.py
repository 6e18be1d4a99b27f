"""Calls to the log's own store: found again by their key after a crash, with where their values came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.governed import gate_of, governed
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import begin, ended, events, opened, parked, serving, snapshot
from ripieno import Context, Memory, ToolError, Workflow, function, sequential
from ripieno.journal.memory import MemoryRow, Space
from ripieno.journal.sqlite import SqliteStore
from ripieno.model.value import decode

NOTES = Memory("notes")


@function(name="nurse", pure=True)
async def nurse(input: str, context: Context) -> Any:  # noqa: A002 - the name of the parameter
    return await context.use(NOTES.remember, text=input)


WARD = Workflow("ward", sequential(nurse))


class Cut(SqliteStore):
    """Keeps the files as they are right before, or right after, something is remembered."""

    after = False

    async def remember(self, row: MemoryRow, space: Space) -> MemoryRow:
        kept = await super().remember(row, space) if self.after else row
        snapshot(self.home, self.home.parent / "copy")
        return kept if self.after else await super().remember(row, space)


class CutAfter(Cut):
    after = True


@pytest.mark.parametrize("kind", [Cut, CutAfter], ids=["before", "after"])
async def test_after_a_crash_it_is_there_once_with_its_sources(tmp_path: Path, kind: type[Cut]) -> None:
    clock = HandClock()
    async with (
        opened(tmp_path / "home", kind) as store,
        serving(tmp_path, WARD, clock=clock, store=store) as host,
    ):
        run = await begin(host, WARD, "seen today")
        await ended(host, run)
    async with serving(tmp_path / "copy", WARD, clock=clock) as host:
        await parked(host, run)
        clock.turn(31)
        host.ring()
        assert (await ended(host, run)).status == "complete"
        [row] = host.store.memories("default", None, clock.now(), 10)
        sources = decode(host.store.payload(run, row.sources))
        intents = await events(host, run, "intent")
    assert len(intents) == (1 if kind.after else 2)
    assert {event.body["traced"] for event in intents} == {row.sources}
    assert sources["provenance"] == {"text": "trusted"}


SOURCES = """
@id("only-what-is-trusted-is-remembered")
forbid (principal, action == Action::"tool.call", resource == Tool::"notes.remember")
when { !(context has sources) || context.sources.contains("untrusted") };
"""


async def test_after_a_crash_policies_know_where_its_values_come_from(tmp_path: Path) -> None:
    clock, gate = HandClock(), gate_of(tmp_path / "policies", memory=SOURCES)
    async with opened(tmp_path / "home", Cut) as store:
        store.gate = gate
        async with serving(tmp_path, WARD, clock=clock, store=store) as host:
            run = await begin(host, WARD, "seen today")
            await ended(host, run)
    async with governed(tmp_path / "copy", gate, WARD, clock=clock) as host:
        await parked(host, run)
        clock.turn(31)
        host.ring()
        assert (await ended(host, run)).status == "complete"
        assert len(host.store.memories("default", None, clock.now(), 10)) == 1


async def test_beside_a_run_it_says_where_it_belongs() -> None:
    with pytest.raises(ToolError, match="within a run"):
        await NOTES.remember(text="x")
