"""An agent whose connector has many tools is shown a search, then what it found, and calls that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asking import asking

from patterns.running import Running, pure
from providers.replies import Calls, Says, turns
from ripieno import agent, single_agent, use_tool
from ripieno.connectors.connector import Connector
from ripieno.connectors.remote import Remote
from ripieno.connectors.tool import Tool
from ripieno.model.action import Call

OF_ITEM: dict[str, Any] = {"type": "object", "properties": {"item": {"type": "string"}}, "required": ["item"]}


async def price(arguments: Mapping[str, Any], call: Call) -> Any:
    del call
    return {"price": len(arguments["item"])}


def shop() -> Connector:
    tools = [
        Tool(Remote(name, price, description=about, input_schema=OF_ITEM), effect="read")
        for name, about in (
            ("item_price", "Give the price of an item."),
            ("item_stock", "Count how many of an item are there."),
            *((f"report_{number}", "Give a report of the year.") for number in range(40)),
        )
    ]
    return Connector("shop", tools)


async def test_a_model_is_offered_what_it_found_and_calls_it(running: Running) -> None:
    find = shop().on_demand(most=2)
    known = shop().tool("item_price").offered_as
    script = turns(
        Calls([(find.offered_as, {"query": "what does it cost, price"})]),
        Calls([(known, {"item": "tea"})]),
        Says("3"),
    )
    flow = agent("buyer", model="chat", tools=[find])
    async with asking(script) as provider:
        run = await running.begin(flow, "tea?")
        outcome = await running.ended(run)
    assert outcome.output == "3"
    offered = [sorted(one["function"]["name"] for one in asked.body["tools"]) for asked in provider.asked]
    assert offered[0] == [find.offered_as]
    assert known in offered[1]
    assert len(offered[1]) <= 3
    assert offered[1] == offered[2]
    paths = [event.path for event in await running.events(run, "result")]
    assert "buyer@1/shop.item_price@2-1/tool/1" in paths


async def test_an_agent_of_code_calls_what_it_found_by_its_name(running: Running) -> None:
    def code(turn: dict[str, Any]) -> Any:
        if turn["round"] == 1:
            return use_tool("shop.find_tools", {"query": "price"})
        if turn["round"] == 2:
            return use_tool(turn["results"][0]["result"]["tools"][0]["name"], {"item": "coffee"})
        return turn["results"][0]["result"]

    flow = single_agent(pure(code, "agent"), tools=[shop().on_demand()])
    assert (await running.run(flow)).output == {"price": 6}
    assert flow.settings()["tools"] == ["connector:shop"]

    def guess(turn: dict[str, Any]) -> Any:
        return use_tool("shop.nothing") if turn["round"] == 1 else turn["results"]

    unknown = single_agent(pure(guess, "agent"), tools=[shop().on_demand()])
    assert (await running.run(unknown)).output[0]["result"]["error"] == "unknown_tool"
