"""The drill: work is backed up, goes on, its data folder is lost; once restored, nothing is done twice."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.elsewhere import Elsewhere
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    OPERATOR,
    asked,
    begin,
    contents,
    ended,
    events,
    opened,
    reply,
    resting,
    serving,
)
from ripieno.anchoring.backup import back_up
from ripieno.anchoring.restore import Restored, restore
from ripieno.anchoring.rounds import Rounds
from ripieno.anchoring.settings import Anchoring
from ripieno.connectors.tool import tool
from ripieno.evidence.period_page import period_page
from ripieno.evidence.period_report import Period, report_period
from ripieno.evidence.restored import restores_of
from ripieno.evidence.run_page import run_page
from ripieno.evidence.run_report import report_run
from ripieno.evidence.telling import tell
from ripieno.journal.records import QuestionRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify
from ripieno.kernel.host import Host
from ripieno.kernel.tasks import comment
from ripieno.model.participant import Context
from ripieno.participants.function import Function
from ripieno.participants.human import Human
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow

FORM = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
"""What the nurse is asked, who lets the work go on."""

SETTLED = 31
"""Seconds after a restore in which a call that was lost could still have been under way."""


@dataclass
class Drill:
    """A house with three systems elsewhere, one for each way in which a call in doubt is settled."""

    folder: Path
    clock: HandClock = field(default_factory=HandClock)
    retried: Elsewhere = field(default_factory=Elsewhere)
    verified: Elsewhere = field(default_factory=Elsewhere)
    asked_for: Elsewhere = field(default_factory=Elsewhere)

    def __post_init__(self) -> None:
        self.home, self.backup, self.sink = (self.folder / name for name in ("home", "backup", "sink"))
        one = tool(self.retried.book, name="one", on_uncertain="retry")
        two = tool(self.verified.book, name="two", on_uncertain=self.verified.find)
        three = tool(self.asked_for.book, name="three", on_uncertain="ask")

        async def act(given: object, context: Context) -> object:
            del given
            return [await context.use(each, what=each.name) for each in (one, two, three)]

        self.workflow = Workflow(
            "drill",
            sequential(
                Function(act, name="before", pure=True),
                Human(name="nurse", role="nurse", form=FORM),
                Function(act, name="after", pure=True),
            ),
            owner="house",
            purpose="practise",
        )

    @property
    def systems(self) -> tuple[Elsewhere, Elsewhere, Elsewhere]:
        return self.retried, self.verified, self.asked_for

    def settings(self) -> Anchoring:
        return Anchoring(1, "example.com/drill", (str(self.sink),))

    def sign(self) -> None:
        done = Rounds(self.home, self.settings(), self.clock).turn(5)
        assert done is None or not done.failures

    async def up_to_the_nurse(self) -> str:
        async with serving(self.home, self.workflow, clock=self.clock) as host:
            run = await begin(host, self.workflow)
            await asked(host, run, "nurse")
            await resting(host, run)
            self.sign()
            back_up(self.home, self.backup, with_keys=True, clock=self.clock, origin="example.com/drill")
        return run

    async def answered(self, host: Host, run: str) -> None:
        await reply(host, await asked(host, run, "nurse"), {"ok": True})

    async def disaster(self, **options: Any) -> Restored:
        shutil.rmtree(self.home)
        done = await asyncio.to_thread(
            restore,
            self.backup,
            self.home,
            by="person:op",
            sinks=[str(self.sink)],
            clock=self.clock,
            **options,
        )
        self.clock.turn(SETTLED)
        return done

    def report(self) -> str:
        with SqliteAudit(self.home) as log:
            return str(verify(log))


async def question(host: Host, run: str, part: str) -> QuestionRow:
    return await asked(host, run, f"{part}/uncertain/1")


@pytest.mark.parametrize("went_on", [True, False], ids=["all done after the backup", "nothing done after it"])
async def test_after_a_disaster_each_tool_is_called_once_in_all_or_a_person_decides(
    tmp_path: Path, *, went_on: bool
) -> None:
    drill = Drill(tmp_path)
    run = await drill.up_to_the_nurse()
    if went_on:
        async with serving(drill.home, drill.workflow, clock=drill.clock) as host:
            await drill.answered(host, run)
            first = await ended(host, run)
            assert [len(system.booked) for system in drill.systems] == [2, 2, 2]
        drill.sign()
    done = await drill.disaster()
    assert (list(done.runs), done.tasks) == ([run], 1)
    assert (done.restore.lost > 0) == went_on
    async with serving(drill.home, drill.workflow, clock=drill.clock) as host:
        await drill.answered(host, run)  # whom nobody has asked before, as far as the log knows
        doubtful = await question(host, run, "after@1/tool/3")
        said = contents(
            host,
            [e for e in await events(host, run, "asked") if e.body["what"] == "uncertain"][-1],
            "content",
        )
        assert "put back from a backup" in said["about"]["restored"]
        assert len(drill.asked_for.calls) == (2 if went_on else 1), "nothing was sent before a person said so"
        await reply(host, doubtful, {"happened": went_on, "result": "three #2"})
        outcome = await ended(host, run)
        await told_as_restored(host, run, went_on=went_on)
    assert outcome.status == "complete"
    assert [len(system.booked) for system in drill.systems] == [2, 2, 2]
    if went_on:
        assert outcome.output == first.output  # pyright: ignore[reportPossiblyUnboundVariable] - bound where it is
        assert [len(system.calls) for system in drill.systems] == [3, 2, 2]
        assert len(set(drill.retried.keys)) == 2, "called again under the same key"
    else:
        assert [len(system.calls) for system in drill.systems] == [2, 2, 2]


async def told_as_restored(host: Host, run: str, *, went_on: bool) -> None:
    """Whoever looks at the run is told of the restore, and which effects were in doubt by it."""
    (one,) = (await tell(host.store, run)).restored
    made = "had been made" if went_on else "had not been made"
    assert [(effect.path, effect.tool, effect.known) for effect in one.effects] == [
        ("sequential@1/after@1/tool/1", "one", "called again under the same key"),
        ("sequential@1/after@1/tool/2", "two", f"{made}, says the other system"),
        ("sequential@1/after@1/tool/3", "three", f"{made}, says {OPERATOR.id}"),
    ]
    assert "by person:op from the backup of 20" in str(one)
    assert host.store.restored([run]) == {run}
    page = run_page(await report_run(host.store, await host.store.run(run)), values=False)
    assert "## Restored from a backup" in page
    assert f"{made}, says the other system" in page
    period = await report_period(host.store, "default", Period(0, 2**52))
    (log,) = period.restores
    assert (log.by, log.runs, log.compared, log.told_by) == ("person:op", 1, True, 1)
    assert "Restored from backups" in period_page(period)
    assert log.restore == one.restore


async def test_a_log_that_was_never_put_back_has_nothing_to_tell_of_it(tmp_path: Path) -> None:
    drill = Drill(tmp_path)
    run = await drill.up_to_the_nurse()
    async with opened(drill.home, SqliteStore) as store:
        assert store.restored([run]) == frozenset()
        assert (await restores_of(store), (await tell(store, run)).restored) == ([], [])


async def test_a_restored_log_is_sound_signed_on_and_says_what_was_lost(tmp_path: Path) -> None:
    drill = Drill(tmp_path)
    run = await drill.up_to_the_nurse()
    async with serving(drill.home, drill.workflow, clock=drill.clock) as host:
        await drill.answered(host, run)
        await ended(host, run)
    drill.sign()
    lost_note = (drill.home / "checkpoint.latest").read_text()
    done = await drill.disaster()
    assert f"{done.restore.lost} events lost for certain" in drill.report()
    assert "sound" in drill.report()
    drill.sign()
    newest = max(file.name for file in drill.sink.iterdir())
    assert int(newest.partition(".")[0]) > done.restore.known, "no size is signed twice"
    report = drill.report()
    assert ("sound" in report, "nothing after it" in report) == (True, True), report
    with SqliteAudit(drill.home) as log:
        handed_in = verify(log, checkpoints=[lost_note])
    assert handed_in.sound
    assert any("lost for certain" in line for line in handed_in.restored)


async def test_a_restored_run_has_a_new_epoch_and_whoever_is_asked_is_told(tmp_path: Path) -> None:
    drill = Drill(tmp_path)
    run = await drill.up_to_the_nurse()
    async with opened(drill.home, SqliteStore) as store:
        before = await store.run(run)
    await drill.disaster()
    async with opened(drill.home, SqliteStore) as store:
        after = await store.run(run)
        kinds = [event.kind for event in await store.events(run)]
        told = (await store.events(run))[-1]
        said = store.payload(run, told.body["content"]).decode()
    assert (after.status, after.owner) == ("waiting", None)
    assert after.epoch > before.epoch
    assert kinds[-2:] == ["run.restored", "task"]
    assert "has to be given again" in said
    assert comment  # the remark is one as anybody could make it
