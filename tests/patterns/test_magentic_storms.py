"""Random managers and workers that loop, talk nonsense or fail: each magentic ends, within its limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from directing import OPERATOR_RULE, restrained
from ledgers import facts, item, look, plan
from running import OPERATOR, Running, pure

from ripieno import Function, Outcome
from ripieno.model.event import Event
from ripieno.patterns.magentic import Magentic, magentic

DECISIONS = [*["approve"] * 9, "edit", "reject", "?"]
PARTS = 5
TEAMS = 150 // PARTS
GARBAGE: list[Any] = [
    "",
    "no",
    None,
    7,
    True,
    [],
    {},
    [look()],
    "{",
    "```json\n{}\n```",
    {"satisfied": "false"},
]


def some_facts(random: Random) -> dict[str, Any]:
    kinds = ["given", "look_up", "derive", "guess", *(["verified", "rumour"] * (random.random() < 0.05))]
    lines = [(random.choice(kinds), f"fact {random.randrange(9)}") for _ in range(random.randrange(3))]
    return facts(*((*line, "e1") if line[0] == "verified" else line for line in lines))


def some_plan(random: Random) -> dict[str, Any]:
    ids = ["a", "b", *random.sample(["c", "d", "e", "f", "A", "a/b"], random.choice([0, 0, 1]))]
    return plan(*(item(one, random.choice(["worker", "other"])) for one in ids))


def some_look(random: Random, satisfied: float) -> dict[str, Any]:
    document = look(
        random.choice(["worker", "other"] if random.random() < 0.97 else ["Worker", "", None]),
        "go on" if random.random() < 0.98 else "",
        at=random.choice(["a", "b"] if random.random() < 0.97 else ["z", None]),
        satisfied=random.random() < satisfied,
        looping=random.random() < 0.3,
        progressing=random.random() < 0.6,
    )
    if random.random() < 0.02:
        document.pop(random.choice(list(document)))
    if random.random() < 0.02:
        document["satisfied"]["answer"] = random.choice(["true", "false", 1, None])
    learnt: dict[str, Any] = some_facts(random) if random.random() < 0.4 else {}
    return {**document, **learnt}


def adversary(name: str, random: Random) -> Function:
    """Give a manager of a temper of its own: sound, garbled, never content, in a loop, or failing."""
    seed, garbled = random.randrange(2**32), random.choice([0.0, 0.0, 0.0, 0.0, 0.1, 0.3, 0.9])
    satisfied, loops = random.choice([0.0, 0.0, 0.1, 0.3]), random.random() < 0.2
    times = 0

    def act(turn: Any) -> Any:
        nonlocal times
        times += 1
        own = Random(seed + times)  # noqa: S311 - not for secrets
        if own.random() < garbled:
            return own.choice(GARBAGE)
        if own.random() < 0.01:
            return own.choice([Outcome("failed", reason="tired"), Outcome("escalated", reason="unsure")])
        made: dict[str, Callable[[], Any]] = {
            "facts": lambda: some_facts(own),
            "plan": lambda: some_plan(own),
            "replan": lambda: {**some_plan(own), **some_facts(own)},
            "progress": lambda: look(at="a", looping=True) if loops else some_look(own, satisfied),
            "review": lambda: {
                "decision": own.choice([*["approve"] * 9, "edit", "reject", "?"]),
                "reason": "so",
            },
            "synthesis": lambda: own.choice(["answer", None, {"answer": 1}]),
        }
        return made[turn["phase"]]()

    return pure(act, name)


def worker(name: str, random: Random) -> Function:
    """Give a worker that finds something, nothing, or fails."""
    said = random.sample([*GARBAGE, "found", "x" * 9999, ValueError("broken")], 3)
    times = 0

    def act() -> Any:
        nonlocal times
        times += 1
        answer = said[times % len(said)]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return pure(act, name)


def team_of(random: Random) -> Magentic:
    return magentic(
        worker("worker", random),
        worker("other", random),
        planner=adversary("planner", random),
        progress=adversary("watch", random),
        synthesise=random.choice([None, adversary("speaker", random)]),
        review=random.choice([None, adversary("reviewer", random)]),
        rounds=random.randint(1, 12),
        stalls=random.randint(0, 3),
        replans=random.randint(0, 3),
        asks=random.randint(1, 4),
        sees=random.choice(["own", "all", ["other"]]),
        effects=OPERATOR_RULE,
    )


async def all_of(running: Running, flows: list[Magentic]) -> list[tuple[Outcome, list[Event]]]:
    """Run teams side by side; give how each ended and its journal."""

    async def one(number: int, flow: Magentic) -> tuple[Outcome, list[Event]]:
        workflow = restrained(flow, f"storm-{number}")
        created = await running.host.start(workflow, None, principal=OPERATOR)
        ended = await running.ended(created.row.id)
        return ended, list(await running.host.store.events(created.row.id))

    return await asyncio.gather(*(one(number, flow) for number, flow in enumerate(flows)))


STATUS_OF = {
    "satisfied": ("complete", "partial"),
    "rounds": ("partial",),
    "stalled": ("partial",),
    "manager": ("partial", "escalated"),
    "rejected": ("escalated",),
    "unreviewed": ("escalated",),
}


@pytest.mark.parametrize("seed", range(PARTS))
async def test_every_team_ends_within_its_limits_with_an_answer_and_says_why(
    running: Running, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - not for secrets
    flows = [team_of(random) for _ in range(TEAMS)]
    for number, (ended, events) in enumerate(await all_of(running, flows)):
        rules = flows[number].rules
        choices = [event.body for event in events if event.kind == "choice"]
        made = {what: [body["chosen"] for body in choices if body["what"] == what] for what in KINDS}
        where = f"seed {seed}, team {number}: {flows[number].settings()}, ended as {ended!r}"
        assert len(made["speaker"]) <= rules.rounds, where
        assert len(made["plan"]) <= 1 + rules.replans, where
        assert all(body["chosen"] in body["offered"] for body in choices), where
        [kind] = made["ending"]
        assert ended.status in STATUS_OF[kind], where
        assert set(ended.output) == {"answer", "missing"}, where
        assert (ended.reason is None) == (ended.status == "complete"), where


KINDS = ("speaker", "plan", "ending")
