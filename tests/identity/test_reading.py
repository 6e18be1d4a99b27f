"""Who was shown labelled data is in the log first; where it cannot be, nothing is shown."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gates import shipped_gate
from identity.people import ADA, opened, tenant_events, unsound
from kernel.scenarios.governed import gate_of
from ripieno.identity.reading import classes_of, is_open, read_run, read_runs
from ripieno.journal.records import RunFilter
from ripieno.journal.sqlite import ReadOnlyStore, SqliteStore
from ripieno.kernel.allowed import may_read_log
from ripieno.kernel.clock import SystemClock
from ripieno.kernel.forks import fork
from ripieno.kernel.host import Host
from ripieno.model.errors import NotAllowedError, StoreError
from ripieno.model.principal import Principal, Scope
from ripieno.participants.function import function
from ripieno.participants.workflow import subworkflow
from ripieno.workflows.embedded import open_host
from ripieno.workflows.workflow import Workflow


@function(pure=True)
def same(given: object) -> object:
    return given


PHI = Workflow("discharge", same, data=["phi", "financial"])
CARED_FOR = Workflow("ward", same, data=["phi"], policy="healthcare")
PLAIN = Workflow("weather", same)


def forget(store: SqliteStore) -> None:
    """Leave the versions as an earlier format did: without what they declare."""
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE versions SET about = '{}'")


async def started(home: Path) -> list[str]:
    async with opened(home) as store, Host(store) as host:
        runs = [(await host.start(flow, 1, principal=ADA)).row.id for flow in (PHI, PHI, PLAIN)]
        for run in runs:
            await host.outcome(run)
    return runs


async def test_a_read_of_labelled_data_is_an_event_with_who_what_and_why(tmp_path: Path) -> None:
    first, second, plain = await started(tmp_path)
    async with opened(tmp_path) as store:
        rows = [await store.run(run) for run in (first, second, plain)]
        assert [await classes_of(store, row) for row in rows] == [["financial", "phi"]] * 2 + [[]]
        await read_run(store, rows[0], "runs show", by=ADA, reason="the family asked")
        await read_runs(store, rows, "inbox list", by=ADA)
        await read_run(store, rows[2], "runs show", by=ADA)
        one, several = await tenant_events(store, "data.read")
        assert (one.body["by"], one.body["what"], one.body["runs"]) == ("person:ada", "runs show", [first])
        assert one.body["classes"] == ["financial", "phi"]
        assert several.body["runs"] == [first, second]
        for event in (one, several):
            assert event.body["policies"] == ["people-read-what-is-labelled"]
        assert one.body["policy"] == several.body["policy"] != ""
        assert "kept" not in several.body
        assert "reason" in one.body
        assert "reason" not in several.body
    assert unsound(tmp_path) == []


async def test_the_event_of_a_list_names_what_let_it_be_shown_and_what_is_not(tmp_path: Path) -> None:
    clerk = Principal("person", "kim", roles=frozenset({"clerk"}))
    async with opened(tmp_path) as store, Host(store) as host:
        found = [(await host.start(flow, 1, principal=ADA)).row for flow in (PHI, CARED_FOR, PLAIN)]
        for row in found:
            await host.outcome(row.id)
        await read_runs(store, found, "runs list", by=clerk)
        await read_runs(store, found[1:], "runs list", by=clerk)
        await read_runs(store, found[2:], "runs list", by=clerk)
        some, none = await tenant_events(store, "data.read")
    assert some.body["policies"] == ["people-read-what-is-labelled"]
    assert (none.body["policies"], none.body["policy"]) == ([], shipped_gate().version[:16])
    assert some.body["kept"] == none.body["kept"] == [found[1].id]


OWN = """
@id("the-scribe-reads")
permit (principal == Agent::"scribe", action == Action::"data.read", resource is Run)
when { context.verb == "runs show" && context.labels.contains("phi") };
"""


async def test_an_agent_is_shown_what_runs_hold_by_a_policy_that_names_it_and_is_told_so(
    tmp_path: Path,
) -> None:
    (tmp_path / "home").mkdir()
    first, *_ = await started(tmp_path / "home")
    scribe, other = (Principal("agent", name) for name in ("scribe", "other"))
    async with opened(tmp_path / "home") as store:
        row = await store.run(first)
        with pytest.raises(NotAllowedError, match="to it by name"):
            await read_run(store, row, "runs show", by=scribe)
        store.gate = gate_of(tmp_path / "policies", own=OWN)
        await read_run(store, row, "runs show", by=scribe)
        for by, what in ((other, "runs show"), (scribe, "audit export")):
            with pytest.raises(NotAllowedError):
                await read_run(store, row, what, by=by)
        [read] = await tenant_events(store, "data.read")
    assert (read.body["by"], read.body["policies"]) == ("agent:scribe", ["the-scribe-reads"])


async def test_what_cannot_be_recorded_is_not_shown(tmp_path: Path) -> None:
    first, _, plain = await started(tmp_path)
    store = ReadOnlyStore(tmp_path)
    await store.open()
    try:
        with pytest.raises(StoreError, match="financial, phi data is not shown"):
            await read_run(store, await store.run(first), "runs show", by=ADA)
        await read_run(store, await store.run(plain), "runs show", by=ADA)
    finally:
        await store.close()


async def test_what_a_version_declares_that_nobody_knows_any_more_counts_as_labelled(tmp_path: Path) -> None:
    *_, plain = await started(tmp_path)
    async with opened(tmp_path) as store:
        row = await store.run(plain)
        forget(store)
        await read_run(store, row, "runs show", by=ADA)
        (event,) = await tenant_events(store, "data.read")
    assert event.body["classes"] == ["unknown"]


async def test_a_key_reads_what_it_is_good_for(tmp_path: Path) -> None:
    first, _, plain = await started(tmp_path)
    narrow = Principal("service", "weather", scope=Scope(workflows=frozenset({"weather"})))
    deaf = Principal("service", "weather", scope=Scope(acts=frozenset({"run.start"})))
    async with opened(tmp_path) as store:
        await read_run(store, await store.run(plain), "runs show", by=narrow)
        for by, run in ((narrow, first), (deaf, plain)):
            with pytest.raises(NotAllowedError, match="not good for"):
                await read_run(store, await store.run(run), "runs show", by=by)


async def test_policy_decides_who_is_shown_what_a_run_holds_and_a_denial_is_in_the_log(
    tmp_path: Path,
) -> None:
    clinician = Principal("person", "cleo", roles=frozenset({"clinician"}))
    clerk = Principal("person", "carl", roles=frozenset({"operator"}))
    async with opened(tmp_path) as store, Host(store) as host:
        run = (await host.start(CARED_FOR, 1, principal=ADA)).row.id
        await host.outcome(run)
        row = await store.run(run)
        await read_run(store, row, "runs show", by=clinician)
        with pytest.raises(NotAllowedError, match="phi-is-read-by-those-who-care"):
            await read_run(store, row, "runs show", by=clerk)
        [read] = await tenant_events(store, "data.read")
        [denied] = await tenant_events(store, "act.denied")
    assert (read.body["by"], denied.body["by"], denied.body["act"]) == (clinician.id, clerk.id, "data.read")


async def test_a_business_key_gives_nobody_the_outcome_of_what_somebody_else_started(tmp_path: Path) -> None:
    clerk = Principal("person", "carl", roles=frozenset({"operator"}))
    async with open_host(tmp_path):
        outcome = await CARED_FOR.run(1, key="stay 7", principal=ADA)
        assert outcome.output == 1
        for begin in (CARED_FOR.run, CARED_FOR.start):
            with pytest.raises(NotAllowedError, match="phi-is-read-by-those-who-care"):
                await begin(1, key="stay 7", principal=clerk)
        assert (await CARED_FOR.run(1, key="stay 7", principal=ADA)).output == 1
    async with opened(tmp_path) as store:
        [denied, _] = await tenant_events(store, "act.denied")
    assert denied.body["by"] == clerk.id


async def test_a_fork_of_what_one_may_not_be_shown_is_denied_whoever_asks(tmp_path: Path) -> None:
    clerk = Principal("person", "carl", roles=frozenset({"operator"}))
    async with opened(tmp_path) as store, Host(store) as host:
        run = (await host.start(CARED_FOR, 1, principal=ADA)).row.id
        await host.outcome(run)
        row = await store.run(run)
        for value in (None, 2):  # nor with another input: what is kept of the original would be shown
            with pytest.raises(NotAllowedError, match="phi-is-read-by-those-who-care"):
                await fork(store, SystemClock(), row, by=clerk, value=value)
        cleo = Principal("person", "cleo", roles=frozenset({"clinician"}))
        forked = await fork(store, SystemClock(), row, by=cleo)
        assert (await host.outcome(forked.id)).output == 1


async def test_a_child_run_is_shown_to_those_who_may_be_shown_the_run_that_began_it(tmp_path: Path) -> None:
    letter = Workflow("letter", same)  # declares nothing of its own
    ward = Workflow("ward-letters", subworkflow(letter), data=["phi"], policy="healthcare")
    clerk = Principal("person", "carl", roles=frozenset({"operator"}))
    cleo = Principal("person", "cleo", roles=frozenset({"clinician"}))
    async with opened(tmp_path) as store, Host(store) as host:
        await host.outcome((await host.start(ward, "Ann", principal=ADA)).row.id)
        alone = (await host.start(letter, "nobody", principal=ADA)).row
        await host.outcome(alone.id)
        [child] = [row for row in await store.runs(RunFilter(workflow="letter")) if row.parent is not None]
        assert await classes_of(store, child) == ["phi"]
        assert await classes_of(store, alone) == []
        assert [await is_open(store, child, "runs list", by) for by in (cleo, clerk)] == [True, False]
        with pytest.raises(NotAllowedError, match="phi-is-read-by-those-who-care"):
            await read_run(store, child, "runs show", by=clerk)
        await read_run(store, alone, "runs show", by=clerk)
        await read_run(store, child, "runs show", by=cleo)
        [read] = await tenant_events(store, "data.read")
    assert (read.body["runs"], read.body["classes"]) == ([child.id], ["phi"])
    assert "people-read-what-is-labelled" in read.body["policies"]


async def test_policy_decides_who_reads_the_tenants_log_and_a_denial_stands_in_it(tmp_path: Path) -> None:
    auditor = Principal("person", "otto", roles=frozenset({"auditor"}))
    clinician = Principal("person", "cleo", roles=frozenset({"clinician"}))
    async with opened(tmp_path) as store:
        assert (await may_read_log(store, auditor, "audit log")).leave is not None
        with pytest.raises(NotAllowedError, match="the-tenants-log-has-its-readers"):
            await may_read_log(store, clinician, "audit log")
        [denied] = await tenant_events(store, "act.denied")
    assert (denied.body["by"], denied.body["subject"]) == (clinician.id, "data:tenant log")
