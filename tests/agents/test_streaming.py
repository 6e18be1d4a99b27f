"""What a model says is seen while it says it, by whoever watches; what is recorded is the same."""

from __future__ import annotations

from typing import Any

import pytest
from asking import LOCAL, asking

from patterns.running import Running
from providers.replies import Calls, Says, Thinks, turns
from ripieno import agent, tool
from ripieno.cli.board import Board, table_of
from ripieno.cli.following import Followed
from ripieno.connectors.progress import PROGRESS
from ripieno.model.value import decode


@tool(effect="read")
def price(of: str) -> int:
    """Look up what something costs, in dollars."""
    return len(of)


async def parts(running: Running, model: str) -> list[list[Any]]:
    """Run an agent, and give the parts of its responses as they were recorded."""
    script = turns(
        Calls([("price", {"of": "tea"})], text="Looking it up."),
        Thinks("Hm.", Says("tea costs three dollars")),
    )
    async with asking(script):
        run = await running.begin(agent("buyer", model=model, tools=[price]), "what?")
        outcome = await running.ended(run)
        found = [one for one in await running.events(run, "result") if "/model/" in one.path]
    assert outcome.output is not None
    assert outcome.output.strip() == "tea costs three dollars"
    return [
        [
            (one["part_kind"], one.get("tool_name") or one["content"].strip())
            for one in decode(running.host.store.payload(run, str(event.body["output"])))["parts"]
        ]
        for event in found
    ]


@pytest.mark.parametrize("model", [one for one in LOCAL if one != "mistral"])  # whose streams differ in form
async def test_it_is_told_piece_by_piece_and_recorded_whole(running: Running, model: str) -> None:
    heard: list[str] = []
    at_once = await parts(running, model)
    with PROGRESS.listen(lambda _, path, text: heard.append(f"{path}: {text}")):
        streamed = await parts(running, model)
    assert streamed == at_once
    first, last = ([one for one in heard if one.startswith(f"buyer@1/model/{number}: ")] for number in (1, 2))
    assert first[-1].endswith("Looking it up. [price]") or first[-1].endswith("Looking it up.  [price]")
    assert len(last) >= 1
    assert last[-1].strip().endswith("tea costs three dollars")
    assert all(one.strip() in last[-1] for one in last)


async def test_nobody_watches_and_nothing_is_streamed(running: Running) -> None:
    async with asking(turns(Says("tea"))) as provider:
        await running.run(agent("buyer", model="chat"), "what?")
        with PROGRESS.listen(lambda _, __, ___: None):
            await running.run(agent("buyer", model="chat"), "what?")
    assert [one.streamed for one in provider.asked] == [False, True]
    assert not PROGRESS.watched("any")
    assert Board([]) is not None
    assert table_of([Followed("a case", saying="tea")]).row_count == 1
