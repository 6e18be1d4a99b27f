"""What a round writes, keeps and reads again is the same late as early, resident and woken in every round."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from directing import OPERATOR_RULE, Script
from ledgers import look
from running import pure

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import asked, begin, ended, events, opened, parked, reply, serving
from kernel.scenarios.watched_store import WatchedStore
from ripieno import Limits, Workflow, group_chat, hand_over, handoff, human, loop, magentic, rounds, tool
from ripieno.journal.records import Draft
from ripieno.model.participant import Context
from ripieno.participants.base import BaseParticipant
from ripieno.patterns.base import Stage

ROUNDS = {"loop": 320, "chat": 320, "handoff": 240, "magentic": 160}
"""Each writes some segments in so many."""

EVENTS = 250
"""After so many there is a segment."""

Build = Callable[[int, Stage, Stage], BaseParticipant]


def looping(times: int, first: Stage, second: Stage) -> BaseParticipant:
    """Repeat one of the two."""
    del second
    return loop(first, until="False", rounds=times)


def chatting(times: int, first: Stage, second: Stage) -> BaseParticipant:
    """Let both speak in turn."""
    return group_chat(first, second, until=rounds(times // 2))


def handing(times: int, first: Stage, second: Stage) -> BaseParticipant:
    """Hand a case to and fro over a third, who knows something new each time."""
    edges = {"first": ["second"], "second": ["third"], "third": ["first"]}
    passing = new(lambda n: hand_over("first", because="next", output={"seen": n}), "third")
    return handoff(first, second, passing, edges=edges, limit=times, per_edge=times, within="40d")


def directing(times: int, first: Stage, second: Stage) -> BaseParticipant:
    """Direct the two in turn, in limited time."""

    def progress(turn: dict[str, Any]) -> Any:
        done = turn["ledger"]["round"]
        return look("second" if done % 2 else "first", f"part {done}", satisfied=done >= times)

    lead = Script(plan={"items": [{"id": "a", "what": "all", "owner": "first"}], "reason": "it is open"})
    lead.answers["progress"] = [progress]
    planner = lead.participant()
    return magentic(first, second, planner=planner, effects=OPERATOR_RULE, rounds=times, within="40d")


PATTERNS: dict[str, Build] = {
    "loop": looping,
    "chat": chatting,
    "handoff": handing,
    "magentic": directing,
}


def new(says: Callable[[int], object], name: str) -> Any:
    """Give a participant that says something else each time."""
    times = 0

    def act() -> object:
        nonlocal times
        times += 1
        return says(times)

    return pure(act, name)


def bound(flow: BaseParticipant, times: int) -> Workflow:
    """Give a workflow with all that looks ahead and keeps books."""
    limits = Limits(rounds=2 * times, tokens=10**9, deadline="60d", active="50d")
    return Workflow("long", flow, policy="standard", limits=limits)


def drafts() -> int:
    """Count the events that are kept in memory."""
    gc.collect()
    return sum(type(one) is Draft for one in gc.get_objects())


@pytest.mark.parametrize("name", PATTERNS)
async def test_a_round_late_in_a_resident_run_writes_and_keeps_what_an_early_one_does(
    tmp_path: Path, name: str
) -> None:
    """Every turn has a time limit of its own: its timer ends beside it, and nobody asks how."""
    kept: list[int] = []
    wished: dict[str, Callable[[int], object]] = {
        "first": lambda n: hand_over("second", because="next", output={"seen": 10**6 + n}),
        "second": lambda n: hand_over("third", because="next", output={"seen": 10**6 + n}),
    }

    def speaker(called: str) -> Stage:
        def says(n: int) -> object:
            if n % 24 == 0:
                kept.append(drafts())
            return wished[called](n) if name == "handoff" else {"seen": 10**6 + n}

        return new(says, called).timeout("1h")

    times = ROUNDS[name]
    workflow = bound(PATTERNS[name](times, speaker("first"), speaker("second")), times)
    async with opened(tmp_path, WatchedStore) as store, serving(tmp_path, workflow, store=store) as host:
        run = await begin(host, workflow)
        await ended(host, run)
        written = await events(host, run)
        segments = [event for event in written if event.kind == "segment"]
        again = len(await store.replayable(run))
    parts = 4
    size = len(written) // parts
    _, early, _, late = (
        sum(len(repr(event.body)) for event in written[n * size : (n + 1) * size]) for n in range(parts)
    )
    assert late <= early * 1.05  # numbers have more digits late
    assert len(segments) >= 3
    assert len(repr(segments[-1].body)) <= len(repr(segments[1].body)) * 1.05
    assert again <= EVENTS + 60
    assert max(kept) <= 2 * EVENTS < len(written) / 2, "what a busy disk has yet to write is kept as well"


@pytest.mark.parametrize("name", PATTERNS)
async def test_a_run_that_is_woken_in_every_round_reads_the_same_in_each(tmp_path: Path, name: str) -> None:
    times = 36
    people: list[Stage] = [human(who, role="clerk").timeout("30d") for who in ("first", "second")]
    workflow = bound(PATTERNS[name](times, *people), times)
    to = {"first": "second", "second": "third"}
    async with opened(tmp_path, WatchedStore) as store, serving(tmp_path, workflow, store=store) as host:
        run = await begin(host, workflow)
        for number in range(25 if name == "handoff" else times):
            question = await asked(host, run)
            await parked(host, run)
            who = next(name for name in to if f"/{name}@" in question.path)
            said: dict[str, object] = {"proceed": True, "note": f"{100 + number}"}
            if name == "handoff":
                said |= {"hand_over": to[who], "because": "next"}
            await reply(host, question, said)
        await ended(host, run)
    read = store.replayed
    assert len(read) >= 24
    assert max(read[len(read) // 2 :]) <= max(read[: len(read) // 2]) + 2


async def test_calls_that_differ_in_every_round_leave_a_segment_as_it_was(tmp_path: Path) -> None:
    """What guards against runaways keeps in mind only so much."""

    @tool(effect="read")
    def look_up(number: int) -> int:
        return number

    async def act(context: Context, previous: Any) -> int:
        number = 1 if previous is None else previous + 1
        await context.use(look_up, number=number)
        return number

    workflow = Workflow("calls", loop(pure(act, "act"), until="False", rounds=400))
    async with serving(tmp_path, workflow, clock=HandClock()) as host:
        run = await begin(host, workflow)
        await ended(host, run)
        segments = await events(host, run, "segment")
    assert len(segments) >= 4
    assert len(repr(segments[-1].body)) <= len(repr(segments[0].body)) * 1.05
