"""Random handoffs and chats full of participants who want to go on for ever: each ends, and says why."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest
from running import OPERATOR, Running, gives, pure

from ripieno import Function, Outcome, Workflow
from ripieno.model.event import Event
from ripieno.model.outcome import Confidence
from ripieno.patterns.conditions import consensus, rounds, stalled, text, verdict
from ripieno.patterns.group_chat import GroupChat, group_chat
from ripieno.patterns.handoff import Handoff, handoff
from ripieno.patterns.managers import maker_checker

PARTS = 5
GRAPHS = 600 // PARTS
CHATS = 400 // PARTS
STRANGE: list[Any] = ["nobody", "", None, 7, True, [], {}, "a b", "é" * 50, {"hand_over": "a"}]


def adversary(name: str, names: list[str], random: Random) -> Function:
    """Give a participant that wishes itself anywhere, repeats itself, talks nonsense, raises, or finishes."""
    repeats = random.random() < 0.5
    finishes = random.choice([0.0, 0.0, 0.05, 0.3])
    seed = random.randrange(2**32)
    times = 0

    def act() -> Any:
        nonlocal times
        times += 1
        own = Random(seed + times)  # noqa: S311 - not for secrets
        if own.random() < finishes:
            return own.choice(["done", Outcome("complete", "sure", confidence=Confidence(0.9, "by test"))])
        if own.random() < 0.02:
            return own.choice([Outcome("failed", reason="tired"), Outcome("escalated", reason="unsure")])
        if own.random() < 0.01:
            msg = "broken"
            raise ValueError(msg)
        wanted = own.choice(STRANGE) if own.random() < 0.1 else own.choice(names)
        return {"hand_over": wanted, "because": own.choice(STRANGE), "output": 1 if repeats else times}

    return pure(act, name)


def graph(random: Random) -> Handoff:
    """Give a handoff with random edges and limits."""
    names = [f"p{number}" for number in range(random.randint(1, 6))]
    everybody = [adversary(name, names, random) for name in names]
    edges = {
        name: random.sample(others, random.randint(0, len(others)))
        for name in names
        if (others := [other for other in names if other != name])
    }
    return handoff(
        *everybody,
        edges=edges,
        otherwise=random.choice([None, random.choice(names), adversary("desk", names, random)]),
        limit=random.randint(1, 20),
        per_edge=random.randint(1, 5),
        carry=random.choice(["all", "last", random.sample(names, 1)]),
    )


def talker(name: str, random: Random) -> Function:
    """Give a speaker that repeats itself, agrees, disagrees or talks nonsense."""
    seed = random.randrange(2**32)
    lines: list[Any] = [*STRANGE, "agreed", {"verdict": "ok"}, {"verdict": "no"}, "DONE", 1, 2, 3]
    words = random.sample(lines, random.randint(1, 4))
    times = 0

    def act() -> Any:
        nonlocal times
        times += 1
        own = Random(seed + times)  # noqa: S311 - not for secrets
        if own.random() < 0.02:
            return own.choice([Outcome("failed", reason="hoarse"), Outcome("escalated", reason="shy")])
        return own.choice(words)

    return pure(act, name)


def chat(random: Random) -> GroupChat:
    """Give a chat with random speakers, manager and end."""
    names = [f"p{number}" for number in range(random.randint(1, 5))]
    managers: list[Any] = [None, adversary("chair", names, random), gives("chair", random.choice(STRANGE))]
    managers += [maker_checker(random.choice(names))] * (len(names) > 1)
    ends = [consensus(), verdict("ok"), text("DONE"), stalled(random.randint(1, 9)), rounds(3) & text("DONE")]
    until = rounds(random.randint(1, 6))
    for end in random.sample(ends, random.randint(0, 3)):
        until = end | until
    return group_chat(
        *(talker(name, random) for name in names),
        until=until,
        manager=random.choice(managers),
        otherwise=random.choice([None, gives("desk", "decided")]),
        sees=random.randint(1, 9),
    )


async def all_of(running: Running, flows: list[Any]) -> list[tuple[Outcome, list[Event]]]:
    """Run flows side by side; give how each ended and its journal."""

    async def one(number: int, flow: Any) -> tuple[Outcome, list[Event]]:
        created = await running.host.start(Workflow(f"storm-{number}", flow), None, principal=OPERATOR)
        ended = await running.ended(created.row.id)
        return ended, list(await running.host.store.events(created.row.id))

    return await asyncio.gather(*(one(number, flow) for number, flow in enumerate(flows)))


@pytest.mark.parametrize("seed", range(PARTS))
async def test_every_handoff_ends_within_its_limits_and_says_why(running: Running, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - not for secrets
    flows = [graph(random) for _ in range(GRAPHS)]
    for number, (ended, events) in enumerate(await all_of(running, flows)):
        flow = flows[number]
        choices = [event.body for event in events if event.kind == "choice"]
        taken = [body for body in choices if body["what"] == "hand over"]
        guards = [body for body in choices if body["what"] == "guard"]
        where = f"seed {seed}, graph {number}: {flow.settings()}"
        assert len(taken) <= flow.guards.limit, where
        assert all(body["chosen"] in body["offered"] for body in choices), where
        assert len(guards) <= 1, where
        if guards and flow.otherwise is None:
            assert ended.status == "escalated", where
        assert ended.status in ("complete", "escalated", "failed"), where
        assert ended.status == "complete" or ended.reason, where
        wish: Any = ended.output if ended.status == "complete" else None
        assert not (isinstance(wish, dict) and "hand_over" in wish), where


@pytest.mark.parametrize("seed", range(PARTS))
async def test_every_chat_ends_within_its_limits_and_says_why(running: Running, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - not for secrets
    flows = [chat(random) for _ in range(CHATS)]
    for number, (ended, events) in enumerate(await all_of(running, flows)):
        flow = flows[number]
        turns = [event for event in events if event.path.rpartition("/")[2].partition("@")[0] in flow.names]
        limits = [event for event in events if event.kind == "choice" and event.body["what"] == "limit"]
        where = f"seed {seed}, chat {number}: {flow.settings()}"
        assert len(turns) <= 6 * len(flow.names), where
        assert turns or ended.status in ("failed", "escalated"), where
        if limits:
            assert ended.status == ("partial" if flow.otherwise is None else "complete"), where
        else:
            assert ended.status in ("complete", "failed", "escalated"), where
        assert ended.status == "complete" or ended.reason, where
