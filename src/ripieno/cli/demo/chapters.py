"""The chapters after the first: a clinician decides, a worker is killed, a byte is changed."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

from rich.console import RenderableType
from rich.rule import Rule
from rich.text import Text

from ripieno.blueprints.hospital_discharge import workflow
from ripieno.blueprints.hospital_discharge.systems import LocalSystems, systems_at, systems_path
from ripieno.cli.board import Board, table_of
from ripieno.cli.demo.crash import PATIENT
from ripieno.cli.demo.crash import command as doomed_worker
from ripieno.cli.demo.tampering import copied, tamper
from ripieno.cli.following import Followed, follow
from ripieno.cli.output import clean, console, listing, show
from ripieno.cli.session import opened, serving
from ripieno.cli.settings import Settings
from ripieno.cli.tasks import show_asked
from ripieno.cli.worker import worker_command
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import Report, verify
from ripieno.kernel.commands import answer
from ripieno.model.errors import RipienoError
from ripieno.model.ids import short
from ripieno.model.principal import Principal

__all__ = ["Stage", "byte_changed", "clinician_decides", "nearby", "worker_killed"]

PATIENCE_SECONDS: Final = 60


class Stage:
    """Where the story is shown: on stdout, or on stderr where stdout is for programs."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stream = sys.stdout if settings.output == "table" else sys.stderr
        self.screen = console(self.stream)

    def title(self, text: str) -> None:
        """Show what this is."""
        self.screen.print(Text(text, style="bold"))

    def chapter(self, number: str, text: str) -> None:
        """Begin a chapter."""
        self.screen.print()
        if self.screen.is_terminal:
            self.screen.print(
                Rule(Text(f"{number}  {text}".strip(), style="bold"), align="left", style="dim")
            )
        else:
            self.screen.print(Text(f"{number}  {text}".strip()))

    def say(self, text: str, *, strong: bool = False) -> None:
        """Say something, in full lines."""
        self.screen.print(Text(text, style="bold" if strong else ""), soft_wrap=not self.screen.is_terminal)

    def show(self, what: RenderableType) -> None:
        """Show a table under its chapter."""
        show(self.screen, what)

    def command(self, text: str) -> str:
        """Give a command as it can be typed here."""
        name = "ripieno" if shutil.which("ripieno") else nearby(Path(sys.argv[0]))
        usual = not self.settings.origins["home"].source.startswith("--")
        return f"{name} {text}" if usual else f"{name} {text} --home {nearby(self.settings.home)}"


def nearby(path: Path) -> str:
    """Give a path from here, where that is shorter."""
    absolute = path.absolute()
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else str(path)


async def clinician_decides(stage: Stage, case: Followed) -> None:
    """Chapter 2: the evidence, an answer, and the run goes on."""
    stage.chapter("2", f"{case.name} waits for a clinician, who sees the evidence")
    asked = case.asked[0]
    show_asked(stage.screen, asked, hints=False)
    tenant = stage.settings.principal.tenant
    clinician = Principal("person", "demo-clinician", tenant, frozenset({"clinician"}))
    stage.say(
        f"\nIn the demonstration nobody is asked: it approves {asked.id} itself, as {clinician.id} with the"
        ' role clinician, for the reason "INR 2.6, stop naproxen". Waiting costs a run nothing.\n'
    )
    async with serving(stage.settings) as host:
        host.register(workflow)
        said = {"proceed": True, "note": "stop naproxen, use paracetamol"}
        reason = "INR 2.6, stop naproxen"
        await answer(host.store, host.clock, asked.row, by=clinician, value=said, reason=reason)
        case.settled = False
        await follow(host.store, [case], wait_people=False)
    stage.show(table_of([case]))
    arranged(stage, case)


def arranged(stage: Stage, case: Followed) -> None:
    """Say what was arranged in the hospital's systems."""
    package: dict[str, Any] = case.outcome.output if case.outcome else {}
    table = listing("", "", "")
    for visit in package.get("visits", ()):
        table.add_row(Text(visit["visit"], style="bold"), visit["clinic"], visit["at"].replace("T", " ")[:16])
    asked = package.get("preauthorisation")
    if asked:
        amount = f"{asked['amount']} {asked['currency']}"
        table.add_row(Text(asked["preauthorisation"], style="bold"), asked["payer"], amount)
    stage.say("\nArranged for the patient:")
    stage.show(table)


