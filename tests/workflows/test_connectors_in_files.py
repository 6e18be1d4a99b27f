"""Connectors in a workflow file are those that Python makes: the same digest, the same tools."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ripieno import Function, Workflow, single_agent
from ripieno.connectors.connector import Overrides
from ripieno.connectors.openapi.connector import OpenApi
from ripieno.connectors.systems.sql import SqlDatabase, Statement
from ripieno.resilience.policy import Breaker, Resilience, Retry
from ripieno.workflows.load import load_text
from ripieno.workflows.problems import WorkflowFileError
from ripieno.workflows.text import dump

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "2"},
    "servers": [{"url": "https://shop.example"}],
    "security": [{"key": []}],
    "paths": {
        "/orders": {"post": {"operationId": "create"}, "get": {"operationId": "list", "parameters": []}},
        "/orders/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "delete": {"operationId": "cancel"},
        },
    },
    "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}},
}
FILE = """
workflow: desk
connectors:
  shop:
    openapi:
      document: specs/shop.json
      auth: {key: "secret://env/SHOP"}
      paging: {list: {offset: {size: 5}}}
    allow: [create, cancel, list]
    tools:
      create: {undo: cancel, undo_from: {id: result.id}, rate: {calls: 5, per: 1m}, timeout: 5s}
      cancel: {resilience: {retry: {attempts: 4, backoff: 1s}, breaker: {failures: 2}}}
  stock:
    sql:
      url: sqlite:///stock.db
      statements:
        count_of: {sql: "SELECT count(*) AS n FROM items WHERE kind = :kind", parameters: {kind: text}}
participants: {read: {function: {import: "workflow_parts:read", pure: true}}}
flow:
  single_agent:
    name: agent
    step: read
    tools: ["connector:shop/create", "connector:stock/*", "connector:shop"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parent), *sys.path])
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "shop.json").write_text(json.dumps(DOCUMENT), "utf-8")
    with closing(sqlite3.connect(tmp_path / "stock.db")) as connection:
        connection.execute("CREATE TABLE items (kind TEXT)")
        connection.execute("INSERT INTO items VALUES ('pen'), ('pen')")
        connection.commit()
    return tmp_path


def in_python(folder: Path) -> Workflow:
    from workflow_parts import read  # noqa: PLC0415 - of the folder of the tests

    create: Overrides = {
        "undo": "cancel",
        "undo_from": {"id": "result.id"},
        "rate": (5, "1m"),
        "timeout": "5s",
    }
    guarded = Resilience(retry=Retry(attempts=4, backoff="1s"), breaker=Breaker(failures=2))
    cancel: Overrides = {"resilience": guarded}
    shop = OpenApi(
        "shop",
        folder / "specs" / "shop.json",
        auth={"key": "secret://env/SHOP"},
        paging={"list": {"offset": {"size": 5}}},
        allow=["create", "cancel", "list"],
        overrides={"create": create, "cancel": cancel},
    )
    shop.shown_as = "specs/shop.json"
    sql = "SELECT count(*) AS n FROM items WHERE kind = :kind"
    stock = SqlDatabase("stock", "sqlite:///stock.db", {"count_of": Statement(sql, {"kind": str})})
    tools = [shop.tool("create"), *stock.tools, shop.on_demand()]
    return Workflow("desk", single_agent(Function(read, pure=True), tools=tools, name="agent"))


async def test_connectors_of_a_file_are_those_of_python_and_have_the_same_digest(folder: Path) -> None:
    loaded = load_text(FILE, folder=folder).workflow
    assert loaded.document() == in_python(folder).document()
    assert loaded.version == in_python(folder).version
    for workflow in (loaded, in_python(folder)):
        cancel = workflow.connectors["shop"].tool("cancel")
        assert cancel.resilience is not None
        assert (cancel.attempts, cancel.resilience.breaker) == (4, Breaker(failures=2))
        undo = workflow.connectors["shop"].tool("create").undo
        assert undo is not None
        assert undo.attempts == 4, "what takes a call back is guarded as the tool that it is"
    assert load_text(dump(loaded.document()), folder=folder).workflow.version == loaded.version
    assert list(loaded.pins["connectors"]) == ["shop", "stock"]
    assert (await loaded.connectors["stock"].tool("count_of")(kind="pen")).rows == [{"n": 2}]
    assert str(loaded.document()["flow"]).count("connector:") == 3
    assert [str(one) for one in loaded.secrets] == ["secret://env/SHOP"]


