"""Cases handed on with a history that is kept short, as messages."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from running import Running, gives, pure

from kernel.scenarios.house import asked, begin, counted, ended, opened, parked, reply, serving
from kernel.scenarios.watched_store import WatchedStore
from ripieno import Context, Outcome, Workflow, compact, hand_over, handoff, human, summary, window
from ripieno.model.errors import DefinitionError
from ripieno.model.participant import Task
from ripieno.participants.base import BaseParticipant
from ripieno.patterns.compacting import Compact
from ripieno.patterns.handoff import HandOver
from ripieno.resilience.compaction import Message

HAND_OVERS = 12
NAMES = ("a", "b", "c", "d")
Seen = list[tuple[list[str], list[str]]]
"""For each turn: what its messages say, and whose results are seen by name."""


def one_each(message: Message) -> int:
    """Count every message as one token."""
    del message
    return 1


def length(message: Message) -> int:
    return len(str(message.content))


class Desk(BaseParticipant):
    """Hands over to the next with what it found; the last gives a result."""

    kind = "desk"

    def __init__(self, name: str, to: str | None, seen: Seen) -> None:
        super().__init__(name)
        self._to, self._seen = to, seen

    def describe(self) -> dict[str, Any]:
        return {"to": self._to}

    async def act(self, task: Task, context: Context) -> Outcome:
        del context
        assert task.turn is not None, "whoever has the case is told from whom"
        says = [one["says"] for one in task.turn.decode()["messages"]]
        told = [one if isinstance(one, str) else str(one["output"]) for one in says]
        self._seen.append((told, sorted(task.state)))
        found = f"found by {self.name}"
        if self._to is None:
            return Outcome("complete", found)
        return hand_over(self._to, because=f"{self.name} is done", output=found)


def desks(seen: Seen) -> list[BaseParticipant]:
    """Give desks of which each hands over to the next."""
    return [Desk(name, to, seen) for name, to in zip(NAMES, (*NAMES[1:], None), strict=True)]


EDGES = {name: [to] for name, to in pairwise(NAMES)}


def case(seen: Seen, short: Compact, **settings: Any) -> BaseParticipant:
    return handoff(*desks(seen), edges=EDGES, compact=short, **settings)


async def test_what_travels_stands_as_the_latest_messages(running: Running) -> None:
    seen: Seen = []
    outcome = await running.run(case(seen, compact(2, by=[window()], count=one_each)))
    assert outcome.output == "found by d"
    assert seen == [
        ([], []),
        (["found by a"], ["a"]),
        (["found by a", "found by b"], ["b"]),
        (["found by b", "found by c"], ["c"]),
    ]


async def test_what_is_left_out_is_a_recorded_choice(running: Running) -> None:
    run = await running.begin(case([], compact(2, by=[window()], count=one_each)))
    await running.ended(run)
    [choice] = await running.choices(run, "compact")
    assert (choice.chosen, choice.because) == ("window 1 of 3", {"tokens": 3, "allowed": 2})


@pytest.mark.parametrize(
    ("carry", "last"),
    [("last", ["found by c"]), (["a"], ["found by a", "found by c"])],
    ids=["the last", "those named"],
)
async def test_only_what_travels_is_among_the_messages(running: Running, carry: Any, last: list[str]) -> None:
    seen: Seen = []
    await running.run(case(seen, compact(9, count=one_each), carry=carry))
    assert seen[-1] == (last, ["c"])


async def test_a_summary_stands_for_what_came_before(running: Running) -> None:
    def tells(turn: dict[str, Any]) -> str:
        return "told: " + ", ".join(str(one["content"]["output"]) for one in turn["messages"])

    seen: Seen = []
    short = compact(2, by=[summary(pure(tells, "scribe"), share=0.5)], count=one_each)
    await running.run(case(seen, short))
    assert seen[2][0] == ["found by a", "found by b"]
    assert seen[3][0] == ["told: found by a, found by b", "found by c"]


@pytest.mark.parametrize("desk", [None, "desk"], ids=["nobody", "a desk"])
async def test_what_cannot_be_made_to_fit_trips_like_a_guard(running: Running, desk: str | None) -> None:
    last = None if desk is None else gives("desk", "taken over")
    short = compact(20, by=[window()], count=length)
    run = await running.begin(case([], short, otherwise=last))
    outcome = await running.ended(run)
    [choice] = await running.choices(run, "guard")
    assert (choice.chosen, choice.because["from"], choice.because["wanted"]) == (desk or "nobody", "a", "b")
    if desk is None:
        assert (outcome.status, outcome.output) == ("escalated", {"a": "found by a"})
        assert "the latest message" in (outcome.reason or "")
    else:
        assert outcome.output == "taken over"


def test_a_summary_of_everything_leaves_no_history_to_keep_short() -> None:
    with pytest.raises(DefinitionError, match="there is no history that could be kept short"):
        case([], compact(9), carry="summary", summarise=gives("scribe", "short"))


# -- long ones -------------------------------------------------------------------------------------------


async def test_what_was_told_in_short_is_remembered_across_wakings_and_segments(tmp_path: Path) -> None:
    """Three people hand a case round, and nothing is told twice, whatever a participant is called."""
    told: list[str] = []

    def tells(turn: dict[str, Any]) -> str:
        new = [one["content"] for one in turn["messages"] if one["role"] != "summary"]
        told.extend(one["output"] for one in new)
        return "short"

    names = ["one", "two", "recap"]
    people = [human(name, role=name, form=HandOver) for name in names]
    edges = {"one": ["two"], "two": ["recap"], "recap": ["one"]}
    short = compact(2, by=[summary(pure(tells, "scribe"), share=0.5), window()], count=one_each)
    flow = handoff(*people, edges=edges, limit=99, per_edge=99, compact=short)
    workflow = Workflow("long", flow)
    async with opened(tmp_path, WatchedStore) as store, serving(tmp_path, workflow, store=store) as host:
        run = await begin(host, workflow)
        for number in range(HAND_OVERS):
            question = await asked(host, run, f"{names[number % 3]}@{number // 3 + 1}/")
            await parked(host, run)
            to = names[(number + 1) % 3] if number < HAND_OVERS - 1 else ""
            await reply(host, question, {"hand_over": to, "output": f"found {number}"})
        assert (await ended(host, run)).output == f"found {HAND_OVERS - 1}"
        assert (await counted(host, run))["segment"] > 0
    assert len(told) > 3
    assert len(set(told)) == len(told)
