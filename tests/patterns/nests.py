"""Every pattern around a participant, and every pattern around that: for tests of what nests in what."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from directing import OPERATOR_RULE, restrained
from ledgers import DONE, facts, item, look, plan

from kernel.support.errands import book, effects, settle_in
from kernel.support.scenario import Scenario
from ripieno import (
    Context,
    Function,
    Workflow,
    branch,
    concurrent,
    direct,
    group_chat,
    hand_over,
    handoff,
    loop,
    magentic,
    map_over,
    merge,
    rounds,
    sequential,
    single_agent,
    text,
    tool,
    when,
)
from ripieno.kernel.commands import AskedFor
from ripieno.participants.base import BaseParticipant

__all__ = ["PATTERNS", "SCENARIO", "nested"]

Make = Callable[[str, BaseParticipant], BaseParticipant]
"""Puts a participant into a pattern of this name."""


def other(name: str) -> Function:
    """Give a companion that completes."""
    return Function(lambda: "other", name=f"{name}-other", pure=True, version="1")


def handing(name: str, inner: BaseParticipant) -> BaseParticipant:
    """Hand the case to the inner participant at once."""
    desk = Function(
        lambda: hand_over(inner.name, because="always"), name=f"{name}-desk", pure=True, version="1"
    )
    return handoff(desk, inner, edges={desk: [inner]}, name=name)


def chatting(name: str, inner: BaseParticipant) -> BaseParticipant:
    """Let the inner participant have the last word."""
    return group_chat(other(name), inner, until=text("done") | rounds(3), name=name)


def directing(name: str, inner: BaseParticipant) -> BaseParticipant:
    """Direct the inner participant to work; where it fails, once more, and then the rounds are used up."""

    def answers(turn: dict[str, Any], previous: Any) -> Any:
        if turn["phase"] == "progress" and turn["ledger"]["plan"][0]["state"] == "done":
            return DONE
        if turn["phase"] == "synthesis":
            return previous
        known = {"facts": facts(), "plan": plan(item("a", inner.name)), "progress": look(inner.name)}
        return known[turn["phase"]]

    lead = Function(answers, name=f"{name}-lead", pure=True, version="1")
    return magentic(inner, planner=lead, rounds=2, effects=OPERATOR_RULE, name=name)


@tool(effect="read")
def find() -> str:
    return "found"


PATTERNS: dict[str, Make] = {
    "direct": lambda name, inner: direct(inner, name=name),
    "single_agent": lambda name, inner: single_agent(inner, tools=[find], name=name),
    "sequential": lambda name, inner: sequential(other(name), inner, name=name),
    "concurrent": lambda name, inner: concurrent(other(name), inner, resolve=merge(), name=name),
    "handoff": handing,
    "group_chat": chatting,
    "magentic": directing,
    "branch": lambda name, inner: branch({when("True"): inner}, otherwise=other(name), name=name),
    "map": lambda name, inner: map_over("[1, 2]", inner, name=name),
    "loop": lambda name, inner: loop(inner, until="True", rounds=2, name=name),
}


def nested(outer: str, inner: str, leaf: BaseParticipant, name: str = "") -> BaseParticipant:
    """Put a participant into the inner pattern, and that into the outer."""
    return PATTERNS[outer](f"{name}outer", PATTERNS[inner](f"{name}inner", leaf))


# -- as a scenario for crashes: one outer pattern with every inner one, one after another ---------------

OUTER = "NESTS_OUTER"
"""The environment variable that names the outer pattern: a scenario is loaded in a process of its own."""


def errand(name: str) -> Function:
    """Give a participant with one effect, which books twice when asked twice."""

    async def run(context: Context) -> dict[str, Any]:
        return {"note": "done", **await context.use(book, place=name)}

    return Function(run, name=name, pure=True, version="1")


def within(outer: str) -> Workflow:
    """Give every pattern within the outer one, in sequence, each around an effect."""
    each = [nested(outer, inner, errand(f"book-{inner}"), f"{inner}-") for inner in PATTERNS]
    return restrained(sequential(*each), "nests")


def approving(asked: AskedFor, home: Path) -> Any:
    """Approve what a magentic wants to do; what is in doubt is looked up, and nobody asked."""
    assert asked.row.kind != "uncertain", asked
    del home
    return {"proceed": True}


SCENARIO = Scenario(within(os.environ.get(OUTER, "loop")), dict, settle_in, effects, approving)
