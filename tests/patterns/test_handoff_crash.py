"""Handoffs and chats end the same whenever their process dies, and are woken from their last rounds."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from running import pure

from kernel.scenarios.house import asked, begin, counted, ended, opened, parked, reply, serving
from kernel.scenarios.watched_store import WatchedStore
from kernel.support.crash import children_of
from kernel.support.survey import Survey, lasting, share
from ripieno import Outcome, Workflow, human
from ripieno.participants.base import BaseParticipant
from ripieno.patterns.conditions import rounds, text
from ripieno.patterns.group_chat import group_chat
from ripieno.patterns.handoff import HandOver, hand_over, handoff

PARTS = 4

TURNS = 40
MOST_READ = 45


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    with children_of("patterns.talking:SCENARIO") as children:
        yield Survey(children, tmp_path_factory.mktemp("crashes"))


def test_undisturbed_it_does_everything_once(survey: Survey) -> None:
    [outcome] = survey.undisturbed.outcomes
    assert (outcome["status"], outcome["output"]) == ("complete", {"verdict": "mine", "of": 2})
    assert survey.undisturbed.effects == sorted(
        ["pay 1", "pay 2", "pay 3", "pay 11", "pay 12", "book after 2", "book check 1", "book check 2"]
    )


@pytest.mark.parametrize("part", range(PARTS))
def test_it_ends_the_same_whichever_boundary_its_process_dies_at(survey: Survey, part: int) -> None:
    assert survey.problems(share(lasting(survey.undisturbed.passed), part, PARTS)) == []


# -- long ones -------------------------------------------------------------------------------------------


def long_handoff() -> BaseParticipant:
    def first(previous: Any, first: int | None) -> Outcome | str:
        del previous  # bound first, so that `first` is None at the beginning
        return "done" if first == TURNS - 1 else hand_over("second", because="on", output=(first or 0) + 1)

    def second(first: int) -> Outcome:
        return hand_over("clerk", because="on", output=first)

    edges = {"first": ["second"], "second": ["clerk"], "clerk": ["first"]}
    clerk = human("clerk", role="clerk", form=HandOver)
    return handoff(pure(first), pure(second), clerk, edges=edges, limit=999, per_edge=999)


def long_chat() -> BaseParticipant:
    def writer(turn: Any) -> str:
        return "done" if turn["round"] == TURNS else f"draft {turn['round']}"

    return group_chat(
        pure(writer), human("clerk", role="clerk", form=HandOver), until=text("done") | rounds(99)
    )


@pytest.mark.parametrize("make", [long_handoff, long_chat])
async def test_what_a_waking_reads_does_not_grow_with_the_turns(tmp_path: Path, make: Any) -> None:
    workflow = Workflow("long", make())
    async with opened(tmp_path, WatchedStore) as store, serving(tmp_path, workflow, store=store) as host:
        run = await begin(host, workflow)
        for number in range(1, TURNS):
            question = await asked(host, run, f"clerk@{number}/")
            await parked(host, run)
            await reply(host, question, {"hand_over": "first", "because": f"turn {number}"})
        outcome = await ended(host, run)
        found = await counted(host, run)
    assert (outcome.status, outcome.output) == ("complete", "done")
    assert found["answered"] == TURNS - 1
    assert found["segment"] > 0
    assert len(store.replayed) >= TURNS - 1
    assert max(store.replayed) <= MOST_READ
