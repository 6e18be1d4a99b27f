"""Every mode in every pattern: who acts is recorded at each visit, and the pattern works as ever."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from directing import restrained
from running import Running, pure
from test_nesting import PATTERNS, clerks

from ripieno import human
from ripieno.model.mode import MODES, Mode

DONE = {"note": "done"}
CASES = list(product(PATTERNS, MODES))
ANSWERS: dict[str, Any] = {
    "manual": {"output": DONE},
    "shadow": {"output": DONE},
    "suggest": {"proceed": True},
}


@pytest.mark.parametrize(("pattern", "mode"), CASES, ids=[" ".join(case) for case in CASES])
async def test_a_participant_has_its_mode_in_any_pattern(running: Running, pattern: str, mode: Mode) -> None:
    part = pure(lambda: DONE, "part").mode(mode, human("clerk", role="clerk"))
    run = await running.begin(restrained(PATTERNS[pattern]("outer", part)), {})
    visits = 2 if pattern == "map" else 1
    answered = 0
    while mode != "auto" and answered < visits:
        for question in await running.questions(run):
            await running.reply(question.row, ANSWERS[mode])
            answered += 1
        while len(await running.events(run, "answered")) < answered:
            await running.rests(run)
    ended = await running.ended(run)
    assert (ended.status, clerks(ended.output)) == ("complete", visits)
    assert [choice.chosen for choice in await running.choices(run, "mode")] == [mode] * visits
    compared = [choice.chosen for choice in await running.choices(run, "shadow")]
    assert compared == (["agrees"] * visits if mode == "shadow" else [])


@pytest.mark.parametrize("pattern", list(PATTERNS))
async def test_a_whole_pattern_can_be_done_by_hand(running: Running, pattern: str) -> None:
    broken = pure(lambda: 1 / 0, "part")
    whole = PATTERNS[pattern]("outer", broken).mode("manual", human("clerk", role="clerk"))
    run = await running.begin(restrained(whole), {})
    [question] = await running.questions(run)
    await running.reply(question.row, {"output": DONE})
    assert (await running.ended(run)).output == DONE
