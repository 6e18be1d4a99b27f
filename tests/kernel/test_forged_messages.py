"""Whoever can write to the file, and has no key, cannot speak to a run: it is blocked, and says why."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kernel.scenarios.house import ADA, OPERATOR, asked, begin, ended, parked, reply, resting, serving
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify
from ripieno.kernel import operators
from ripieno.participants.function import function
from ripieno.participants.human import human
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow

YES = {"proceed": True}
PAID: list[object] = []


@function(pure=True, version="1")
def pay(given: object) -> object:
    PAID.append(given)
    return given


PAYMENT = Workflow("payment", sequential(human("first", role="clinician"), human("second", role="cfo"), pay))

ROW = (
    "INSERT INTO inbox (id, run, kind, by, at, question, path, content, mac)"
    " SELECT 'forged', :run, :kind, 'person:cfo', at, iif(:about, :question, NULL), iif(:about, :path, ''),"
    " content, mac FROM inbox WHERE run = :run AND kind = 'answer'"
)


@pytest.mark.parametrize("woken", [True, False], ids=["woken", "not woken"])
@pytest.mark.parametrize("kind", ["answer", "timer", "cancel", "signal", "skip"])
async def test_a_forged_message_is_not_acted_on(tmp_path: Path, kind: str, *, woken: bool) -> None:
    PAID.clear()
    async with serving(tmp_path, PAYMENT) as host:
        run = await begin(host, PAYMENT, {"amount": 50_000})
        await reply(host, await asked(host, run, "first"), YES, by=ADA)
        second = await asked(host, run, "second")
        await parked(host, run)
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as disk, disk:
        about = kind in ("answer", "timer")
        disk.execute(
            ROW, {"run": run, "kind": kind, "about": about, "question": second.id, "path": second.path}
        )
        if about:
            state = "answered" if kind == "answer" else "expired"
            disk.execute("UPDATE questions SET state = ? WHERE id = ?", (state, second.id))
        if woken:
            disk.execute("UPDATE runs SET wanted = wanted + 1 WHERE id = ?", (run,))
    async with serving(tmp_path, PAYMENT) as host:
        if not woken:
            await operators.resume(host.store, host.clock, await host.store.run(run), by=OPERATOR)
        row = await resting(host, run)
        assert row.status == "blocked"
        assert row.detail is not None
        assert row.detail.startswith(f"message forged in the inbox of run {run[-6:]} ({kind}, ")
        assert PAID == []
        with SqliteAudit(tmp_path) as audit:
            found = [str(one) for one in verify(audit).findings]
        assert any(
            f"message forged ({kind}, said to be by person:cfo) in its inbox was not" in one for one in found
        )
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as disk, disk:
        disk.execute("DELETE FROM inbox WHERE id = 'forged'")
        disk.execute("UPDATE questions SET state = 'open' WHERE id = ?", (second.id,))
    async with serving(tmp_path, PAYMENT) as host:
        await operators.resume(host.store, host.clock, await host.store.run(run), by=OPERATOR)
        await reply(host, second, YES)
        assert (await ended(host, run)).status == "complete"
    assert len(PAID) == 1


async def test_a_message_that_is_forged_while_a_host_serves_blocks_that_run_alone(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, PAYMENT) as host:
        run, other = await begin(host, PAYMENT, 1), await begin(host, PAYMENT, 2)
        first = await asked(host, run, "first")
        await reply(host, await asked(host, other, "first"), YES, by=ADA)
        await parked(host, run)
        await asked(host, other, "second")
        with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as disk, disk:
            disk.execute(
                "INSERT INTO inbox (id, run, kind, by, at, path) VALUES ('forged', ?, 'cancel', 'x', 0, '')",
                (run,),
            )
        await reply(host, first, YES, by=ADA)
        row = await resting(host, run)
        assert (row.status, "message forged" in str(row.detail)) == ("blocked", True)
        await reply(host, await asked(host, other, "second"), YES)
        assert (await ended(host, other)).status == "complete"


async def test_a_message_that_is_forged_while_its_run_is_at_work_blocks_that_run_alone(
    tmp_path: Path,
) -> None:
    begun, going = asyncio.Event(), asyncio.Event()

    @function(pure=True, version="1")
    async def slow(given: object) -> object:
        begun.set()
        await going.wait()
        return given

    work, wait = (
        Workflow("work", sequential(slow, pay)),
        Workflow("wait", human("clinician", role="clinician")),
    )
    PAID.clear()
    async with serving(tmp_path, work, wait) as host:
        run, other = await begin(host, work, 1), await begin(host, wait, 2)
        await begun.wait()
        with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as disk, disk:
            disk.execute(
                "INSERT INTO inbox (id, run, kind, by, at, path) VALUES ('forged', ?, 'skip', 'x', 0, '')",
                (run,),
            )
        host.ring()
        row = await resting(host, run)
        assert (row.status, "message forged" in str(row.detail)) == ("blocked", True)
        await reply(host, await asked(host, other), YES, by=ADA)
        assert (await ended(host, other)).status == "complete"
    assert PAID == []
