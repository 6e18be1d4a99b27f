"""Values take many ways through a run: after an erasure none of them has left a byte anywhere."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from kernel.scenarios.house import asked, ended, opened, parked, reply, serving
from retention.folder import BOSS, LETTERS, MARK, checked, found_in_files
from ripieno import Context, Data, ToolError, Workflow, function, human, sequential, subworkflow, tool
from ripieno.anchoring.backup import back_up
from ripieno.anchoring.export import Exporter
from ripieno.anchoring.feeds import write_ocsf
from ripieno.anchoring.rounds import Rounds
from ripieno.anchoring.settings import Anchoring
from ripieno.evidence.period_page import period_page
from ripieno.evidence.period_report import Period, report_period
from ripieno.evidence.run_page import run_page
from ripieno.evidence.run_report import report_run
from ripieno.journal.sql.extract import Extract
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.snapshot import SqliteSnapshot
from ripieno.kernel.forks import fork
from ripieno.kernel.host import Host
from ripieno.kernel.operators import pause, resume
from ripieno.kernel.rollback import roll_back
from ripieno.kernel.tasks import claim, comment, release
from ripieno.retention.erasing import erase

CLERK = human("clerk", role="clerk", title=f"What of {MARK}?")


@tool(effect="write", on_uncertain="retry")
async def refuse(text: str) -> str:
    """Refuse whatever it is given, and say why."""
    msg = f"nothing is done about {text} {MARK}"
    raise ToolError(msg)


@function(pure=True)
async def tries(given: str, context: Context) -> dict[str, Any]:
    """Have a call fail with what it was given, and record a moment and chance."""
    try:
        await context.use(refuse, text=given)
    except ToolError as error:
        return {"said": str(error), "parts": [given] * 40, "at": await context.now()}
    return {}


@function(pure=True)
async def weighs(tries: dict[str, Any]) -> dict[str, Any]:
    return {"of": tries["said"], "found": f"{MARK} weighs much"}


@function(pure=True)
async def hands_on(weighs: Any) -> str:
    return f"{MARK} of {weighs}"


WIDE = Workflow(
    "wide",
    sequential(
        tries,
        weighs.mode("shadow", CLERK),
        human("nurse", role="nurse", title=f"Shall {MARK} go on?"),
        hands_on,
        subworkflow(LETTERS),
    ),
    data=[Data.PHI],
)


async def gone_wide(host: Host) -> tuple[str, str, str]:
    """Run it with everything that people and operators can say; give it, its child run and a fork."""
    store, clock = host.store, host.clock
    run = (await host.start(WIDE, MARK, principal=BOSS, key="case-1")).row.id
    await parked(host, run)
    question = await asked(host, run)
    await claim(store, clock, question, by=BOSS, reason=f"{MARK} is mine")
    (held,) = await store.questions(run=run)
    await comment(store, clock, held, by=BOSS, text=f"{MARK} was here before")
    await release(store, clock, held, by=BOSS, reason=f"{MARK} is not mine")
    await pause(store, clock, await store.run(run), by=BOSS, reason=f"wait for {MARK}")
    await resume(store, clock, await store.run(run), by=BOSS, reason=f"{MARK} came")
    await reply(host, await asked(host, run), {"output": {"of": MARK, "found": MARK}}, by=BOSS, reason=MARK)
    nurse = await asked(host, run, "nurse")
    await reply(host, nurse, {"proceed": True, "note": f"{MARK}!"}, by=BOSS, reason=f"{MARK} agreed")
    while not (children := host.store.descended(run)):
        await host.rest(run)
    child = children[0].id
    await reply(host, await asked(host, child), {"proceed": True, "note": MARK}, by=BOSS, reason=MARK)
    assert (await ended(host, run)).status == "complete"
    other = (await fork(store, clock, await store.run(run), by=BOSS)).id
    await ended(host, other)
    undoing = await roll_back(store, clock, await store.run(child), by=BOSS, reason=f"{MARK} was wrong")
    await host.outcome(undoing.id)
    return run, child, other


async def test_no_way_that_a_value_takes_leaves_a_byte_of_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    async with opened(home, SqliteStore) as store, serving(home, WIDE, LETTERS, store=store) as host:
        run, child, other = await gone_wide(host)
        secrets = await held(host, home)
        assert len(secrets) > 50
        assert clear(home) == [], "nothing of it stands in the clear, as long as it is there"
        assert found_in_files(home, secrets), "the search finds what is there"
        done = await erase(store, await store.run(run), by=BOSS, reason="asked for")
        assert {row.id for row in done.plan.runs} >= {run, child}
        await erase(store, await store.run(other), by=BOSS, reason="asked for")
        assert not found_in_files(home, secrets)
        Rounds(home, Anchoring(sinks=(str(tmp_path / "sink"),))).turn(5)
        told = [await told_of(host, home, one) for one in (run, child, other)]
    back_up(home, tmp_path / "backup", with_keys=True)
    assert not found_in_files(tmp_path, secrets)
    assert not any(MARK in text for one in told for text in one)
    assert checked(home).sound


async def held(host: Host, home: Path) -> list[bytes]:
    """Give the word, and the keys and sealed values of all runs."""
    del host
    with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
        rows = connection.execute(
            "SELECT wrapped FROM runs UNION ALL SELECT sealed FROM payloads"
            " WHERE stream NOT IN (SELECT stream FROM tenants)"
        )
        return [MARK.encode(), *(row[0] for row in rows)]


def clear(home: Path) -> list[str]:
    """Name the columns, of all tables, in which the word stands."""
    found: list[str] = []
    with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            rows = connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - ours
            names = [column[0] for column in rows.description]
            for row in rows:
                texts = ((name, str(value)) for name, value in zip(names, row, strict=True))
                found += [f"{table}.{name}: {text[:200]}" for name, text in texts if MARK in text]
    return found


async def told_of(host: Host, home: Path, run: str) -> list[str]:
    """Give whatever is handed out of a run: reports, an export with values, what a SIEM is told."""
    report = await report_run(host.store, await host.store.run(run))
    period = await report_period(host.store, "default", Period(0, 2**52))
    export, told = io.StringIO(), io.StringIO()
    with Extract(SqliteSnapshot(home)) as log:
        Exporter(log, export, values=True).write()
    write_ocsf(home, told, None, None)
    values = [json.loads(line).get("data", "") for line in export.getvalue().splitlines()]
    assert not any(encoded(MARK) in value for value in values)
    return [
        run_page(report, values=True),
        json.dumps(report.document(), default=str),
        period_page(period),
        export.getvalue(),
        told.getvalue(),
    ]


def encoded(text: str) -> str:
    """Give the middle of a text in base64, as it stands where it begins at a third byte."""
    from base64 import b64encode  # noqa: PLC0415 - only here

    return b64encode(text.encode()).decode()[:16]
