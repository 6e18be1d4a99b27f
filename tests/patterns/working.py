"""An agent with tools and a chat told in short, with effects in every turn, for crashes to cut in two."""

from __future__ import annotations

from typing import Any

from kernel.support.errands import answered, book, effects, pay, settle_in
from kernel.support.scenario import Scenario
from ripieno import (
    Context,
    ToolError,
    Workflow,
    compact,
    direct,
    function,
    group_chat,
    rounds,
    sequential,
    single_agent,
    summary,
    tool,
    use_tool,
    window,
)
from ripieno.resilience.compaction import Message

__all__ = ["SCENARIO"]


@tool(attempts=1)
def refuse() -> None:
    msg = "never"
    raise ToolError(msg)


@function(pure=True)
async def clerk(turn: dict[str, Any], context: Context) -> Any:
    """Ask for calls side by side, for what is refused, for what does not exist, and for the same again."""
    await context.sleep(0.001)  # wakes up in every round, so that segments are written soon
    rest = ["done", [one["result"] for one in turn["results"]], len(turn["messages"])]
    asks = {
        1: [use_tool("pay", {"amount": 1}), use_tool("book", {"place": "here"})],
        2: [use_tool("refuse"), use_tool("pey"), use_tool("pay", {"amount": 1})],
        3: [use_tool("pay", {"amount": 1}), use_tool("book", {"place": "there"})],
    }
    return asks.get(turn["round"], rest)


@function(pure=True)
async def scribe(turn: dict[str, Any], context: Context) -> str:
    await context.use(pay, amount=20 + len(turn["messages"]))
    return f"{len(turn['messages'])} told"


@function(pure=True)
def speaker(turn: dict[str, Any]) -> str:
    return "/".join(message["says"] for message in turn["messages"]) or "begin"


def one_each(message: Message) -> int:
    """Count every message as one token."""
    del message
    return 1


WORK = single_agent(direct(clerk), tools=[pay, book, refuse], compact=compact(400))
TALK = group_chat(
    speaker,
    until=rounds(5),
    compact=compact(2, by=[summary(scribe, share=0.5), window()], count=one_each),
)

SCENARIO = Scenario(
    Workflow("working", sequential(WORK.on_failure("continue"), TALK)),
    lambda: None,
    settle_in,
    effects,
    answered,
)
