"""Versions of a workflow are promoted, get a share of new runs, and are rolled back; the log tells of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.house import OPERATOR, begin, ended, events, opened, serving
from kernel.scenarios.parents import sound
from ripieno import Workflow, function, sequential
from ripieno.journal.deployments import Deployment, Stage
from ripieno.journal.records import NewRun, VersionRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.store import Created, Store
from ripieno.kernel.change_fails import record
from ripieno.kernel.deployments import choose, deployed, promote, protect, roll_back, share
from ripieno.kernel.forks import fork
from ripieno.kernel.host import Host
from ripieno.model.errors import (
    ChangedError,
    InputError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
)
from ripieno.model.principal import Principal
from ripieno.workflows.deployed import start
from ripieno.workflows.load import load_workflow

ADA = Principal("person", "ada", roles=frozenset({"clinician"}))
V = [VersionRow(name, "default", "flow", "", "{}", at) for at, name in enumerate(("v1", "v2", "v3"))]


async def put(store: Store, number: int, stage: Stage) -> Deployment:
    return await promote(store, V[number - 1], stage, by=OPERATOR, reason="tried")


async def given(store: Store, part: int) -> Deployment:
    return await share(store, "default", "flow", part, by=OPERATOR)


async def back(store: Store) -> Deployment:
    return await roll_back(store, "default", "flow", by=OPERATOR, reason="it failed")


async def registered(store: Store) -> None:
    for row in V:
        await store.register(row, "person:op")


def held(store: Store) -> dict[str, tuple[str, int]]:
    return {one.stage: (one.version, one.share) for one in store.deployments("default", "flow")}


async def test_a_version_goes_from_draft_over_staging_to_production(tmp_path: Path) -> None:
    async with opened(tmp_path, SqliteStore) as store:
        await registered(store)
        assert held(store) == {}
        await put(store, 1, "staging")
        assert held(store) == {"staging": ("v1", 0)}
        await put(store, 1, "production")
        assert held(store)["production"] == ("v1", 100)
        found = (await store.events(await store.tenant_stream("default")))[-1]
        assert found.kind == "workflow.deployed"
        assert {name: found.body[name] for name in ("what", "stage", "version", "before", "by")} == {
            "what": "promote",
            "stage": "production",
            "version": "v1",
            "before": None,
            "by": "person:op",
        }
        with pytest.raises(RefusedError, match="in production of flow already"):
            await put(store, 1, "production")
    assert sound(tmp_path)


async def test_a_candidate_that_is_promoted_gives_up_its_share(tmp_path: Path) -> None:
    async with opened(tmp_path, SqliteStore) as store:
        await registered(store)
        await put(store, 1, "production")
        await put(store, 2, "staging")
        await given(store, 20)
        await put(store, 2, "production")
        assert held(store) == {"production": ("v2", 100), "staging": ("v2", 0)}
        with pytest.raises(RefusedError, match="has every new run"):
            await given(store, 10)


async def test_a_rollback_withdraws_the_candidate_first_and_then_goes_back_version_by_version(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, SqliteStore) as store:
        await registered(store)
        await put(store, 1, "production")
        await put(store, 2, "production")
        await put(store, 3, "staging")
        await given(store, 50)
        assert (await back(store)).share == 0
        assert (await back(store)).version == "v1"
        with pytest.raises(RefusedError, match="the first version of flow in production"):
            await back(store)
        await put(store, 3, "production")
        assert (await back(store)).version == "v1"


async def test_what_does_not_fit_is_refused_with_what_to_do(tmp_path: Path) -> None:
    async with opened(tmp_path, SqliteStore) as store:
        await registered(store)
        for part in (-1, 101):
            with pytest.raises(InputError, match="from 0 to 100"):
                await given(store, part)
        with pytest.raises(RefusedError, match="no version of flow is in staging"):
            await given(store, 10)
        await put(store, 1, "staging")
        with pytest.raises(RefusedError, match="no version of flow is in production"):
            await given(store, 10)
        with pytest.raises(RefusedError, match="no version of flow is in production"):
            await back(store)
        with pytest.raises(NotFoundError, match="no version of flow is in production"):
            choose(store, "default", "flow", run="r")
        with pytest.raises(InputError, match="needs a reason"):
            await roll_back(store, "default", "flow", by=OPERATOR, reason=" ")
        with pytest.raises(InputError, match="needs a reason"):
            await protect(store, "flow", by=OPERATOR, reason=" ")


async def test_only_an_operator_changes_what_new_runs_have(tmp_path: Path) -> None:
    async with opened(tmp_path, SqliteStore) as store:
        await registered(store)
        with pytest.raises(NotAllowedError):
            await promote(store, V[0], "production", by=ADA)
        with pytest.raises(NotAllowedError):
            await share(store, "default", "flow", 1, by=ADA)
        with pytest.raises(NotAllowedError):
            await roll_back(store, "default", "flow", by=ADA, reason="so")
        with pytest.raises(NotAllowedError):
            await protect(store, "flow", by=ADA, reason="so")


async def test_of_two_who_promote_at_once_one_is_told_that_the_other_was_first(tmp_path: Path) -> None:
    async with opened(tmp_path, SqliteStore) as store, opened(tmp_path, SqliteStore) as other:
        await registered(store)
        first = Deployment("flow", "production", "v1", 100, "person:op")
        await other.deploy("default", first, "promote", None, reason=None)
        with pytest.raises(ChangedError, match="changed by person:op meanwhile"):
            await store.deploy("default", first, "promote", None, reason=None)
        stale = deployed(store, "default", "flow").production
        assert stale is not None
        await put(other, 2, "production")
        with pytest.raises(ChangedError):
            await store.deploy("default", first, "roll back", stale, reason=None)
    assert sound(tmp_path)


async def test_the_rate_of_failed_changes_is_counted_from_the_log(tmp_path: Path) -> None:
    async with opened(tmp_path, SqliteStore) as store:
        assert (await record(store, "default", "flow")).versions == []
        await registered(store)
        assert (await record(store, "default", "flow")).fail_rate is None
        await put(store, 1, "production")  # a change
        await put(store, 2, "staging")
        await given(store, 10)  # a change
        await given(store, 50)
        await put(store, 2, "production")  # the same change
        await put(store, 3, "staging")
        await given(store, 10)  # a change that failed
        await back(store)
        await put(store, 3, "production")  # a change that failed
        await back(store)
        await given(store, 30)  # a change
        found = await record(store, "default", "flow")
        assert (found.changes, found.failed_changes, found.fail_rate) == (5, 2, 0.4)
        assert [
            (one.version, one.stage, one.share, one.changes, one.failed_changes) for one in found.versions
        ] == [
            ("v3", "staging", 30, 3, 2),
            ("v2", "production", 70, 1, 0),
            ("v1", None, 0, 1, 0),
        ]
        assert (await record(store, "default", "nothing")).versions == []


async def test_the_share_of_a_candidate_falls_to_the_same_keys_as_it_grows(tmp_path: Path) -> None:
    async with opened(tmp_path, SqliteStore) as store:
        await registered(store)
        await put(store, 1, "production")
        await put(store, 2, "staging")
        before: set[str] = set()
        for part in (0, 10, 40, 100):
            await given(store, part)
            keys = [f"case-{number}" for number in range(500)]
            now = {
                key
                for key in keys
                if choose(store, "default", "flow", run="r", key=key).deployment.version == "v2"
            }
            assert before <= now
            assert abs(len(now) - part * 5) < 50
            before = now


# -- runs ------------------------------------------------------------------------------------------------

FLOW = """
from ripieno import Workflow, function, sequential

