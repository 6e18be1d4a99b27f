"""Under `strict` personal and health data, and secrets, leave the organisation only with a person's yes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.mediation.support.payables import traced

from kernel.scenarios.governed import NO, YES, gate_of, governed
from kernel.scenarios.house import asked, begin, ended, reply
from ripieno import Tool, Workflow, function, single_agent, tool, use_tool
from ripieno.model.principal import Principal

ANN = Principal("person", "ann", roles=frozenset({"approver"}))
SENT: list[str] = []
TO = "partner@north.example"
REQUEST = {"text": f"Tell {TO} about the trip, and that my card is 4111 1111 1111 1111."}


@pytest.fixture(autouse=True)
def nothing_sent() -> None:
    SENT.clear()


async def send(to: str, text: str) -> str:
    """Send a message."""
    SENT.append(text)
    return f"sent to {to}"


@tool(name="traveller", effect="read", trust="trusted", data=["pii"], outside=False)
def traveller() -> dict[str, str]:
    """Give what is known of who travels."""
    return {"passport": "P-9911-X4471", "card": "5500 0000 0000 0004"}


def desk(text: str, *, content: bool = True, outside: bool | None = None, **declared: Any) -> Workflow:
    """Give a workflow in which an agent looks the traveller up and sends something to whom it was told."""
    sender = Tool(
        send, name="send", on_uncertain="retry", content=["text"] if content else [], outside=outside
    )
    turns: list[Any] = [use_tool("traveller"), use_tool("send", {"to": TO, "text": text}), "done"]

    @function(name="mind", pure=True)
    def mind(turn: dict[str, Any]) -> Any:
        return turns[turn["round"] - 1]

    return Workflow(
        "desk", single_agent(mind, tools=[traveller, sender], name="clerk"), policy="strict", **declared
    )


@pytest.mark.parametrize(
    ("workflow", "asks"),
    [
        (desk("P-9911-X4471"), True),
        (desk("the passport: p 9911 x4471"), True),
        (desk("NS05MTEtWDQ0NzE= is in no form that is known, but 5500000000000004 is a card"), True),
        (desk("P-9911-X4471", outside=True), True),
        (desk("P-9911-X4471", outside=False), False),
        (desk("the trip is on"), False),
        (desk("my card is 4111 1111 1111 1111"), False),
        (desk("my card is 4111 1111 1111 1111", data=["personal"]), True),
        (desk("the trip is on", content=False), False),
        (desk("P-9911-X4471", content=False), True),
    ],
    ids=[
        "what a source is declared to give",
        "however it is written",
        "what a detector finds",
        "to a tool that is declared to lead outside",
        "not where it stays within",
        "not where it says nothing of the kind",
        "not what the request itself says",
        "unless the request was declared to be of that class",
        "nor an address that the request names",
        "in any argument where none is declared to be content",
    ],
)
async def test_it_waits_for_a_person(tmp_path: Path, workflow: Workflow, *, asks: bool) -> None:
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow, REQUEST)
        if asks:
            question = await asked(host, run)
            assert not SENT
            await reply(host, question, NO, by=ANN)
        await ended(host, run)
    assert bool(SENT) is not asks


async def test_what_it_passes_on_is_recorded_and_a_yes_lets_it_go(tmp_path: Path) -> None:
    workflow = desk("P-9911-X4471")
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow, REQUEST)
        await reply(host, await asked(host, run), YES, by=ANN)
        await ended(host, run)
        found = await traced(host, run, tool_name="send")
    assert found.passes == ("pii",)
    assert SENT == ["P-9911-X4471"]
