"""Every pattern within every other: what stands inside works as it would alone, in YAML as in Python."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from directing import restrained
from nests import PATTERNS, nested
from running import Running, pure

from ripieno import human

PAIRS = list(product(PATTERNS, PATTERNS))


def clerks(value: Any) -> int:
    """Count the clerk's answers in an output, however it is wrapped."""
    if isinstance(value, dict):
        return int(value.get("note") == "done") or sum(map(clerks, value.values()))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - decoded JSON
    return sum(map(clerks, value)) if isinstance(value, list) else 0  # pyright: ignore[reportUnknownArgumentType] - decoded JSON


@pytest.mark.parametrize(("outer", "inner"), PAIRS, ids=[" of ".join(pair) for pair in PAIRS])
async def test_a_pattern_works_within_any_other(running: Running, outer: str, inner: str) -> None:
    clerk = human("clerk", role="clerk")
    flow = nested(outer, inner, clerk)
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

    ended = await running.run(restrained(nested(outer, inner, pure(fails))), {})
    assert ended.status in ("failed", "partial")
    assert "broken" in (ended.reason or "") or ended.status == "partial"
