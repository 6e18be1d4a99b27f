"""A run whose journal was damaged: it is blocked, says what is missing, and goes on once that is restored."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kernel.scenarios.house import (
    OPERATOR,
    asked,
    begin,
    ended,
    events,
    parked,
    reply,
    serving,
    snapshot,
    until,
)
from ripieno.journal.records import RunRow
from ripieno.kernel import operators
from ripieno.kernel.host import Host
from ripieno.participants.function import function
from ripieno.participants.human import human
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow


@function(pure=True, version="1")
def written(given: object) -> object:
    return {"letter": given}


@function(pure=True, version="1")
def copied(written: object) -> object:
    return written


LETTER = Workflow("letter", sequential(written, human("signs", role="clerk"), copied))


def damage(home: Path, statement: str, letter: str) -> None:
    with closing(sqlite3.connect(home / "journal.sqlite")) as disk, disk:
        disk.execute(statement, {"letter": bytes.fromhex(letter)} if ":letter" in statement else {})


def restore(home: Path, sound: Path) -> None:
    """Put back what an earlier copy of the data folder still has."""
    with closing(sqlite3.connect(home / "journal.sqlite")) as disk, disk:
        disk.execute("ATTACH ? AS sound", (str(sound / "journal.sqlite"),))
        disk.execute("INSERT OR REPLACE INTO events SELECT * FROM sound.events")
        disk.execute("INSERT OR REPLACE INTO payloads SELECT * FROM sound.payloads")


async def blocked(host: Host, run: str) -> RunRow:
    async def look() -> RunRow | None:
        row = await host.store.run(run)
        return row if row.status == "blocked" else None

    return await until(look)


@pytest.mark.parametrize(
    ("statement", "detail"),
    [
        ("DELETE FROM events WHERE kind = 'run.started'", "run {short} has no first event"),
        (
            "DELETE FROM payloads WHERE commitment = :letter",
            "value {letter} of run {short} is not in the store",
        ),
        (
            "UPDATE payloads SET sealed = zeroblob(length(sealed)) WHERE commitment = :letter",
            "value {letter} of {run} was changed in the store",
        ),
    ],
    ids=["first event", "value", "changed value"],
)
async def test_it_is_blocked_and_goes_on_once_the_journal_is_restored(
    tmp_path: Path, statement: str, detail: str
) -> None:
    async with serving(tmp_path / "whole", LETTER) as host:
        run = await begin(host, LETTER, "dear reader")
        await parked(host, run)
        letter = (await events(host, run, "step"))[0].body["outcome"]["output"]
    for home in (tmp_path / "damaged", tmp_path / "restored"):
        snapshot(tmp_path / "whole", home)
    damage(tmp_path / "damaged", statement, letter)
    async with serving(tmp_path / "damaged", LETTER) as host:
        await reply(host, await asked(host, run), {"proceed": True})
        row = await blocked(host, run)
        assert detail.format(short=run[-6:], run=run, letter=letter[:12]) in str(row.detail)
        restore(tmp_path / "damaged", tmp_path / "restored")
        await operators.resume(host.store, host.clock, row, by=OPERATOR)
        assert (await ended(host, run)).output == {"letter": "dear reader"}
