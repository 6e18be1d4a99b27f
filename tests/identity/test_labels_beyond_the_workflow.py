"""What a run holds is labelled as well by its tools, by workflows within it, and by what the gate finds."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gates import shipped_gate
from identity.people import ADA, opened, tenant_events, unsound
from kernel.scenarios.governed import gate_of, governed
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import asked, parked, reply
from ripieno import Context, human, sequential, single_agent, tool, use_tool
from ripieno.identity.reading import check_read, classes_of, is_open, read_run, read_runs
from ripieno.journal.records import RunRow
from ripieno.journal.sqlite import ReadOnlyStore
from ripieno.kernel import told_labels
from ripieno.kernel.clock import SystemClock
from ripieno.kernel.forks import fork
from ripieno.kernel.host import Host
from ripieno.kernel.labels import held_by, take_other
from ripieno.kernel.told_labels import Told
from ripieno.model.errors import NotAllowedError, StoreError
from ripieno.model.principal import Principal
from ripieno.participants.function import function
from ripieno.participants.workflow import subworkflow
from ripieno.retention.keeping import ANY, keep
from ripieno.retention.sweeping import Sweeper
from ripieno.workflows.workflow import Workflow

CLERK = Principal("person", "nosy", roles=frozenset({"clerk"}))
CLEO = Principal("person", "cleo", roles=frozenset({"clinician"}))
BOSS = Principal("person", "boss", every_role=True)
DAY = 86_400


@tool(name="chart", effect="read", trust="trusted", data=["phi"])
def chart() -> str:
    return "diagnosis: lupus erythematosus"


@tool(name="post", effect="write", on_uncertain="retry")
def post(text: str) -> str:
    """Send something out."""
    return f"sent {text}"


HIDDEN = SimpleNamespace(case_file=chart)
"""Where nobody finds the tool who only looks at what a function names."""


@function(pure=True)
async def read_chart(input: object, context: Context) -> object:  # noqa: A002 - the name of the parameter
    del input
    return await context.use(chart)


@function(pure=True)
async def read_hidden(input: object, context: Context) -> object:  # noqa: A002 - the name of the parameter
    del input
    return await context.use(HIDDEN.case_file)


@function(pure=True)
def same(given: object) -> object:
    return given


NAMED = Workflow("ward", read_chart, policy="healthcare")
SEEN = Workflow("round", read_hidden, policy="healthcare")
PLAIN = Workflow("weather", same)
ABOVE = Workflow("letters", subworkflow(NAMED), policy="healthcare")
FAR_ABOVE = Workflow("post-room", subworkflow(ABOVE), policy="healthcare")
ABOVE_SEEN = Workflow("notes", subworkflow(SEEN), policy="healthcare")


async def ran(host: Host, flow: Workflow) -> RunRow:
    run = (await host.start(flow, 1, principal=ADA)).row.id
    assert (await host.outcome(run)).ok
    return await host.store.run(run)


@pytest.mark.parametrize("flow", [NAMED, SEEN, ABOVE, FAR_ABOVE, ABOVE_SEEN], ids=lambda flow: flow.name)
async def test_what_only_a_tool_declares_is_shown_by_policy_and_recorded(
    tmp_path: Path, flow: Workflow
) -> None:
    async with opened(tmp_path) as store, Host(store) as host:
        row, plain = await ran(host, flow), await ran(host, PLAIN)
        assert [await classes_of(store, one) for one in (row, plain)] == [["phi"], []]
        for what in ("runs show", "audit report", "audit export"):
            with pytest.raises(NotAllowedError, match="phi-is-read-by-those-who-care"):
                await read_run(store, row, what, by=CLERK)
        assert not await is_open(store, row, "runs list", CLERK)
        await read_run(store, row, "runs show", by=CLEO)
        await read_runs(store, [row, plain], "runs list", by=CLERK)
        one, several = await tenant_events(store, "data.read")
        denied = await tenant_events(store, "act.denied")
    assert (one.body["runs"], one.body["classes"]) == ([row.id], ["phi"])
    assert (several.body["runs"], several.body["kept"]) == ([row.id], [row.id])
    assert [event.body["by"] for event in denied] == [CLERK.id] * 3
    assert unsound(tmp_path) == []


def test_what_tools_and_workflows_within_declare_is_beside_the_workflows_own() -> None:
    assert (NAMED.about["carries"], "data" in NAMED.about) == (["phi"], False)
    assert ABOVE.about["carries"] == FAR_ABOVE.about["carries"] == ["phi"]
    assert "carries" not in PLAIN.about
    assert "carries" not in SEEN.about
    assert "carries" not in NAMED.document()
    nurse = single_agent(same, tools=[chart, post], name="nurse")
    assert Workflow("care", nurse).about["carries"] == ["phi"]


async def test_what_cannot_be_recorded_of_a_tools_data_is_not_shown(tmp_path: Path) -> None:
    async with opened(tmp_path) as store, Host(store) as host:
        row = await ran(host, SEEN)
    kept = ReadOnlyStore(tmp_path, shipped_gate())
    await kept.open()
    try:
        with pytest.raises(StoreError, match="phi data is not shown"):
            await read_run(
                kept, row, "runs show", by=Principal("person", "cleo", roles=frozenset({"clinician"}))
            )
    finally:
        await kept.close()


LABELS = """
@id("health-data-is-posted-by-nobody")
forbid (principal, action == Action::"tool.call", resource == Tool::"post")
when { context.labels.contains("phi") || context.labels.contains("secret") };
"""


def tells(said: str) -> Workflow:
    @function(name="tell", pure=True)
    def tell(turn: dict[str, Any]) -> Any:
        return use_tool("post", {"text": said}) if turn["round"] == 1 else "done"

    return Workflow("care", single_agent(tell, tools=[post], name="nurse"))


@pytest.mark.parametrize(
    ("said", "found"),
    [("MRN: 00482913", ["phi"]), ("the key is AKIAIOSFODNN7EXAMPLE", ["secret"]), ("good day", [])],
)
async def test_what_the_gate_has_detected_labels_the_run_and_its_forks(
    tmp_path: Path, said: str, found: Sequence[str]
) -> None:
    flow = tells(said)
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", labels=LABELS), flow) as host:
        store = host.store
        row = (await host.start(flow, 1, principal=ADA)).row
        await host.outcome(row.id)
        assert await classes_of(store, row) == found
        await read_run(store, row, "runs show", by=CLERK)
        read = await tenant_events(store, "data.read")  # pyright: ignore[reportArgumentType] - it is one of SQLite
        assert [one.body["classes"] for one in read] == ([found] if found else [])
        forked = await fork(store, SystemClock(), await store.run(row.id), by=ADA)
        assert "imported" in {event.kind for event in await store.events(forked.id)}
        assert await held_by(store, forked) == await classes_of(store, forked) == found


@pytest.mark.parametrize("flow", [SEEN, ABOVE_SEEN], ids=lambda flow: flow.name)
async def test_what_a_fork_takes_over_labels_it_as_it_did_the_original(
    tmp_path: Path, flow: Workflow
) -> None:
    async with opened(tmp_path) as store, Host(store) as host:
        row = await ran(host, flow)
        last = (await store.events(row.id))[-2].seq
        forked = await fork(store, SystemClock(), row, by=CLEO, at=last)
        assert "imported" in {event.kind for event in await store.events(forked.id)}
        assert await held_by(store, forked) == ["phi"]


async def test_what_cannot_be_read_any_more_may_be_of_any_class(tmp_path: Path) -> None:
    flow = tells("good day")
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", labels=LABELS), flow) as host:
        row = (await host.start(flow, 1, principal=ADA)).row
        await host.outcome(row.id)
        [ref] = {one.body["traced"] for one in await host.store.events(row.id) if "traced" in one.body}
    with closing(sqlite3.connect(tmp_path / "home" / "journal.sqlite")) as connection, connection:
        connection.execute("DELETE FROM payloads WHERE commitment = ?", (bytes.fromhex(ref),))
    async with opened(tmp_path / "home") as store:
        assert await classes_of(store, row) == ["unknown"]
    with closing(sqlite3.connect(tmp_path / "home" / "journal.sqlite")) as connection, connection:
        connection.execute("UPDATE events SET envelope = x'00' WHERE seq = 2")
    async with opened(tmp_path / "home") as store:
        assert await classes_of(store, row) == ["unknown"]
        with pytest.raises(StoreError, match="damaged"):
            await store.events(row.id)


async def test_of_a_run_that_goes_on_what_was_committed_since_counts(tmp_path: Path) -> None:
    below = Workflow("below", sequential(human("clerk", role="clerk"), read_hidden))
    above = Workflow("above", subworkflow(below))
    async with governed(tmp_path, shipped_gate(), below, above) as host:
        store = host.store
        run = (await host.start(above, 1, principal=ADA)).row.id
        while not (below_it := host.store.descended(run)):
            await host.rest(run)
        question = await asked(host, below_it[0].id)
        await parked(host, run)
        row = await store.run(run)
        assert await classes_of(store, row) == []
        await reply(host, question, {"proceed": True}, by=BOSS)
        assert (await host.outcome(run)).ok
        assert await classes_of(store, row) == ["phi"]


async def test_a_child_run_that_is_not_made_yet_holds_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        told = Told(others={"ab" * 16: ()})
        await take_other(store, told, "ab" * 16)
        assert (told.others, told.labels) == ({"ab" * 16: ()}, set())


async def test_of_many_runs_only_the_last_are_kept_and_the_others_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told_labels, "KEPT", 1)
    async with opened(tmp_path) as store, Host(store) as host:
        first, second = await ran(host, SEEN), await ran(host, PLAIN)
        for _ in range(2):
            assert [await classes_of(store, row) for row in (first, second)] == [["phi"], []]
            assert list(told_labels.READ[store]) == [second.id]


@pytest.mark.parametrize("flow", [NAMED, SEEN, ABOVE_SEEN], ids=lambda flow: flow.name)
async def test_data_of_a_tool_is_kept_as_long_as_its_class_is_said_to_be(
    tmp_path: Path, flow: Workflow
) -> None:
    clock = HandClock()
    async with governed(tmp_path, shipped_gate(), flow, PLAIN, clock=clock) as host:
        store, sweeper = host.store, Sweeper(host.store, clock)
        await keep(store, ANY, time="1d", by=BOSS, reason="nobody needs it")
        await keep(store, "phi", time="10d", by=BOSS, reason="the law")
        row, plain = await ran(host, flow), await ran(host, PLAIN)
        clock.turn(2 * DAY)
        assert [one.id for one in (await sweeper.turn("default")).erased if one.parent is None] == [plain.id]
        clock.turn(9 * DAY)
        assert row.id in [one.id for one in (await sweeper.turn("default")).erased]


@pytest.mark.parametrize("flow", [NAMED, SEEN], ids=lambda flow: flow.name)
async def test_data_of_a_tool_goes_when_the_time_of_its_class_is_over(tmp_path: Path, flow: Workflow) -> None:
    clock = HandClock()
    async with governed(tmp_path, shipped_gate(), flow, PLAIN, clock=clock) as host:
        store, sweeper = host.store, Sweeper(host.store, clock)
        await keep(store, "phi", time="1d", by=BOSS, reason="the law")
        row = await ran(host, flow)
        await ran(host, PLAIN)
        assert (await sweeper.turn("default")).looked == 0
        clock.turn(2 * DAY)
        swept = await sweeper.turn("default", limit=1)
        while not swept.erased and swept.looked:
            swept = await sweeper.turn("default", limit=1)
        assert [one.id for one in swept.erased] == [row.id]
        assert (await sweeper.turn("default")).erased == []
    assert unsound(tmp_path) == []


async def test_an_export_of_what_a_tool_declares_is_recorded(tmp_path: Path) -> None:
    async with opened(tmp_path) as store, Host(store) as host:
        row = await ran(host, Workflow("open-ward", read_chart))
        await check_read(store, row, "audit export", by=CLERK)
        await read_runs(store, [row], "audit export", by=CLERK)
        [read] = await tenant_events(store, "data.read")
    assert (read.body["by"], read.body["what"], read.body["classes"]) == (CLERK.id, "audit export", ["phi"])
