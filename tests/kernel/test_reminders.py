"""People are reminded once at each time, in the log, without waking the run; due times are fixed once."""

from __future__ import annotations

from pathlib import Path

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import ADA, asked, begin, ended, events, parked, reply, serving, snapshot, until
from ripieno.journal.records import QuestionRow, RunRow
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify
from ripieno.kernel import tasks
from ripieno.kernel.absences import set_absence
from ripieno.kernel.clock import MICROSECONDS
from ripieno.kernel.host import Host
from ripieno.kernel.tasks import history
from ripieno.model.principal import Principal
from ripieno.model.working_time import Calendar
from ripieno.participants.human import human, role
from ripieno.workflows.workflow import Workflow

HOUR = 3600
BOSS = Principal("person", "boss", roles=frozenset({"operator"}))

REMINDED = Workflow(
    "reminded",
    human("decides", role="clinician", due="8h", remind=["every 3h", "1h before"], then=role("chief")),
)
OFFICE = Calendar("office", hours={"mon-fri": "09:00-17:00"})
LATER = Calendar("office", hours={"mon-fri": "12:00-13:00"})


def under(calendar: Calendar) -> Workflow:
    return Workflow("by-the-calendar", human("decides", role="clinician", due="16h", calendar=calendar))


async def looked(host: Host) -> None:
    """Let whatever is due happen."""
    await host.store.fire_timers(host.clock.now())


async def reminders(host: Host, row: QuestionRow) -> list[tuple[int, str | None]]:
    """Give when one was reminded, in hours after the task was asked, and who."""
    notes = await history(host.store, row)
    return [
        ((note.at - row.asked_at) // (HOUR * MICROSECONDS), note.to)
        for note in notes
        if note.what == "reminded"
    ]


async def at_rest(host: Host, run: str) -> RunRow:
    row = await parked(host, run)
    assert row.wanted == row.seen
    return row


async def test_reminders_are_given_at_their_times_and_the_run_is_not_woken(tmp_path: Path) -> None:
    clock = HandClock()
    async with serving(tmp_path, REMINDED, clock=clock) as host:
        run = await begin(host, REMINDED)
        row = await asked(host, run)
        await parked(host, run)
    async with serving(tmp_path, clock=clock) as host:  # nobody here has its code: it cannot be woken
        for hour in range(1, 8):
            clock.turn(HOUR)
            await looked(host)
            await looked(host)
            found = await reminders(host, row)
            assert found == [(at, "role:clinician") for at in (3, 6, 7) if at <= hour]
        assert (await at_rest(host, run)).status == "waiting"
        now = await host.store.question(row.number)
        assert (now.reminded, now.remind_at, now.state) == (3, None, "open")
        clock.turn(HOUR)
        await looked(host)
        assert (await host.store.question(row.number)).state == "expired"
    with SqliteAudit(tmp_path) as audit:
        assert verify(audit).sound


async def test_reminders_that_came_due_while_nobody_ran_are_given_once(tmp_path: Path) -> None:
    clock = HandClock()
    async with serving(tmp_path, REMINDED, clock=clock) as host:
        run = await begin(host, REMINDED)
        row = await asked(host, run)
        await parked(host, run)
    clock.turn(6.5 * HOUR)
    async with serving(tmp_path, REMINDED, clock=clock) as host:

        async def reminded() -> bool | None:
            return bool(await reminders(host, row)) or None

        await until(reminded)
        assert await reminders(host, row) == [(6, "role:clinician")]
    async with serving(tmp_path, REMINDED, clock=clock) as host:
        await looked(host)
        assert len(await reminders(host, row)) == 1
        assert (await host.store.question(row.number)).remind_at == row.asked_at + 7 * HOUR * MICROSECONDS
        await reply(host, row, {"proceed": True}, by=ADA)
        assert (await ended(host, run)).status == "complete"
        clock.turn(2 * HOUR)
        await looked(host)
        assert len(await reminders(host, row)) == 1


async def test_of_what_has_expired_meanwhile_nobody_is_reminded(tmp_path: Path) -> None:
    clock = HandClock()
    async with serving(tmp_path, REMINDED, clock=clock) as host:
        run = await begin(host, REMINDED)
        row = await asked(host, run)
        await parked(host, run)
        clock.turn(9 * HOUR)
        await looked(host)
        assert await reminders(host, row) == []
        chief = await asked(host, run)
    assert (chief.role, chief.remind_at) == ("chief", clock.now() + 3 * HOUR * MICROSECONDS)


async def test_whoever_has_the_task_is_reminded_or_who_stands_in(tmp_path: Path) -> None:
    clock = HandClock()
    async with serving(tmp_path, REMINDED, clock=clock) as host:
        run = await begin(host, REMINDED)
        row = await asked(host, run)
        await parked(host, run)
        await tasks.claim(host.store, clock, row, by=ADA)
        clock.turn(3 * HOUR)
        await looked(host)
        later = clock.now() + HOUR * MICROSECONDS
        await set_absence(
            host.store, clock, by=BOSS, person="ada", substitute="bob", from_at=later, until_at=2 * later
        )
        clock.turn(3 * HOUR)
        await looked(host)
        assert await reminders(host, row) == [(3, "person:ada"), (6, "person:bob")]


async def test_a_reminder_survives_the_power_cut_that_follows_it_and_is_not_given_again(
    tmp_path: Path,
) -> None:
    clock = HandClock()
    async with serving(tmp_path / "one", REMINDED, clock=clock) as host:
        run = await begin(host, REMINDED)
        row = await asked(host, run)
        await parked(host, run)
        before = snapshot(tmp_path / "one", tmp_path / "before")
        clock.turn(3 * HOUR)
        await looked(host)
        after = snapshot(tmp_path / "one", tmp_path / "after")
    for home in (before, after):
        async with serving(home, REMINDED, clock=clock) as host:
            await looked(host)
            await looked(host)
            assert await reminders(host, row) == [(3, "role:clinician")]
            await reply(host, row, {"proceed": True}, by=ADA)
            assert (await ended(host, run)).status == "complete"


async def test_a_due_time_is_reckoned_once_whatever_becomes_of_the_calendar(tmp_path: Path) -> None:
    clock = HandClock()  # a Friday morning, 08:00 UTC
    old, new = under(OFFICE), under(LATER)
    async with serving(tmp_path, old, clock=clock) as host:
        run = await begin(host, old)
        row = await asked(host, run)
        await parked(host, run)
        assert row.due_at == clock.now() + (3 * 24 + 9) * HOUR * MICROSECONDS
        await host.enter(new, BOSS)
        await host.store.declare_compatible("default", old.version, new.version, "person:boss")
    clock.turn(24 * HOUR)
    async with serving(tmp_path, new, clock=clock) as host:
        await tasks.comment(host.store, clock, row, by=ADA, text="still looking")
        again = await asked(host, run)
        assert (again.number, again.due_at) == (row.number, row.due_at)
        await reply(host, again, {"proceed": True}, by=ADA)
        assert (await ended(host, run)).status == "complete"
        (put,) = await events(host, run, "asked")
    assert (put.body["due"], put.body["calendar"]) == (row.due_at, "office")
