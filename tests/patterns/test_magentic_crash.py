"""Open-ended work ends the same whenever its process dies; what it costs does not grow with its rounds."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from directing import Script, restrained, team
from ledgers import DONE, facts, item, look, plan

from kernel.scenarios.house import asked, begin, counted, ended, opened, parked, reply, serving
from kernel.scenarios.watched_store import WatchedStore
from kernel.support.crash import children_of
from kernel.support.survey import Survey, lasting, share
from ripieno import human

PARTS = 3
ROUNDS = 40
MOST_READ = 25


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Generator[Survey]:
    with children_of("patterns.investigating:SCENARIO") as children:
        yield Survey(children, tmp_path_factory.mktemp("crashes"))


def test_undisturbed_it_does_everything_once_and_keeps_the_facts(survey: Survey) -> None:
    [outcome] = survey.undisturbed.outcomes
    known = ["something is missing", "it was paid"]
    assert (outcome["status"], outcome["output"]["answer"]) == ("complete", {"known": known, "rounds": 2})
    assert survey.undisturbed.effects == ["book check 2", "pay 1"]


@pytest.mark.parametrize("part", range(PARTS))
def test_it_ends_the_same_whichever_boundary_its_process_dies_at(survey: Survey, part: int) -> None:
    assert survey.problems(share(lasting(survey.undisturbed.passed), part, PARTS)) == []


@pytest.mark.parametrize("within", [None, "90d"], ids=["without a time", "within a time"])
async def test_what_a_waking_reads_does_not_grow_with_the_rounds(tmp_path: Path, within: str | None) -> None:
    def progress(turn: dict[str, Any]) -> dict[str, Any]:
        done = turn["ledger"]["round"]
        if done == ROUNDS:
            return DONE
        return look("clerk", **facts(("verified", f"found {done}", f"e{done}"))) if done else look("clerk")

    script = Script(plan=plan(item("a", "clerk")), progress=progress)
    workflow = restrained(
        team(script, human("clerk", role="clerk"), rounds=ROUNDS, within=within, stalls=0), "long"
    )
    async with opened(tmp_path, WatchedStore) as store, serving(tmp_path, workflow, store=store) as host:
        run = await begin(host, workflow)
        for number in range(1, ROUNDS + 1):
            key = "a" if number == 1 else f"a+{number}"
            question = await asked(host, run, f"clerk@{key}/")
            await parked(host, run)
            await reply(host, question, {"proceed": True, "note": f"round {number}"})
        outcome = await ended(host, run)
        found = await counted(host, run)
    assert outcome.status == "complete"
    assert len(outcome.evidence) == ROUNDS - 1
    assert found["answered"] == ROUNDS
    assert found["segment"] > 0
    assert max(store.replayed) <= MOST_READ
