"""What a tenant that is pinned to a region may reach: the gate holds to it, and names both regions."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.house import asked, begin, contents, ended, events, parked, reply
from ripieno.connectors.connector import Connector
from ripieno.connectors.tool import Tool, tool
from ripieno.journal.regions import Pin, Regions
from ripieno.journal.sqlite.store import STORAGE_REGION
from ripieno.kernel.home import data_folder
from ripieno.kernel.host import Host
from ripieno.mediation.on_demand import governed
from ripieno.mediation.policy.regions import elsewhere
from ripieno.model.errors import DefinitionError, InputError, NotAllowedError
from ripieno.model.gate import Action, Actor, Subject
from ripieno.model.participant import Context
from ripieno.model.principal import Principal
from ripieno.participants.function import Function
from ripieno.participants.human import human
from ripieno.participants.remote.agent import remote_agent
from ripieno.patterns.sequential import sequential
from ripieno.retention.regions import pin_tenant, unpin_tenant
from ripieno.workflows.connector_entries import SqlEntry, connector
from ripieno.workflows.workflow import Workflow

HERE, AWAY = "eu-central-1", "us-east-1"
OPERATOR = Principal("person", "op", every_role=True)


class System(Connector):
    """A system that is reached over the network."""

    elsewhere = True


def booking(region: str | None) -> tuple[list[str], Tool]:
    """Give what was booked, and the tool of a system in a region by which it was."""
    booked: list[str] = []

    @tool(effect="write", on_uncertain="retry")
    def book(what: str) -> str:
        """Book something."""
        booked.append(what)
        return "booked"

    system = System("desk", [book])
    return booked, (system if region is None else system.in_region(region)).tool("book")


def uses(one: Tool, name: str = "desk") -> Function:
    async def use(given: object, context: Context) -> object:
        del given
        return await context.use(one, what=name)

    return Function(use, name=name, pure=True)


@asynccontextmanager
async def serving(home: Path) -> AsyncGenerator[Host]:
    store = governed(data_folder(home), loaded=True)
    await store.open()
    try:
        async with Host(store) as host:
            yield host
    finally:
        await store.close()


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STORAGE_REGION, HERE)


async def pinned(host: Host) -> None:
    assert await pin_tenant(host.store, "default", HERE, by=OPERATOR, reason="the contract says so")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("region", "said"),
    [
        (AWAY, f"tenant default is pinned to region {HERE}, and tool desk.book is in region {AWAY}"),
        (None, f"tenant default is pinned to region {HERE}, and tool desk.book is of a region that nobody"),
    ],
    ids=["elsewhere", "undeclared"],
)
async def test_a_call_to_another_region_is_denied_and_the_log_names_both(
    tmp_path: Path, region: str | None, said: str
) -> None:
    booked, book = booking(region)
    workflow = Workflow("visit", uses(book))
    async with serving(tmp_path) as host:
        assert (await ended(host, await begin(host, workflow))).status == "complete"
        await pinned(host)
        run = await begin(host, workflow)
        outcome = await ended(host, run)
        (denied,) = await events(host, run, "denied")
        assert said in contents(host, denied, "reason")
        assert outcome.status != "complete"
        await unpin_tenant(host.store, "default", by=OPERATOR, reason="it ended")
        assert (await ended(host, await begin(host, workflow))).status == "complete"
    assert booked == ["desk", "desk"]


@pytest.mark.usefixtures("here")
async def test_a_call_within_the_region_and_what_stays_in_the_process_go_on(tmp_path: Path) -> None:
    booked, book = booking(HERE)

    @tool(effect="write", on_uncertain="retry")
    def note(what: str) -> str:
        """Note something down."""
        booked.append(f"noted {what}")
        return what

    workflow = Workflow("visit", sequential(uses(book), uses(note, "clerk")))
    async with serving(tmp_path) as host:
        await pinned(host)
        assert (await ended(host, await begin(host, workflow))).status == "complete"
    assert booked == ["desk", "noted clerk"]


@pytest.mark.usefixtures("here")
async def test_a_run_under_way_is_held_to_it_by_a_process_that_pins_its_tenant(tmp_path: Path) -> None:
    booked, book = booking(AWAY)
    workflow = Workflow(
        "visit", sequential(uses(book, "first"), human("clerk", role="clerk"), uses(book, "second"))
    )
    async with serving(tmp_path) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        async with serving(tmp_path) as other:
            await pinned(other)
        await reply(host, await asked(host, run), {"proceed": True})
        outcome = await ended(host, run)
        assert len(await events(host, run, "denied")) == 1
    assert (booked, outcome.status == "complete") == (["first"], False)


async def test_nothing_is_begun_for_a_tenant_whose_storage_is_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder was put back from a backup, in another region."""
    _, book = booking(HERE)
    workflow = Workflow("visit", uses(book))
    monkeypatch.setenv(STORAGE_REGION, HERE)
    async with serving(tmp_path) as host:
        await pinned(host)
    for region, said in ((AWAY, f"its storage is in {AWAY}"), ("", "does not say in which region")):
        monkeypatch.setenv(STORAGE_REGION, region)
        async with serving(tmp_path) as host:
            with pytest.raises(NotAllowedError, match=f"pinned to region {HERE}, and .*{said}"):
                await begin(host, workflow)
            other = Principal("person", "op", "another", every_role=True)
            assert (await ended(host, await begin(host, workflow, by=other))).status == "complete"
    async with serving(tmp_path) as host:
        await unpin_tenant(host.store, "default", by=OPERATOR, reason="it may be here")
        assert (await ended(host, await begin(host, workflow))).status == "complete"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"region": HERE}, None),
        ({"region": AWAY}, f"model openai:gpt-5 is in region {AWAY}"),
        ({}, "model openai:gpt-5 is of a region that nobody declared"),
    ],
    ids=["here", "elsewhere", "undeclared"],
)
def test_a_model_is_asked_in_the_region_alone(facts: dict[str, Any], said: str | None) -> None:
    found = Regions(lambda: {"default": Pin("default", HERE, "person:ada")}, HERE, lambda: None)
    found.refresh()
    action = Action(
        "model.call",
        "model.call",
        Actor(OPERATOR),
        Subject("model", "openai:gpt-5", {"provider": "openai", **facts}),
    )
    reason = elsewhere(action, found)
    assert (reason is None) if said is None else (reason is not None and said in reason)


