"""ServiceNow: found exactly, opened once, changed over nobody, called off rather than deleted."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from loopback import Heard, serving_at
from servicenow_server import Instance
from starlette.responses import JSONResponse

from kernel.scenarios.house import OPERATOR, begin, ended, serving
from ripieno import Context, Function, Workflow
from ripieno.connectors.rest.errors import InDoubtError, RefusedCallError, ThrottledError
from ripieno.connectors.systems.servicenow import ServiceNow
from ripieno.kernel.rollback import roll_back
from ripieno.model.errors import ToolError


@asynccontextmanager
async def instance() -> AsyncGenerator[tuple[ServiceNow, Instance, Heard]]:
    server = Instance()
    heard = Heard(server)
    async with serving_at(heard.app) as url:
        yield ServiceNow("servicenow", url), server, heard


async def test_a_table_that_has_no_end_is_read_to_one() -> None:
    full = {"result": [{"sys_id": "a" * 32, "number": "INC1"}] * 100}
    heard = Heard(lambda _, __: JSONResponse(full))
    async with serving_at(heard.app) as url:
        with pytest.raises(ToolError, match="gave 100 pages and had more"):
            await ServiceNow("servicenow", url).tool("find_records")(table="incident", where=[], limit=10**9)
    assert len(heard.requests) == 100


async def test_records_are_found_page_by_page() -> None:
    async with instance() as (servicenow, server, heard):
        for number in range(230):
            server.add("incident", {"short_description": f"printer {number}", "urgency": str(number % 2)})
        find = servicenow.tool("find_records")
        where = [
            {"field": "urgency", "value": "1"},
            {"field": "short_description", "value": "printer", "operator": "STARTSWITH"},
        ]
        found = await find(table="incident", where=where, fields=["number"], limit=1000)
        assert (len(found.records), found.total, found.more) == (115, 115, False)
        assert set(found.records[0]) == {"number", "sys_id", "urgency", "short_description"}
        assert len(heard.requests) == 2
        some = await find(table="incident", where=where, limit=5)
        assert (len(some.records), some.more) == (5, True)


async def test_a_condition_on_a_field_that_is_not_there_does_not_find_everything() -> None:
    async with instance() as (servicenow, server, _):
        server.add("incident", {})
        with pytest.raises(ToolError, match="no field 'urgencie': everything would have been found"):
            await servicenow.tool("find_records")(
                table="incident", where=[{"field": "urgencie", "value": "1"}]
            )


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"field": "state", "value": "1^ORactive=true"}, r"no '\^'"),
        ({"field": "state", "value": "javascript:gs.getUserID()"}, "or script"),
        ({"field": "state^ORactive", "value": "1"}, "name of a field"),
    ],
)
async def test_a_value_adds_no_condition(where: dict[str, str], said: str) -> None:
    async with instance() as (servicenow, _, heard):
        with pytest.raises(ToolError, match=said):
            await servicenow.tool("find_records")(table="incident", where=[where])
        assert heard.requests == []


@pytest.mark.parametrize(
    ("act", "arguments", "table", "canceled"),
    [
        (
            "open_incident",
            {"short_description": "printer on fire", "fields": {"urgency": "1"}},
            "incident",
            "8",
        ),
        ("open_change", {"short_description": "a new printer"}, "change_request", "-4"),
    ],
)
async def test_what_is_opened_in_doubt_is_found_and_called_off(
    tmp_path: Path, act: str, arguments: dict[str, Any], table: str, canceled: str
) -> None:
    async with instance() as (servicenow, server, heard):
        server.fails_after = 1
        opening = servicenow.tool(act)

        async def report(context: Context) -> Any:
            return await context.use(opening, **arguments)

        workflow = Workflow("report", Function(report, name="report", pure=True))
        async with serving(tmp_path, workflow) as host:
            run = await begin(host, workflow)
            outcome = await ended(host, run)
            (row,) = server.tables[table].values()
            assert outcome.output == {"table": table, "sys_id": row["sys_id"], "number": row["number"]}
            assert sum(asked.startswith("POST") for asked in heard.asked) == 1
            back = await roll_back(
                host.store, host.clock, await host.store.run(run), by=OPERATOR, reason="no"
            )
            host.ring()
            await ended(host, back.id)
        assert row["state"] == canceled
        assert row["close_notes"] == "called off"


async def test_a_change_of_fields_is_made_over_nobodys_and_turned_back() -> None:
    async with instance() as (servicenow, server, heard):
        sys_id = server.add("incident", {"urgency": "3"})["sys_id"]
        update = servicenow.tool("update_record")
        at = {"table": "incident", "sys_id": sys_id}
        await update(**at, changes={"urgency": "1"}, was={"urgency": "3"})
        with pytest.raises(ToolError, match=r"has changed since it was read: .'urgency': '1'"):
            await update(**at, changes={"urgency": "2"}, was={"urgency": "3"})
        assert update.undo is not None
        back = update.undo.undo_arguments({**at, "changes": {"urgency": "1"}, "was": {"urgency": "3"}}, {})
        assert back["changes"] == {"urgency": "3"}
        with pytest.raises(ToolError, match="use add_note"):
            await update(**at, changes={"work_notes": "x"}, was={"work_notes": ""})
        with pytest.raises(ToolError, match="exactly the fields that change"):
            await update(**at, changes={"urgency": "2"}, was={})
        with pytest.raises(ToolError, match="not yours to set"):
            await update(**at, changes={"correlation_id": "2"}, was={"correlation_id": ""})
        assert sum(asked.startswith("PATCH") for asked in heard.asked) == 1


async def test_a_rule_of_the_instance_that_keeps_a_field_as_it_was_is_told() -> None:
    async with instance() as (servicenow, server, _):
        sys_id = server.add("incident", {"urgency": "3"})["sys_id"]
        server.frozen = frozenset({"urgency", "state"})
        at = {"table": "incident", "sys_id": sys_id}
        with pytest.raises(InDoubtError, match=r"did not take all of it: .'urgency': '3'"):
            await servicenow.tool("update_record")(**at, changes={"urgency": "1"}, was={"urgency": "3"})
        with pytest.raises(InDoubtError, match="stays in state '1', servicenow did not take '8'"):
            await servicenow.tool("call_off")(**at)


async def test_a_note_is_added_once(tmp_path: Path) -> None:
    async with instance() as (servicenow, server, _):
        sys_id = server.add("incident", {})["sys_id"]
        server.fails_after = 1
        note = servicenow.tool("add_note")

        async def tell(context: Context) -> Any:
            return await context.use(note, table="incident", sys_id=sys_id, text="seen")

        workflow = Workflow("tell", Function(tell, name="tell", pure=True))
        async with serving(tmp_path, workflow) as host:
            assert (await ended(host, await begin(host, workflow))).ok
        (kept,) = server.tables["sys_journal_field"].values()
        assert kept["value"].startswith("seen\n(")


async def test_a_table_that_keeps_no_mark_is_told_and_asked_about() -> None:
    async with instance() as (servicenow, _, _):
        with pytest.raises(InDoubtError, match="keeps no 'correlation_id'"):
            await servicenow.tool("create_record")(table="sys_user", fields={"user_name": "dora"})


async def test_what_stands_against_a_change_and_where_it_may_go() -> None:
    async with instance() as (servicenow, server, _):
        opened = await servicenow.tool("open_change")(short_description="a", kind="emergency")
        assert server.tables["change_request"][opened.sys_id]["type"] == "emergency"
        assert await servicenow.tool("next_states_of")(sys_id=opened.sys_id) == [
            {"value": "-5"},
            {"value": "-4"},
        ]
        assert (await servicenow.tool("conflicts_of")(sys_id=opened.sys_id))["count"] == 0
        await servicenow.tool("move_change")(sys_id=opened.sys_id, state="-5")
        assert server.tables["change_request"][opened.sys_id]["state"] == "-5"
        with pytest.raises(ToolError, match="names its template"):
            await servicenow.tool("open_change")(short_description="a", kind="standard")


async def test_what_is_gone_or_throttled_is_said_in_the_instances_words() -> None:
    async with instance() as (servicenow, server, _):
        with pytest.raises(RefusedCallError, match="No Record found"):
            await servicenow.tool("read_record")(table="incident", sys_id="0" * 32)
        with pytest.raises(ToolError, match="32 hexadecimal digits"):
            await servicenow.tool("read_record")(table="incident", sys_id="../sys_user")
        server.throttled = 1
        with pytest.raises(ThrottledError, match="Rate limit exceeded") as refused:
            await servicenow.tool("open_incident")(short_description="a")
        assert refused.value.retry_after == pytest.approx(30, abs=5)