@function(pure=True)
def work() -> str:
    return "{0}"

flow = Workflow("flow", sequential(work))
"""


def version(home: Path, says: str) -> str:
    """Write a version to a file of its own and give what loads it."""
    folder = home / says
    folder.mkdir(parents=True)
    (folder / f"flow_{says}.py").write_text(FLOW.format(says), encoding="utf-8")
    return f"{folder / f'flow_{says}.py'}:flow"


async def entered(host: Host, *sources: str) -> list[VersionRow]:
    for source in sources:
        await host.enter(load_workflow(source), OPERATOR)
    rows = {row.source: row for row in await host.store.versions("default", "flow")}
    return [rows[source] for source in sources]


async def test_a_run_that_is_started_by_name_has_the_version_in_production_and_says_so(
    tmp_path: Path,
) -> None:
    sources = version(tmp_path, "old"), version(tmp_path, "new")
    async with serving(tmp_path / "home") as host:
        old, new = await entered(host, *sources)
        with pytest.raises(NotFoundError, match="no version of flow is in production"):
            await start(host, "flow", None, principal=OPERATOR)
        await promote(host.store, old, "production", by=OPERATOR)
        first = (await start(host, "flow", None, principal=OPERATOR)).row
        await promote(host.store, new, "production", by=OPERATOR)
        second = (await start(host, "flow", None, principal=OPERATOR)).row
        assert [(await ended(host, one.id)).output for one in (first, second)] == ["old", "new"]
        assert (first.version, second.version) == (old.version, new.version)
        [begun] = await events(host, second.id, "run.started")
        assert begun.body["deployed"]["stage"] == "production"
        assert begun.body["deployed"]["share"] == 100
        found = await record(host.store, "default", "flow")
        assert {one.version: one.runs for one in found.versions} == {old.version: 1, new.version: 1}
    assert sound(tmp_path / "home")


async def test_a_candidate_gets_its_share_of_the_runs_that_are_started_by_name(tmp_path: Path) -> None:
    sources = version(tmp_path, "steady"), version(tmp_path, "candidate")
    async with serving(tmp_path / "home") as host:
        steady, candidate = await entered(host, *sources)
        await promote(host.store, steady, "production", by=OPERATOR)
        await promote(host.store, candidate, "staging", by=OPERATOR)
        await share(host.store, "default", "flow", 50, by=OPERATOR)
        keys = [f"case-{number}" for number in range(12)]
        created = [await start(host, "flow", None, principal=OPERATOR, key=key) for key in keys]
        for key, one in zip(keys, created, strict=True):
            chosen = choose(host.store, "default", "flow", run=one.row.id, key=key).deployment
            assert one.row.version == chosen.version
            says = "candidate" if chosen.stage == "staging" else "steady"
            assert (await ended(host, one.row.id)).output == says
        assert len({one.row.version for one in created}) == 2
        await roll_back(host.store, "default", "flow", by=OPERATOR, reason="slow")
        again = [await start(host, "flow", None, principal=OPERATOR, key=key) for key in keys]
        assert [one.existed for one in again] == [True] * 12  # a key is one run, whatever is deployed


ASKS = """workflow: flow
risk: {0}
participants:
  clerk: {{human: {{role: clerk}}}}
