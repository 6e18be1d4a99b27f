"""Three systems change together or not at all, and one of them changes its API in the middle."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from docs.pages import Page, examples
from ripieno import Host, Outcome, Principal, Workflow
from ripieno.kernel.commands import answer
from ripieno.workflows.check import check
from ripieno.workflows.load import load
from warm_start import WarmStart

FOLDER = Path(__file__).parents[2] / "examples" / "hr_onboarding"
OPERATOR = Principal("person", "op", every_role=True)


@pytest.fixture(autouse=True)
def own_modules() -> Iterator[None]:
    """Forget what the example imports, so that its settings are read anew."""
    yield
    forget()


def forget() -> None:
    for name in [name for name in sys.modules if name in {"onboarding", "hr_systems"}]:
        del sys.modules[name]


@contextmanager
def systems(monkeypatch: pytest.MonkeyPatch, licences: int) -> Generator[Any]:
    """Serve the stand-ins of the example, and let it know where."""
    spec = importlib.util.spec_from_file_location("hr_systems", FOLDER / "systems.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kept = module.Systems(licences)
    with module.server(kept) as server:
        monkeypatch.setenv("ONBOARDING_SYSTEMS", f"http://127.0.0.1:{server.server_port}")
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield kept
        finally:
            server.shutdown()
            serving.join()


def workflow() -> Workflow:
    forget()
    return load(f"{FOLDER / 'onboarding.py'}:workflow").workflow


async def waiting(host: Host, what: Workflow, name: str) -> str:
    given = json.loads((FOLDER / "inputs" / f"{name}.json").read_text(encoding="utf-8"))
    run = (await host.start(what, given, principal=OPERATOR)).row.id
    assert (await host.rest(run)).status == "waiting"
    return run


async def told(host: Host, run: str, *, proceed: bool) -> Outcome:
    [question] = await host.store.questions(run=run)
    await answer(host.store, host.clock, question, by=OPERATOR, value={"proceed": proceed})
    return await host.outcome(run)


def test_nothing_is_found_in_it() -> None:
    loaded = load(f"{FOLDER / 'onboarding.py'}:workflow")
    assert check(loaded.workflow, loaded.places) == []


async def test_all_three_systems_know_who_begins(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    with systems(monkeypatch, 1) as kept:
        ended = await told(host, await waiting(host, workflow(), "ada"), proceed=True)
        assert (ended.status, ended.output["task"]) == ("complete", "SCTASK0000001")
        (user,) = kept.users.values()
        assert (user["userPrincipalName"], len(user["assignedLicenses"])) == ("ada@example.com", 1)
        assert {one["businessTitle"] for one in kept.workers.values()} == {"Engineer", "Candidate"}


@pytest.mark.parametrize("proceed", [True, False], ids=["no licence is left", "they do not begin"])
async def test_a_last_stage_that_fails_takes_back_what_the_first_two_did(
    host: Host,
    monkeypatch: pytest.MonkeyPatch,
    proceed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    with systems(monkeypatch, 0) as kept:
        run = await waiting(host, workflow(), "ada")
        assert (len(kept.users), len(kept.tasks)) == (1, 1)
        ended = await told(host, run, proceed=proceed)
        assert ended.status == ("failed" if proceed else "escalated")
        assert ("any available licenses" in str(ended.reason)) is proceed
        assert (kept.users, kept.tasks) == ({}, {})
        assert {one["businessTitle"] for one in kept.workers.values()} == {"Candidate"}


async def test_an_api_that_changes_in_the_middle_is_called_as_each_run_began(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    with systems(monkeypatch, 2) as kept:
        before = await waiting(host, workflow(), "ada")
        monkeypatch.setenv("ONBOARDING_WORKDAY", "v2")
        after = await waiting(host, workflow(), "ben")
        versions = [(await host.store.run(run)).version for run in (before, after)]
        assert versions[0] != versions[1]
        assert (await told(host, before, proceed=True)).ok
        assert kept.versions == {"v1"}
        assert (await told(host, after, proceed=True)).ok
        assert kept.versions == {"v1", "v2"}


async def test_what_the_page_shows_is_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: WarmStart
) -> None:
    shutil.copytree(FOLDER, tmp_path / "examples" / FOLDER.name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RIPIENO_HOME", str(tmp_path / "data"))
    page = Page(tmp_path, warm)
    with systems(monkeypatch, 1) as kept:
        for found in examples(tmp_path / "examples" / FOLDER.name / "README.md"):
            await page.run(found)
        assert (kept.users, kept.tasks) == ({}, {})
