"""A document of 1,200 operations is searched: an agent is shown a handful of tools, and may call them all."""

from __future__ import annotations

from typing import Any

import pytest
from shop_api import SHOP, large

from ripieno.connectors.openapi.connector import OpenApi
from ripieno.connectors.openapi.document import Document
from ripieno.connectors.search import OnDemand, stem, told_of
from ripieno.connectors.tool import Tool
from ripieno.model.errors import DefinitionError
from ripieno.model.value import encode
from ripieno.resilience.compaction import Message
from ripieno.resilience.compaction.budget import estimate


@pytest.fixture(scope="module")
def everything() -> OpenApi:
    return OpenApi("all", Document(large(1200), "all.json"), base_url="https://api.example.com")


def tokens(*tools: Tool) -> int:
    """Count what an agent that is offered tools reads of them, as its history is counted."""
    return sum(estimate(Message("result", told_of(tool))) for tool in tools)


def whole(tool: Tool) -> int:
    told = {"name": tool.name, "description": tool.description, "input_schema": dict(tool.input_schema)}
    return estimate(Message("result", told))


async def test_1200_operations_cost_an_agent_what_a_handful_does(everything: OpenApi) -> None:
    names = everything.names
    assert len(names) == 1200
    demand = OnDemand(everything)
    offered = [demand.search]
    found = await demand.search(query="create a refund for tenant 4")
    offered += demand.shown(found)
    assert found["tools"][0]["name"] == "all.createRefundOfTenant4"
    assert 1 < len(offered) <= 6
    some = [everything.tool(name) for name in names[::48]]  # of each kind as many
    all_of_them = sum(whole(tool) for tool in some) * 48
    shown = tokens(*offered) + estimate(Message("result", found))
    assert all_of_them > 1_000_000
    assert shown < 15_000
    assert shown * 50 < all_of_them


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("cancel an order", "cancelOrder"),
        ("cancelling orders", "cancelOrder"),
        ("new order", "createOrder"),
        ("which orders does a customer have? list", "listOrders"),
    ],
)
def test_tools_are_found_by_the_words_of_who_needs_them(query: str, name: str) -> None:
    assert name in OnDemand(shop()).best(query)[:2]


def shop(**options: Any) -> OpenApi:
    return OpenApi("shop", Document(SHOP, "shop.json"), auth={"key": "secret://env/SHOP"}, **options)


async def test_what_is_not_allowed_is_neither_found_nor_called() -> None:
    demand = OnDemand(shop(allow=["list*", "get*"]))
    found = await demand.search(query="cancel create order")
    assert {one["name"] for one in found["tools"]} <= {"shop.listOrders", "shop.getOrder"}
    assert demand.tool("shop.cancelOrder") is None
    assert demand.tool("crm.getOrder") is None
    assert demand.tool("shop.getOrder") is not None
    assert demand.tool("shop.find_tools") is demand.search
    assert (await demand.search(query="weather"))["tools"] == []
    garbled: list[Any] = [None, [], {"tools": []}, {"tools": [{"name": "shop.cancelOrder"}, {}]}]
    for garbage in garbled:
        assert demand.shown(garbage) == []
    with pytest.raises(DefinitionError, match="at least 1 tool"):
        OnDemand(shop(), most=0)


async def test_what_nobody_could_call_keeps_nothing_else_from_being_found() -> None:
    body: dict[str, Any] = {"required": True, "content": {"image/png": {}}}
    upload: dict[str, Any] = {"requestBody": body, "summary": "Create a picture order"}
    documented: dict[str, Any] = {**SHOP, "paths": {**SHOP["paths"], "/pictures": {"post": upload}}}
    api = OpenApi("shop", Document(documented, "shop.json"), auth={"key": "secret://env/SHOP"})
    demand = OnDemand(api)
    assert "post_pictures" in demand.best("create a picture order")
    found = [one["name"] for one in (await demand.search(query="create a picture order"))["tools"]]
    assert "shop.createOrder" in found
    assert "shop.post_pictures" not in found
    assert demand.tool("shop.post_pictures") is None


async def test_a_tool_whose_arguments_are_too_long_to_tell_is_told_in_short(everything: OpenApi) -> None:
    tool = everything.tool("createInvoiceOfTenant0")
    assert whole(tool) > 3_000
    told = told_of(tool)
    assert len(encode(told)) < 8_000
    properties = told["input_schema"]["$defs"]["InvoiceOfTenant0"]["properties"]
    assert (len(properties), properties["field_7"]) == (30, {"type": "string"})
    assert "shortened" not in told_of(everything.tool("listInvoiceOfTenant0"))
    long = large(2)
    schema = long["components"]["schemas"]["InvoiceOfTenant0"]
    schema["properties"] |= {f"more_{n}": schema["properties"]["field_1"] for n in range(400)}
    api = OpenApi("all", Document(long, "long.json"))
    told = told_of(api.tool("createInvoiceOfTenant0"))
    assert told["shortened"] is True
    assert told["input_schema"]["properties"] == {"body": {"type": "object"}}


def test_endings_of_words_do_not_hide_what_is_meant() -> None:
    for words in (
        ("orders", "order"),
        ("cancelled", "cancel"),
        ("deliveries", "delivery"),
        ("creates", "create"),
    ):
        assert len({stem(word) for word in words}) == 1
    assert stem("es") == "es"