async def worker_killed(stage: Stage) -> Followed:
    """Chapter 4: killed between the booking and its record, and started again."""
    stage.chapter("4", "A worker is killed in the middle of a booking")
    run, visit = await booked_and_killed(stage)
    stage.say(
        "Another worker starts. It finds the intent, waits until the call can no longer arrive, and asks."
    )
    async with opened(stage.settings) as store:
        case = Followed(f"{PATIENT}, again", row=await store.run(run))
        worker = await started(*worker_command(stage.settings.home, "--until-idle"))
        with Board([case], stream=stage.stream) as board:
            following = follow(store, [case], wait_people=False, look=board.look)
            await followed_to_the_end(following, worker)
        await worker.wait()
    stage.show(table_of([case]))
    calls_received(stage, systems_at(systems_path()), run, visit)
    return case


async def booked_and_killed(stage: Stage) -> tuple[str, str]:
    """Let a worker book a visit and kill it before it can record that; give run and visit."""
    doomed = await started(*doomed_worker(stage.settings.home))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            run = await told(doomed, "run")
            stage.say(
                f"\nProcess {doomed.pid} takes up run {short(run)} and asks the scheduling system to book."
            )
            visit = await told(doomed, "booked")
    finally:
        os.kill(doomed.pid, signal.SIGKILL)
    status = await doomed.wait()
    stage.say(
        f"{visit} is booked there. Before process {doomed.pid} can record it, it is killed"
        f" ({signal.Signals(-status).name}): the log has the intent, and no result."
    )
    return run, visit


async def started(*command: str) -> Process:
    """Start a process of our own."""
    return await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)


async def told(process: Process, word: str) -> str:
    """Wait until a process says `word`, and give what it says with it."""
    assert process.stdout is not None, "it was piped"
    assert process.stderr is not None, "it was piped"
    line = (await process.stdout.readline()).decode().split()
    if not line or line[0] != word:
        msg = f"the worker of the demonstration ended early: {(await process.stderr.read()).decode().strip()}"
        raise RipienoError(msg)
    return line[1]


async def followed_to_the_end(following: Coroutine[None, None, None], worker: Process) -> None:
    """Follow a run until it rests; raises `RipienoError` when its worker ends without it."""
    task = asyncio.create_task(following)
    ended = asyncio.create_task(worker.wait())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.wait([task, ended], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait([task], timeout=2)
    finally:
        ended.cancel()
    if not task.done():
        task.cancel()
        assert worker.stderr is not None, "it was piped"
        msg = f"the second worker did not finish the run: {(await worker.stderr.read()).decode().strip()}"
        raise RipienoError(msg)
    task.result()


def calls_received(stage: Stage, systems: LocalSystems, run: str, visit: str) -> None:
    """Show what the scheduling system was asked, and what it holds."""
    calls = [call for call in systems.calls() if call.run == run and call.system == "scheduling"]
    table = listing("received", "call", "answer", "")
    seen = 0
    for call in calls:
        about = ""
        if call.answer == visit:
            seen += 1
            about = (
                "its caller was killed" if seen == 1 else "asked instead of booking again: it knows the key"
            )
        at = f"{call.received_at.astimezone():%H:%M:%S.%f}"[:-3]
        table.add_row(Text(at, style="dim"), call.operation, Text(call.answer, style="bold"), clean(about))
    stage.say("\nWhat the scheduling system received for this run:")
    stage.show(table)
    keys = {call.key for call in calls if call.answer == visit}
    made = [item for item in systems.scheduling.visits() if item.key in keys and item.status == "booked"]
    count = f"{len(made)} appointment, not two." if len(made) == 1 else f"{len(made)} appointments!"
    where = f" {made[0].visit}, {made[0].clinic}, {made[0].at:%a %d %b %H:%M}." if made else ""
    stage.screen.print()
    stage.screen.print(Text(f"{count}", style="bold green" if len(made) == 1 else "bold red") + Text(where))


def byte_changed(stage: Stage, case: Followed) -> None:
    """Chapter 5: one digit of one event, in a copy of the data folder."""
    assert case.row is not None, "it was started"
    stage.chapter("5", "One byte of the log is changed, in a copy of the data folder")
    folder = copied(stage.settings.home)
    changed = tamper(folder, case.row.id)
    stage.say(
        f"Event {changed.seq} of run {short(case.row.id)} says reconciliation was {changed.before} sure;"
        f" the copy says {changed.after}, as if nobody had to be asked. The event after it names its hash.\n"
    )
    for home, about in ((folder, "the copy"), (stage.settings.home, "the data folder itself")):
        with SqliteAudit(home) as log:
            report = verify(log)
        verdict(stage, f"ripieno audit verify --home {nearby(home)}", about, report)


def verdict(stage: Stage, command: str, about: str, report: Report) -> None:
    """Show what a verification found."""
    stage.screen.print(Text.assemble((f"$ {command}", "dim"), f"    {about}"), soft_wrap=True)
    first, *found = str(report).splitlines()
    stage.show(clean(first, style="bold green" if report.sound else "bold red"))
    for line in found:
        stage.show(clean("  " + line.strip()))
