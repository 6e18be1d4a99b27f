"""A turn in which what the model is told is made shorter, and marks are made, for crashes to cut in two."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from agents.agent_in_pieces import given, settle
from kernel.support.errands import answered, book, effects, pay
from kernel.support.scenario import Scenario
from providers.replies import Calls, Says, Script, turns
from ripieno import Workflow, agent, collapse, compact, tool
from ripieno.kernel import segments

__all__ = ["SCENARIO", "SCRIPT", "TOKENS"]

TOKENS: Final = 600
SCRIPT: Final[Script] = turns(
    Calls([("pay", {"amount": 1}), ("look_up", {"page": 1})]),
    Calls([("look_up", {"page": 2}), ("book", {"place": "here"})]),
    Calls([("look_up", {"page": 3})]),
    Calls([("pay", {"amount": 2}), ("look_up", {"page": 4})]),
    Calls([("book", {"place": "there"})]),
    Says("all done"),
)


@tool(effect="read", trust="trusted")
def look_up(page: int) -> str:
    """Look up what stands on a page."""
    return f"page {page}: " + "word " * 200


CLERK = agent(
    "clerk",
    model="local",
    instructions="Pay and book.",
    tools=[pay, book, look_up],
    compact=compact(TOKENS, by=[collapse()]),
)


def settle_short(home: Path) -> None:
    """Settle, in a process that makes a mark every dozen events."""
    settle(home)
    segments.EVENTS = 12


SCENARIO = Scenario(Workflow("clerking", CLERK), given, settle_short, effects, answered)
