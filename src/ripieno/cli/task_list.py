"""`ripieno inbox list`: the tasks that wait for people, by whose they are and when they are due."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from cyclopts import Parameter
from rich.table import Table

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import TITLE_LIMIT, clean, duration, listing, note, write
from ripieno.cli.session import opened
from ripieno.cli.settings import Settings
from ripieno.cli.tasks import in_words, row_document, whom
from ripieno.identity.reading import is_open, read_runs
from ripieno.journal.records import QuestionState
from ripieno.kernel.addressees import Standing, standings
from ripieno.kernel.clock import MICROSECONDS, SystemClock
from ripieno.kernel.commands import AskedFor, asked_for
from ripieno.model.errors import NotFoundError
from ripieno.model.ids import short

__all__ = ["list_tasks"]


def list_tasks(
    *,
    state: QuestionState | None = None,
    role: str | None = None,
    mine: Annotated[bool, Parameter(negative="")] = False,
    claimed: bool | None = None,
    overdue: Annotated[bool, Parameter(negative="")] = False,
    workflow: str | None = None,
    all: Annotated[bool, Parameter(negative="")] = False,  # noqa: A002 - the option's name
    options: Options = DEFAULTS,
) -> int:
    """List the tasks that wait for a person whom they concern: oneself, the first due first.

    Whoever holds the role break-glass sees the approvals as well that they could give in an emergency.

    Parameters
    ----------
    state
        open, answered, expired or closed; open unless given.
    role
        Only tasks for this role.
    mine
        Only what is one's own: by name, by claim, or standing in for somebody who is away.
    claimed
        Only what somebody has claimed; --no-claimed what nobody has.
    overdue
        Only what was not answered in time.
    workflow
        Only tasks of runs of this workflow.
    all
        Those for others as well, without what they are about.

    """
    settings = options.settle()
    wanted = Wanted(state, role, mine=mine, claimed=claimed, overdue=overdue, workflow=workflow)
    tasks: list[Task] = []
    try:
        tasks = asyncio.run(tasks_of(settings, wanted))
    except NotFoundError as error:
        note(str(error))
    shown = [task for task in tasks if all or task.concerns]
    write(settings.output, [row_document(task.now.row, task.asked) for task in shown], table_of_tasks(shown))
    first = next((task.now.row for task in shown if task.asked is not None), None)
    if not tasks:
        note("nothing waits for a person" if wanted == EVERYTHING else "no task fits")
    elif first is not None and first.state == "open":
        note(f"ripieno inbox show t-{first.number} shows the evidence")
    if len(shown) < len(tasks):
        others = len(tasks) - len(shown)
        note(f"for others or roles that {settings.principal.id} does not hold: {others} (--all)")
    return Exit.OK


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tasks to list."""

    state: QuestionState | None
    role: str | None
    mine: bool
    claimed: bool | None
    overdue: bool
    workflow: str | None

    def fits(self, now: Standing, at: int) -> bool:
        """Tell whether a task is meant."""
        row = now.row
        return (
            (self.role is None or row.role == self.role)
            and (self.workflow is None or now.run.workflow == self.workflow)
            and (self.claimed is None or self.claimed == (row.claimed_by is not None))
            and (not self.mine or now.holds)
            and (not self.overdue or row.state == "expired" or (row.due_at is not None and row.due_at < at))
        )


EVERYTHING: Final = Wanted(None, None, mine=False, claimed=None, overdue=False, workflow=None)


@dataclass(frozen=True, slots=True)
class Task:
    """A task, with its content where one has a part in it and may be shown what its run holds."""

    now: Standing
    asked: AskedFor | None

    @property
    def concerns(self) -> bool:
        """True for whoever may do it, and for an approval that they could give in an emergency."""
        asks = self.asked is None or self.asked.asks is not None  # an effect rule's no emergency passes
        return self.now.may_see or (self.now.may_pass and self.now.row.state == "open" and asks)


async def tasks_of(settings: Settings, wanted: Wanted) -> list[Task]:
    """Give the tasks there are; only those that concern one are opened."""
    async with opened(settings) as store:
        at, by = SystemClock().now(), settings.principal
        states: Sequence[QuestionState] = [wanted.state or "open"]
        if wanted.overdue and wanted.state is None:
            states = ["open", "expired"]
        rows = [row for state in states for row in await store.questions(state=state, tenant=by.tenant)]
        found = [now for now in await standings(store, rows, by, at) if wanted.fits(now, at)]
        meant = {now.row.id for now in found if now.may_see or now.may_pass}
        seen = {now.run.id: now.run for now in found if now.row.id in meant}
        shown = {run: row for run, row in seen.items() if await is_open(store, row, "inbox list", by)}
        await read_runs(store, shown.values(), "inbox list", by=by)
        return [
            Task(now, asked_for(store, now.row) if now.row.id in meant and now.run.id in shown else None)
            for now in found
        ]


def table_of_tasks(tasks: Sequence[Task]) -> Table | None:
    """Give tasks as a table; None for none."""
    now = SystemClock().now()
    table = listing("task", "run", "with", "waits", "due", "asked for")
    for task in tasks:
        row = task.now.row
        due = "" if row.due_at is None else in_words(row.due_at, row.answered_at or now)
        waits = duration(((row.answered_at or now) - row.asked_at) / MICROSECONDS)
        kept_back = "(not to be shown to you)" if task.concerns else "(for somebody else)"
        title = kept_back if task.asked is None else task.asked.title
        about = clean(title, limit=TITLE_LIMIT, style="dim" if task.asked is None else "")
        table.add_row(
            f"t-{row.number}", short(row.run), clean(whom(row, task.now.now_with)), waits, due, about
        )
    return table if tasks else None
