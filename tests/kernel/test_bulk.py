"""One command for many runs: found by a filter, recorded once as a whole and once in each run."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.elsewhere import Elsewhere, cut, uses
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import ADA, OPERATOR, asked, begin, ended, events, opened, parked, reply, serving
from ripieno.connectors.tool import tool
from ripieno.journal.records import RunFilter, RunRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.reader import SqliteReader
from ripieno.journal.sqlite.schema import TABLES
from ripieno.kernel import bulk, operators
from ripieno.kernel.bulk import Hit, Operation, hits, in_bulk
from ripieno.kernel.host import Host
from ripieno.model.errors import NotAllowedError, ToolError
from ripieno.model.value import decode
from ripieno.participants.human import human
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow


def waits() -> Workflow:
    return Workflow("visit", human("clinician", role="clinician"))


async def paused(host: Host, wanted: RunFilter, operation: Operation) -> list[Hit]:
    async def act(row: RunRow, name: str | None) -> str:
        await operators.pause(
            host.store, host.clock, row, by=operation.by, reason=operation.reason, operation=name
        )
        return "paused"

    rows = await hits(host.store, wanted)
    return [hit async for hit in in_bulk(host.store, wanted, rows, operation, act)]


async def found(host: Host, **wanted: Any) -> list[str]:
    return [row.id for row in await host.store.runs(RunFilter(**wanted))]


async def test_each_run_is_told_once_and_what_was_done_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "PAGE", 2)
    workflow = waits()
    async with serving(tmp_path, workflow) as host:
        runs = [await begin(host, workflow) for _ in range(5)]
        for run in runs:
            await parked(host, run)
        gone = await host.store.run(runs[0])
        await operators.skip(
            host.store, host.clock, gone, "clinician", by=OPERATOR, reason="left", names=["clinician"]
        )
        await ended(host, runs[0])
        wanted = RunFilter(workflow="visit")
        done = await paused(host, wanted, Operation("pause", OPERATOR, "an audit"))
        assert [hit.done for hit in done] == [True] * 4 + [False]
        assert "has ended" in done[-1].said
        again = Operation("pause", OPERATOR, "an audit", id=done[0].operation)
        await paused(host, RunFilter(statuses=("paused",)), again)
        for run in runs[1:]:
            told = await events(host, run, "message")
            assert [event.body["id"].partition(":")[0] for event in told] == [done[0].operation]
        stream = await host.store.tenant_stream("default")
        event = next(event for event in await host.store.events(stream) if event.kind == "operation")
        assert (event.body["what"], event.body["by"], event.body["runs"]) == ("pause", "person:op", 5)
        assert event.body["filter"] == {"workflow": "visit"}
        assert decode(host.store.payload(stream, event.body["reason"])) == "an audit"


async def test_an_operation_is_for_operators(tmp_path: Path) -> None:
    workflow = waits()
    async with serving(tmp_path, workflow) as host:
        await parked(host, await begin(host, workflow))
        with pytest.raises(NotAllowedError, match="'operator'"):
            await paused(host, RunFilter(), Operation("pause", ADA))


async def test_everything_that_a_tool_failed_in_since_a_time_is_found(tmp_path: Path) -> None:
    clock = HandClock()
    refuse = [True]

    @tool(attempts=1)
    def fhir() -> str:
        if refuse:
            msg = "503"
            raise ToolError(msg)
        return "well"

    workflow = Workflow("visit", uses(fhir))
    async with serving(tmp_path, workflow, clock=clock) as host:
        early = await begin(host, workflow)
        await ended(host, early)
        clock.turn(3600)
        two_o_clock = clock.now()
        late = await begin(host, workflow)
        await ended(host, late)
        refuse.clear()
        well = await begin(host, workflow)
        await ended(host, well)
        assert await found(host, failed_tool="fhir") == [late, early]
        assert await found(host, failed_tool="fhir", since=two_o_clock) == [late]
        assert await found(host, failed_tool="fhir", until=two_o_clock) == [early]
        assert await found(host, failed_tool="fhir", statuses=("failed",), workflow="visit") == [late, early]
        assert await found(host, failed_tool="fhir", statuses=("waiting",)) == []
        assert await found(host, failed_tool="other") == []


async def test_a_call_that_succeeded_in_the_end_has_not_failed(tmp_path: Path) -> None:
    answers = ["503", ""]

    @tool(attempts=2)
    def fhir() -> None:
        if refusal := answers.pop(0):
            raise ToolError(refusal)

    workflow = Workflow("visit", uses(fhir))
    async with serving(tmp_path, workflow) as host:
        await ended(host, await begin(host, workflow))
        assert await found(host, failed_tool="fhir") == []


async def test_a_call_in_doubt_is_found_until_it_is_known(tmp_path: Path) -> None:
    system = Elsewhere()
    system.after.append(cut)
    workflow = Workflow("visit", uses(tool(system.book), what="it"))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        doubt = await asked(host, run, "uncertain")
        await parked(host, run)
        assert await found(host, failed_tool="book") == [run]
        assert await found(host, failed_tool="book", waiting_for="operator") == [run]
        await reply(host, doubt, {"happened": True})
        await ended(host, run)
        assert await found(host, failed_tool="book") == []


async def test_runs_are_found_by_the_role_that_they_wait_for(tmp_path: Path) -> None:
    clinic, desk = waits(), Workflow("desk", sequential(human("clerk", role="clerk")))
    async with serving(tmp_path, clinic, desk) as host:
        first, second = await begin(host, clinic), await begin(host, desk)
        await parked(host, first)
        await parked(host, second)
        assert await found(host, waiting_for="clerk") == [second]
        assert await found(host, waiting_for="nobody") == []


FILTERS: Sequence[tuple[str, RunFilter]] = (
    ("status", RunFilter(statuses=("failed", "waiting"))),
    ("workflow", RunFilter(workflow="visit", since=1)),
    ("tool", RunFilter(failed_tool="fhir", since=1, statuses=("failed",), workflow="visit")),
    ("role", RunFilter(waiting_for="clinician")),
)


@pytest.mark.parametrize("wanted", [item[1] for item in FILTERS], ids=[item[0] for item in FILTERS])
async def test_no_filter_reads_a_whole_table(
    tmp_path: Path, wanted: RunFilter, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_of: list[tuple[str, tuple[Any, ...]]] = []
    everything = SqliteReader.all

    def noting(reader: SqliteReader, statement: str, *values: Any) -> Sequence[Any]:
        asked_of.append((statement, values))
        return everything(reader, statement, *values)

    async with opened(tmp_path, SqliteStore) as store:
        monkeypatch.setattr(SqliteReader, "all", noting)
        assert await store.runs(wanted) == []
    with closing(sqlite3.connect(":memory:")) as empty:
        for table in TABLES.split(";"):
            empty.execute(table)
        ((statement, values),) = asked_of
        plan = [row[3] for row in empty.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    whole = re.compile(r"SCAN (runs|q|c|questions|claims|failed_calls|events)")
    assert [step for step in plan if whole.match(step)] == []