def test_the_secrets_of_tools_that_are_found_first_are_those_of_the_workflow(folder: Path) -> None:
    tools = 'tools: ["connector:shop/create", "connector:stock/*", "connector:shop"]'
    loaded = load_text(FILE.replace(tools, 'tools: ["connector:shop"]'), folder=folder).workflow
    assert [str(one) for one in loaded.secrets] == ["secret://env/SHOP"]


def test_another_interface_is_another_version_and_one_that_is_pinned_is_refused(folder: Path) -> None:
    before = load_text(FILE, folder=folder).workflow
    pinned = FILE.replace("    allow:", f"    pin: {before.connectors['shop'].digest}\n    allow:")
    load_text(pinned, folder=folder)
    changed = json.loads(json.dumps(DOCUMENT))
    changed["paths"]["/orders"]["post"]["summary"] = "Create an order."
    (folder / "specs" / "shop.json").write_text(json.dumps(changed), "utf-8")
    after = load_text(FILE, folder=folder).workflow
    assert (after.digest, after.version != before.version) == (before.digest, True)
    with pytest.raises(WorkflowFileError, match="connector shop was approved as"):
        load_text(pinned, folder=folder)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "connector:shop/create",
            "connector:shp/create",
            "no connector is called 'shp' .did you mean 'shop'",
        ),
        ("connector:shop/create", "connector:shop/creat", "'creat' is none .did you mean 'create'"),
        ("connector:shop/create", "connector:", "expected a Python object as 'module:attribute'"),
        ("document: specs/shop.json", "document: shop.json", "cannot read the OpenAPI document 'shop.json'"),
        ("allow: [create", "allow: [creat", "'creat' of allow fits no tool"),
        ("undo: cancel", "undo: cancl", "no tool 'cancl'"),
        ("timeout: 5s", "timeot: 5s", "unknown field 'timeot' .did you mean 'timeout'"),
        ("    openapi:", "    opnapi:", "unknown kind of connector 'opnapi' .did you mean 'openapi'"),
        ("offset: {size: 5}", "ofset: {size: 5}", "did you mean 'offset'"),
        ("kind: text", "kind: txt", "expected"),
        ("secret://env/SHOP", "hunter2hunter2", "expected a reference"),
    ],
)
def test_a_mistake_is_refused_with_its_place(folder: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(WorkflowFileError, match=said) as refused:
        load_text(FILE.replace(old, new), folder=folder)
    assert all(one.place is not None and one.place.line for one in refused.value.problems)
    assert "hunter2" not in str(refused.value)


def test_a_connector_of_python_is_imported_by_its_name(folder: Path) -> None:
    (folder / "systems_here.py").write_text(
        "from ripieno.connectors.connector import Connector\n"
        "from ripieno.connectors.tool import Tool\n"
        "def look(item: str) -> int:\n    'Look.'\n    return len(item)\n"
        "desk = Connector('desk', [Tool(look, effect='read')])\n"
        "nothing = 7\n",
        "utf-8",
    )
    text = """
workflow: desk
connectors: {desk: {import: "systems_here:desk"}}
participants: {read: {function: {import: "workflow_parts:read", pure: true}}}
flow: {single_agent: {name: agent, step: read, tools: ["connector:desk/look"]}}
"""
    loaded = load_text(text, folder=folder).workflow
    assert loaded.document()["connectors"] == {"desk": {"import": "systems_here:desk"}}
    assert load_text(dump(loaded.document()), folder=folder).workflow.version == loaded.version
    with pytest.raises(WorkflowFileError, match="expected a connector at 'systems_here:nothing', found int"):
        load_text(text.replace("here:desk", "here:nothing"), folder=folder)
    with pytest.raises(WorkflowFileError, match="is called 'desk', not 'dsk'"):
        load_text(text.replace("{desk: {", "{dsk: {"), folder=folder)
