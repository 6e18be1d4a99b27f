"""Every pattern within every other: what stands inside works as it would alone, in YAML as in Python."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from directing import DONE, OPERATOR_RULE, facts, item, look, plan, restrained
from running import Running, pure

from ripieno import (
    Function,
    branch,
    concurrent,
    direct,
    group_chat,
    hand_over,
    handoff,
    human,
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
from ripieno.participants.base import BaseParticipant

Make = Callable[[str, BaseParticipant], BaseParticipant]
"""Puts a participant into a pattern of this name."""


def other(name: str) -> Function:
    """Give a companion that completes."""
    return pure(lambda: "other", f"{name}-other")


def handing(name: str, inner: BaseParticipant) -> BaseParticipant:
    """Hand the case to the inner participant at once."""
    desk = pure(lambda: hand_over(inner.name, because="always"), f"{name}-desk")
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

    lead = pure(answers, f"{name}-lead")
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
PAIRS = list(product(PATTERNS, PATTERNS))


def clerks(value: Any) -> int:
    """Count the clerk's answers in an output, however it is wrapped."""
    if isinstance(value, dict):
        return int(value.get("note") == "done") or sum(map(clerks, value.values()))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - decoded JSON
    return sum(map(clerks, value)) if isinstance(value, list) else 0  # pyright: ignore[reportUnknownArgumentType] - decoded JSON


@pytest.mark.parametrize(("outer", "inner"), PAIRS, ids=[" of ".join(pair) for pair in PAIRS])
async def test_a_pattern_works_within_any_other(running: Running, outer: str, inner: str) -> None:
    clerk = human("clerk", role="clerk")
    flow = PATTERNS[outer]("outer", PATTERNS[inner]("inner", clerk))
    run = await running.begin(restrained(flow), {})
    expected = 2 ** [outer, inner].count("map")
    answered = 0
    while answered < expected:
        for question in await running.questions(run):
            await running.reply(question.row, {"proceed": True, "note": "done"})
            answered += 1
        while len(await running.events(run, "answered")) < answered:
            await running.rests(run)
    ended = await running.ended(run)
    assert (ended.status, ended.reason) == ("complete", None)
    assert clerks(ended.output) == expected


@pytest.mark.parametrize(("outer", "inner"), PAIRS, ids=[" of ".join(pair) for pair in PAIRS])
async def test_what_fails_within_is_never_passed_off_as_complete(
    running: Running, outer: str, inner: str
) -> None:
    def fails() -> None:
        msg = "broken"
        raise ValueError(msg)

    flow = PATTERNS[outer]("outer", PATTERNS[inner]("inner", pure(fails)))
    ended = await running.run(restrained(flow), {})
    assert ended.status in ("failed", "partial")
    assert "broken" in (ended.reason or "") or ended.status == "partial"
