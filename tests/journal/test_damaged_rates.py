"""Rows that say how fast a tool is called are compared with the claims that were made under a rate."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.journal.support.sample import verified

from kernel.scenarios.elsewhere import Elsewhere, uses
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import ADA, OPERATOR, begin, ended, serving
from ripieno.connectors.tool import tool
from ripieno.model.limits import Limits
from ripieno.model.principal import Principal
from ripieno.model.runaway import Rate, Runaway
from ripieno.workflows.workflow import Workflow


async def called(home: Path) -> None:
    """Let two principals call a tool three times in turn, one too fast, and once without a rate."""
    system, clock = Elsewhere(), HandClock()
    book = uses(tool(system.book), what="it")
    limits = Limits(runaway=Runaway(rates={"book": Rate(2, "1m")}))
    rated, free = Workflow("rated", book, limits=limits), Workflow("free", book)
    async with serving(home, rated, free, clock=clock) as host:

        async def call(workflow: Workflow, by: Principal) -> str:
            return (await ended(host, await begin(host, workflow, by=by))).status

        assert [await call(rated, by) for by in (OPERATOR, ADA, OPERATOR, OPERATOR)] == [
            *("complete", "complete", "complete"),
            "escalated",
        ]
        clock.turn(45)
        assert [await call(rated, OPERATOR), await call(free, ADA)] == ["complete", "complete"]


def findings(home: Path) -> list[str]:
    return [str(finding) for finding in verified(home).findings]


async def test_rates_are_sound_whoever_called_and_was_refused(tmp_path: Path) -> None:
    await called(tmp_path)
    assert findings(tmp_path) == []


CHANGES = {
    "paid sooner": ("UPDATE rates SET paid_at = paid_at - 1 WHERE principal LIKE '%op'", "says paid_at"),
    "paid later": (
        "UPDATE rates SET paid_at = paid_at + 1 WHERE principal LIKE '%op'",
        "by the claims it is",
    ),
    "gone": ("DELETE FROM rates WHERE principal LIKE '%op'", "for book is not in the table"),
    "added": (
        "INSERT INTO rates (tenant, principal, tool, paid_at) VALUES ('default', 'person:eve', 'book', 1)",
        "the row of rates of person:eve for book was made by no claim",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
async def test_a_row_of_rates_that_says_otherwise_than_the_claims_is_found(tmp_path: Path, what: str) -> None:
    await called(tmp_path)
    statement, says = CHANGES[what]
    with closing(sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)) as connection:
        assert connection.execute(statement).rowcount == 1
    [found] = findings(tmp_path)
    assert says in found


@pytest.mark.parametrize("rate", ["[0,6]", "[2]", '"fast"'])
async def test_a_claim_whose_rate_was_changed_is_found_in_its_chain_and_counts_for_nothing(
    tmp_path: Path, rate: str
) -> None:
    await called(tmp_path)
    with closing(sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)) as connection:
        changed = connection.execute(
            "UPDATE events SET envelope = CAST(replace(CAST(envelope AS TEXT), '[2,60000000]', ?) AS BLOB)"
            " WHERE kind = 'intent' AND position = (SELECT max(position) FROM events WHERE kind = 'intent'"
            " AND instr(CAST(envelope AS TEXT), '[2,60000000]'))",
            (rate,),
        )
        assert changed.rowcount == 1
    found = findings(tmp_path)
    assert len(found) >= 2
    assert any("hash" in one for one in found)