async def test_where_a_tenant_is_kept_is_said_by_whoever_operates_the_system(tmp_path: Path) -> None:
    async with serving(tmp_path) as host:
        eve = Principal("person", "eve", roles=frozenset({"operator"}))
        with pytest.raises(NotAllowedError, match="person:eve does not hold it"):
            await pin_tenant(host.store, "default", HERE, by=eve, reason="x")
        with pytest.raises(InputError, match="needs a reason"):
            await pin_tenant(host.store, "default", HERE, by=OPERATOR, reason=" ")
        with pytest.raises(InputError, match="is the system itself"):
            await pin_tenant(host.store, "*", HERE, by=OPERATOR, reason="x")
        with pytest.raises(InputError, match="expected a region"):
            await pin_tenant(host.store, "default", "Europe", by=OPERATOR, reason="x")


def test_a_connector_declares_its_region_in_a_file_and_in_its_definition(tmp_path: Path) -> None:
    entry = SqlEntry.model_validate({"sql": {"url": "sqlite:///crm.db", "statements": {}}, "region": HERE})
    made = connector("crm", entry, tmp_path)
    assert (made.region, made.describe()["region"]) == (HERE, HERE)
    assert "region" not in Connector("plain").describe()
    with pytest.raises((DefinitionError, InputError), match="expected a region"):
        Connector("plain").in_region("Europe")


def test_a_tool_of_ones_own_that_goes_out_and_an_agent_elsewhere_say_where_they_are() -> None:
    def send(what: str) -> str:
        """Send something."""
        return what

    assert tool(send).region is None
    assert tool(send, outside=True).region == "undeclared"
    there = tool(send, outside=True, region=HERE)
    assert (there.region, there.changed(effect="read").region) == (HERE, HERE)
    assert System("desk", [there]).in_region(AWAY).tool("send").region == HERE, "the nearest that says it"
    with pytest.raises(InputError, match="expected a region"):
        tool(send, region="Europe")
    card = f"sha256:{'0' * 64}"
    agent = remote_agent("triage", url="https://triage.example/", card=card, region=HERE)
    assert {one.region for one in (*agent.calls.all, agent.calls.call_off)} == {HERE}
    remote = agent.describe()["remote"]
    assert isinstance(remote, dict)
    assert remote["region"] == HERE
    silent = remote_agent("triage", url="https://triage.example/", card=card)
    assert silent.calls.send.region == "undeclared"
