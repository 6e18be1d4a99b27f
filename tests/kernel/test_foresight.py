"""Looking ahead: what limits leave and what was needed, the same after a restart as before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import asked, begin, ended, events, parked, reply, serving
from ripieno import (
    Call,
    Context,
    Cost,
    Function,
    Limits,
    Outcome,
    Workflow,
    ask,
    concurrent,
    degrade,
    human,
    merge,
    tool,
)
from ripieno.model.participant import Ahead, Question, Task
from ripieno.participants.base import BaseParticipant

MICROS = 1_000_000


@tool(effect="read", cost=Cost(tokens=100, model_calls=1))
def think(call: Call, costs: int = 10) -> None:
    call.spent(tokens=costs, model_calls=1)


async def thinks(context: Context) -> None:
    await context.use(think)


THINKER = Function(thinks, name="thinker", pure=True)


def said(ahead: Ahead | None) -> Any:
    return None if ahead is None else [dict(ahead.left), dict(ahead.needed), dict(ahead.rules)]


class Looker(BaseParticipant):
    """Looks, lets others work, and looks again; what it saw is its output."""

    kind = "looker"

    def __init__(self, *stretches: BaseParticipant) -> None:
        super().__init__("looker")
        self._stretches = stretches

    def children(self) -> list[BaseParticipant]:
        return list(dict.fromkeys(self._stretches))

    def describe(self) -> dict[str, Any]:
        return {"steps": len(self._stretches)}

    async def act(self, task: Task, context: Context) -> Outcome:
        seen = [said(await context.look_ahead())]
        for stage in self._stretches:
            await context.call(stage, task)
            seen.append(said(await context.look_ahead()))
        return Outcome("complete", seen)


async def seen(home: Path, part: BaseParticipant, limits: Limits | None) -> Any:
    workflow = Workflow("tested", part, limits=limits)
    async with serving(home, workflow) as host:
        return (await ended(host, await begin(host, workflow))).output


async def test_what_is_left_and_the_most_that_was_needed_at_a_time_is_told(tmp_path: Path) -> None:
    assert await seen(tmp_path, Looker(THINKER, THINKER), Limits(tokens=1000, model_calls=5)) == [
        [{"tokens": 1000, "model_calls": 5}, {}, {"tokens": "stop", "model_calls": "stop"}],
        [
            {"tokens": 990, "model_calls": 4},
            {"tokens": 100, "model_calls": 1},
            {"tokens": "stop", "model_calls": "stop"},
        ],
        [
            {"tokens": 980, "model_calls": 3},
            {"tokens": 100, "model_calls": 1},
            {"tokens": "stop", "model_calls": "stop"},
        ],
    ]


async def test_what_is_reserved_side_by_side_is_needed_together(tmp_path: Path) -> None:
    async def meets(context: Context) -> None:
        await context.use(think, costs=30)
        await context.use(think, costs=30)

    twice = Function(meets, name="twice", pure=True)
    both = concurrent(THINKER, twice, resolve=merge())
    [_, after] = await seen(tmp_path, Looker(both), Limits(tokens=1000))
    assert after[0] == {"tokens": 930}
    assert after[1]["tokens"] in (200, 210)  # one may be settled before the other begins


@pytest.mark.parametrize(
    "limits",
    [
        None,
        Limits(tokens=1000, on_exhausted=ask("boss")),
        Limits(deadline="1h", on_exhausted=degrade(THINKER)),
    ],
    ids=["none", "a person is asked", "somebody else takes over"],
)
async def test_where_no_limit_would_end_it_nothing_is_told_or_recorded(
    tmp_path: Path, limits: Limits | None
) -> None:
    workflow = Workflow("tested", Looker(), limits=limits)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        assert (await ended(host, run)).output == [None]
        assert await events(host, run, "moment") == []


async def test_of_several_limits_the_one_that_leaves_least_counts(tmp_path: Path) -> None:
    inner = Looker(THINKER).limit(tokens=500, active="1h", on_exhausted="escalate")
    [first, after] = await seen(tmp_path, inner, Limits(tokens=1000, active="2h", deadline="2h"))
    assert first[0].pop("active") <= 3600 * MICROS
    assert first[0].pop("deadline") <= 7200 * MICROS
    assert (first[0], first[2]) == (
        {"tokens": 500},
        {"tokens": "escalate", "active": "escalate", "deadline": "escalate"},
    )
    assert after[0]["tokens"] == 490
    assert set(after[1]) == {"tokens", "model_calls", "active", "deadline"}
    outer = Looker(THINKER).limit(tokens=5000, active="3h", on_exhausted="escalate")
    [first, _] = await seen(tmp_path, outer, Limits(tokens=1000, active="2h"))
    assert (first[0]["tokens"], first[2]) == (1000, {"tokens": "stop", "active": "stop"})


async def test_what_limits_somebody_beside_is_not_told(tmp_path: Path) -> None:
    beside = human("clerk", role="clerk").limit(deadline="1h", on_exhausted="stop")
    workflow = Workflow("tested", concurrent(beside, Looker(), resolve=merge()), limits=Limits(tokens=9))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await asked(host, run)
        await parked(host, run)
        [look] = await events(host, run, "moment")
    assert look.body["left"] == {"tokens": 9}


async def test_whoever_takes_over_looks_at_what_limits_him(tmp_path: Path) -> None:
    async def wastes(context: Context) -> None:
        await context.use(think, costs=100)
        await context.use(think, costs=100)

    limited = Function(wastes, name="wastes", pure=True).limit(tokens=150, on_exhausted=degrade(Looker()))
    assert await seen(tmp_path, limited, Limits(model_calls=9)) == [
        [{"model_calls": 8}, {}, {"model_calls": "stop"}]
    ]


# -- across restarts -------------------------------------------------------------------------------------


class Rounds(BaseParticipant):
    """Lets somebody work and a person answer in each round; a segment stands at each boundary."""

    kind = "rounds"

    def __init__(self, number: int) -> None:
        super().__init__("rounds")
        self._number = number

    def children(self) -> list[BaseParticipant]:
        return [THINKER]

    def describe(self) -> dict[str, Any]:
        return {"rounds": self._number}

    async def act(self, task: Task, context: Context) -> Outcome:
        resumption = context.resumption()
        seen: list[Any] = []
        first = 0
        if resumption is None:
            await context.look_ahead()
        else:
            first, seen = resumption.round, list(resumption.state["seen"])
        for number in range(first, self._number):
            await context.call(THINKER, task)
            await context.ask(Question("clerk", f"round {number}", {"type": "object"}))
            await context.call(THINKER, task)
            ahead = await context.look_ahead()
            assert ahead is not None, "it is limited"
            seen = [*seen, {name: ahead.needed[name] for name in ("tokens", "deadline")}]
            if context.segment_due:
                await context.segment(number + 1, {"seen": seen}, {})
        return Outcome("complete", seen)


async def rounds(home: Path, *, restarts: bool) -> Mapping[str, Any] | Any:
    """Give what was seen in rounds, each of which takes an hour, with or without restarts in each."""
    workflow = Workflow("tested", Rounds(4), limits=Limits(tokens=5000, deadline="10h", active="1h"))
    clock = HandClock()
    run = ""
    number = 0
    while number < 4:
        async with serving(home, workflow, clock=clock) as host:
            run = run or await begin(host, workflow)
            while number < 4:
                question = await asked(host, run, f"ask/{number + 1}")
                await parked(host, run)
                clock.turn(3600)
                await reply(host, question, {})
                number += 1
                if restarts:
                    break
            if number == 4:
                return (await ended(host, run)).output
    return None


async def test_after_restarts_and_segments_the_same_is_told(tmp_path: Path) -> None:
    straight = await rounds(tmp_path / "straight", restarts=False)
    again = await rounds(tmp_path / "again", restarts=True)
    assert straight == again == [{"tokens": 110, "deadline": 3600 * MICROS}] * 4


async def test_a_person_may_be_waited_for_between_looks(tmp_path: Path) -> None:
    """The look after the answer is made by another process: what was needed before it is not forgotten."""
    workflow = Workflow("tested", Looker(THINKER, human("clerk", role="clerk")), limits=Limits(tokens=1000))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await parked(host, run)
    async with serving(tmp_path, workflow) as host:
        await reply(host, question, {"proceed": True})
        [_, first, second] = (await ended(host, run)).output
    assert (first[1], second[1]) == ({"tokens": 100, "model_calls": 1}, {})