flow: {{sequential: [clerk]}}
"""


async def test_a_version_whose_code_has_changed_meanwhile_is_not_started_as_another(tmp_path: Path) -> None:
    file = tmp_path / "flow.yaml"
    file.write_text(ASKS.format("low"), encoding="utf-8")
    async with serving(tmp_path / "home") as host:
        (row,) = await entered(host, str(file))
        await promote(host.store, row, "production", by=OPERATOR)
        file.write_text(ASKS.format("high"), encoding="utf-8")
        with pytest.raises(NotFoundError, match="holds another one now"):
            await start(host, "flow", None, principal=OPERATOR)


def flow(says: str) -> Workflow:
    def work() -> str:
        return says

    return Workflow("flow", sequential(function(pure=True, version=says)(work)))


async def test_a_version_made_in_a_program_cannot_be_started_by_name(tmp_path: Path) -> None:
    async with serving(tmp_path) as host:
        await host.enter(flow("a"), OPERATOR)
        (row,) = await host.store.versions("default")
        await promote(host.store, row, "production", by=OPERATOR)
        with pytest.raises(NotFoundError, match="made in a program"):
            await start(host, "flow", None, principal=OPERATOR)


async def test_a_rollback_that_comes_between_choice_and_start_decides(tmp_path: Path) -> None:
    sources = version(tmp_path, "before"), version(tmp_path, "after")

    class Racing(SqliteStore):
        raced = False

        async def create(self, new: NewRun, *args: Any, **more: Any) -> Created:
            if not self.raced:
                self.raced = True
                await roll_back(self, "default", "flow", by=OPERATOR, reason="bad")
            return await super().create(new, *args, **more)

    async with opened(tmp_path / "home", Racing) as store, Host(store) as host:
        old, new = await entered(host, *sources)
        await promote(store, old, "production", by=OPERATOR)
        await promote(store, new, "production", by=OPERATOR)
        created = await start(host, "flow", None, principal=OPERATOR)
        assert created.row.version == old.version


async def test_one_who_is_overtaken_again_and_again_gives_up(tmp_path: Path) -> None:
    class Restless(SqliteStore):
        async def create(self, new: NewRun, *args: Any, **more: Any) -> Created:
            del new, args, more
            msg = "again"
            raise ChangedError(msg)

    async with opened(tmp_path / "home", Restless) as store, Host(store) as host:
        (row,) = await entered(host, version(tmp_path, "restless"))
        await promote(store, row, "production", by=OPERATOR)
        with pytest.raises(ChangedError, match="deployed anew too often"):
            await start(host, "flow", None, principal=OPERATOR)


# -- protected workflows -----------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["flow", None])
async def test_of_a_protected_workflow_only_promoted_versions_start(
    tmp_path: Path, which: str | None
) -> None:
    draft, staged = flow("draft"), flow("staged")
    async with serving(tmp_path, draft, staged) as host:
        await host.enter(staged, OPERATOR)
        (row,) = await host.store.versions("default")
        await promote(host.store, row, "staging", by=OPERATOR)
        assert await protect(host.store, which, by=OPERATOR, reason="audit")
        assert not await protect(host.store, which, by=OPERATOR, reason="audit")
        with pytest.raises(
            RefusedError, match="is a draft, and person:op has let only promoted versions start"
        ):
            await begin(host, draft)
        run = await begin(host, staged)
        assert (await ended(host, run)).output == "staged"
        again = await fork(host.store, host.clock, await host.store.run(run), by=OPERATOR)
        assert (await ended(host, again.id)).output == "staged"
        assert [one.workflow for one in host.store.protected("default")] == [which or "*"]
        assert await protect(host.store, which, by=OPERATOR, reason="over", stands=False)
        assert not await protect(host.store, which, by=OPERATOR, reason="over", stands=False)
        assert (await ended(host, await begin(host, draft))).output == "draft"
    assert sound(tmp_path)
