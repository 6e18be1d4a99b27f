"""Workday: workers found, reports run, titles changed over nobody's and turned back."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from loopback import Heard, serving_at
from workday_server import Tenant

from kernel.scenarios.house import OPERATOR, begin, ended, serving
from ripieno import Context, Function, Workflow
from ripieno.connectors.rest.errors import InDoubtError, RefusedCallError, ThrottledError
from ripieno.connectors.systems.workday import RefreshToken, Workday
from ripieno.kernel.rollback import roll_back
from ripieno.mediation.secrets.resolver import SECRETS
from ripieno.model.errors import DefinitionError, ToolError

GIVEN = "secret://env/WORKDAY_TOKEN"


@asynccontextmanager
async def tenant(**options: Any) -> AsyncGenerator[tuple[Workday, Tenant, Heard]]:
    server = Tenant()
    heard = Heard(server)
    async with serving_at(heard.app) as url:
        yield Workday("workday", url, tenant="acme", owner="isu", **options), server, heard


async def test_workers_are_found_over_all_pages_and_read() -> None:
    async with tenant() as (workday, server, heard):
        for number in range(150):
            server.hire(f"Ada {number}", "Engineer")
        found = await workday.tool("find_workers")(name="Ada", limit=1000)
        assert len(found) == 150
        assert len(heard.requests) == 2
        read = await workday.tool("read_worker")(worker=found[0].id)
        assert (read.name, read.title, read.organization) == ("Ada 0", "Engineer", "Engines")
        with pytest.raises(ToolError, match="nobody is found by an empty one"):
            await workday.tool("find_workers")(name=" ")
        with pytest.raises(ToolError, match="expected a Workday ID"):
            await workday.tool("read_worker")(worker="../payments")
        with pytest.raises(RefusedCallError, match="invalid ID"):
            await workday.tool("read_worker")(worker="f" * 32)


async def test_a_report_is_run_with_what_it_asks_for() -> None:
    async with tenant() as (workday, server, _):
        server.hire("Ada", "Engineer")
        report = workday.tool("report")
        assert await report(report="Starters", prompts={"Month": "2026-01"}) == [{"Worker": "Ada"}]
        with pytest.raises(RefusedCallError, match="prompt Month is required"):
            await report(report="Starters")
    with pytest.raises(ToolError, match="owner="):
        await Workday("workday", "https://a.example.com", tenant="acme").tool("report")(report="Starters")


async def test_a_title_in_doubt_is_read_and_turned_back(tmp_path: Path) -> None:
    async with tenant() as (workday, server, _):
        ada = server.hire("Ada", "Engineer")
        server.fails_after = 1
        change = workday.tool("change_title")

        async def promote(context: Context) -> Any:
            return await context.use(change, worker=ada, title="Countess", was="Engineer")

        workflow = Workflow("promote", Function(promote, name="promote", pure=True))
        async with serving(tmp_path, workflow) as host:
            run = await begin(host, workflow)
            outcome = await ended(host, run)
            assert outcome.output == {"worker": ada, "event": "", "done": True}
            assert len(server.events) == 1
            back = await roll_back(
                host.store, host.clock, await host.store.run(run), by=OPERATOR, reason="no"
            )
            host.ring()
            await ended(host, back.id)
        assert server.workers[ada]["businessTitle"] == "Engineer"


async def test_a_change_says_whether_it_waits_in_workday_and_is_made_over_nobodys() -> None:
    async with tenant() as (workday, server, _):
        ada = server.hire("Ada", "Engineer")
        change = workday.tool("change_title")
        with pytest.raises(ToolError, match="'Engineer' by now, 'Clerk' was read"):
            await change(worker=ada, title="Countess", was="Clerk")
        with pytest.raises(RefusedCallError, match="a title is needed"):
            await change(worker=ada, title="", was="Engineer")
        server.approves = True
        assert not (await change(worker=ada, title="Countess", was="Engineer")).done
        server.fails_after = 1
        with pytest.raises(InDoubtError):
            await change(worker=ada, title="Countess", was="Engineer")
        assert len(server.events) == 2
        server.throttled = 1
        with pytest.raises(ThrottledError, match="too many requests"):
            await change(worker=ada, title="Countess", was="Engineer")
        assert len(server.events) == 2


async def test_an_integration_is_known_by_its_refresh_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKDAY_SECRET", "a-secret-of-the-client")
    monkeypatch.setenv("WORKDAY_TOKEN", "a-refresh-token-of-the-client")
    SECRETS.forget()
    server = Tenant()
    heard = Heard(server)
    async with serving_at(heard.app) as url:
        place = f"{url}/ccx/oauth2/acme/token"
        auth = RefreshToken(place, "client", "secret://env/WORKDAY_SECRET", refresh_token=GIVEN)
        workday = Workday("workday", url, tenant="acme", auth=auth)
        assert await workday.tool("find_workers")(name="Ada") == []
    assert server.tokens == [
        {"grant_type": ["refresh_token"], "refresh_token": ["a-refresh-token-of-the-client"]}
    ]
    assert heard.requests[-1][0].headers["authorization"] == "Bearer a-token-of-the-tenant"


async def test_another_version_of_the_api_is_another_interface() -> None:
    first = Workday("workday", "https://a.example.com", tenant="acme")
    second = Workday("workday", "https://a.example.com", tenant="acme", api="v2")
    assert (first.version, second.version) == ("v1", "v2")
    assert first.digest != second.digest
    with pytest.raises(DefinitionError, match="expected a tenant"):
        Workday("workday", "https://a.example.com", tenant="acme/../other")
