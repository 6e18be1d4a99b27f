"""Salesforce: records found exactly, created once, changed over nobody, deleted as what they were."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from loopback import Heard, serving_at
from salesforce_server import Organisation
from starlette.responses import JSONResponse

from kernel.scenarios.house import OPERATOR, asked, begin, ended, serving
from ripieno import Context, Function, Workflow
from ripieno.connectors.rest.errors import InDoubtError, RefusedCallError, ThrottledError
from ripieno.connectors.systems.salesforce import Salesforce, SignedClient
from ripieno.connectors.systems.salesforce.words import Condition, condition
from ripieno.kernel.rollback import roll_back
from ripieno.mediation.secrets.resolver import SECRETS
from ripieno.model.errors import ToolError

MARK = "Ripieno_Key__c"


@asynccontextmanager
async def organisation(**options: Any) -> AsyncGenerator[tuple[Salesforce, Organisation, Heard]]:
    server = Organisation()
    heard = Heard(server)
    async with serving_at(heard.app) as url:
        yield Salesforce("crm", url, **{"mark": MARK, **options}), server, heard


async def test_a_query_whose_pages_never_end_does() -> None:
    again: dict[str, Any] = {
        "totalSize": 0,
        "done": False,
        "records": [],
        "nextRecordsUrl": "/services/data/v66.0/query/1",
    }
    heard = Heard(lambda _, __: JSONResponse(again))
    async with serving_at(heard.app) as url:
        with pytest.raises(ToolError, match="gave 100 pages and had more"):
            await Salesforce("crm", url).tool("find_records")(object="Account", fields=["Name"])
    assert len(heard.requests) == 100


async def test_records_are_found_over_all_pages_and_no_value_says_more_than_itself() -> None:
    async with organisation() as (crm, server, heard):
        for number in range(5):
            server.add({"Name": f"a{number}"})
        server.add({"Name": "O'Neill"})
        find = crm.tool("find_records")
        found = await find(object="Account", fields=["Name"], limit=5)
        assert [one["Name"] for one in found.records] == [f"a{number}" for number in range(5)]
        assert found.more
        assert "attributes" not in found.records[0]
        assert len(heard.requests) == 3
        (ones,) = (
            await find(object="Account", fields=["Name"], where=[{"field": "Name", "value": "O'Neill"}])
        ).records
        assert ones["Name"] == "O'Neill"
        evil = "x' OR Name LIKE '%"
        assert not (
            await find(object="Account", fields=["Name"], where=[{"field": "Name", "value": evil}])
        ).records
        assert server.queries[-1].count("OR Name") == 1
        for wrong in (
            {"fields": ["Name FROM User"]},
            {"object": "Account, User"},
            {"order_by": "Name LIMIT 1"},
        ):
            with pytest.raises(ToolError, match="expected the name of"):
                await find(**{"object": "Account", "fields": ["Name"], **wrong})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Condition("A", value=True), "A = true"),
        (Condition("A"), "A = null"),
        (Condition("A", 3, ">="), "A >= 3"),
        (Condition("A", "2026-01-31", "<", is_moment=True), "A < 2026-01-31"),
        (Condition("A", ["x", "y\\"], "IN"), "A IN ('x', 'y\\\\')"),
    ],
)
def test_conditions_are_written_as_the_language_has_them(given: Condition, said: str) -> None:
    assert condition(given) == said


@pytest.mark.parametrize(
    "given",
    [
        Condition("A", "TODAY OR A != null", is_moment=True),
        Condition("A", "x", "IN"),
        Condition("A", ["x"]),
        Condition("A", "x", "= 'y' OR A ="),  # pyright: ignore[reportArgumentType] - wrong on purpose
    ],
)
def test_what_would_say_something_else_is_refused(given: Condition) -> None:
    with pytest.raises(ToolError):
        condition(given)


async def test_a_record_in_doubt_is_found_by_its_mark_and_deleted(tmp_path: Path) -> None:
    async with organisation() as (crm, server, heard):
        server.fails_after = 1
        create = crm.tool("create_record")

        async def open_account(context: Context) -> Any:
            return await context.use(create, object="Account", fields={"Name": "Analytical"})

        workflow = Workflow("accounts", Function(open_account, name="open_account", pure=True))
        async with serving(tmp_path, workflow) as host:
            run = await begin(host, workflow)
            outcome = await ended(host, run)
            (kept,) = server.records.values()
            assert outcome.output == {"object": "Account", "id": kept["Id"], "created": True}
            assert sum(one.startswith("PATCH") for one in heard.asked) == 1
            back = await roll_back(
                host.store, host.clock, await host.store.run(run), by=OPERATOR, reason="no"
            )
            host.ring()
            await ended(host, back.id)
        assert server.records == {}


async def test_without_a_field_for_marks_a_person_is_asked(tmp_path: Path) -> None:
    async with organisation(mark="") as (crm, server, _):
        server.fails_after = 1
        create = crm.tool("create_record")

        async def open_account(context: Context) -> Any:
            return await context.use(create, object="Account", fields={"Name": "Analytical"})

        workflow = Workflow("accounts", Function(open_account, name="open_account", pure=True))
        with pytest.raises(ToolError, match="has no field for marks"):
            await crm.find_created("Account", call=None)  # pyright: ignore[reportArgumentType] - never looked at
        async with serving(tmp_path, workflow) as host:
            run = await begin(host, workflow)
            assert (await asked(host, run)).role == "operator"
        assert len(server.records) == 1


async def test_fields_are_changed_over_nobodys_change_even_in_between() -> None:
    async with organisation() as (crm, server, _):
        record = server.add({"Name": "Analytical", "Phone": "1"})
        update = crm.tool("update_record")
        at = {"object": "Account", "record": record}
        await update(**at, changes={"Phone": "2"}, was={"Phone": "1"})
        with pytest.raises(ToolError, match="has changed since it was read"):
            await update(**at, changes={"Phone": "3"}, was={"Phone": "1"})
        server.slips_in = {"Phone": "9"}
        with pytest.raises(RefusedCallError, match="answers 412"):
            await update(**at, changes={"Phone": "3"}, was={"Phone": "2"})
        assert server.records[record]["Phone"] == "9"
        assert update.undo is not None
        back = update.undo.undo_arguments({**at, "changes": {"Phone": "2"}, "was": {"Phone": "1"}}, {})
        assert (back["changes"], back["was"]) == ({"Phone": "1"}, {"Phone": "2"})


async def test_a_deletion_in_doubt_and_what_is_not_there_are_told() -> None:
    async with organisation() as (crm, server, _):
        record = server.add({"Name": "Analytical"})
        server.fails_after = 1
        with pytest.raises(InDoubtError):
            await crm.tool("delete_record")(object="Account", record=record)
        with pytest.raises(RefusedCallError, match="does not exist"):
            await crm.tool("read_record")(object="Account", record=record, fields=["Name"])
        with pytest.raises(ToolError, match="15 or 18"):
            await crm.tool("read_record")(object="Account", record="../describe", fields=["Name"])
        assert await crm.tool("fields_of")(object="Account") == {"Name": "string"}


async def test_a_limit_that_is_spent_is_no_lack_of_rights() -> None:
    async with organisation() as (crm, server, _):
        server.spent = True
        with pytest.raises(ThrottledError, match="TotalRequests Limit exceeded") as refused:
            await crm.tool("create_record")(object="Account", fields={})
        assert refused.value.failure == "rate_limited"


async def test_a_server_is_known_by_what_it_signs_for_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    key = RSAKey.generate_key(2048)
    monkeypatch.setenv("CRM_KEY", key.as_pem(private=True).decode())
    SECRETS.forget()
    server = Organisation()
    heard = Heard(server)
    async with serving_at(heard.app) as url:
        auth = SignedClient(
            f"{url}/services/oauth2/token", "app", "secret://env/CRM_KEY", user="ada@example.com"
        )
        crm = Salesforce("crm", url, auth=auth)
        assert await crm.tool("fields_of")(object="Account") == {"Name": "string"}
    (given,) = server.tokens
    assert given["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    said = jwt.decode(given["assertion"][0], key, algorithms=["RS256"]).claims
    assert (said["iss"], said["sub"], said["aud"]) == (
        "app",
        "ada@example.com",
        "https://login.salesforce.com",
    )
    assert heard.requests[-1][0].headers["authorization"] == "Bearer a-token-of-the-organisation"
