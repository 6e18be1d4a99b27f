"""`ripieno inbox claim|release|delegate|reassign|comment`: who has a task, and what they say of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from ripieno.cli.exits import Exit
from ripieno.cli.inbox import find_row
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, duration, listing, note, write
from ripieno.cli.runs.listing import when
from ripieno.cli.session import opened
from ripieno.cli.settings import Settings
from ripieno.cli.tasks import row_document, whom
from ripieno.journal.records import QuestionRow
from ripieno.journal.store import Store
from ripieno.kernel import tasks
from ripieno.kernel.addressees import address
from ripieno.kernel.clock import MICROSECONDS, Clock, SystemClock
from ripieno.kernel.tasks import Moved, TaskFilter
from ripieno.model.errors import InputError
from ripieno.model.ids import short

__all__ = [
    "claim_task",
    "comment_task",
    "delegate_task",
    "reassign_all_tasks",
    "reassign_task",
    "release_task",
]

Act = Callable[[Store, Clock, QuestionRow], Awaitable[QuestionRow]]


def claim_task(
    task: str,
    /,
    *,
    take_over: Annotated[bool, Parameter(negative="")] = False,
    reason: str | None = None,
    options: Options = DEFAULTS,
) -> int:
    """Take a task, so that others leave it to you.

    Parameters
    ----------
    task
        Such as t-58.
    take_over
        Also from somebody who has claimed it.
    reason
        Why, for the log.

    """
    settings = options.settle()

    async def act(store: Store, clock: Clock, row: QuestionRow) -> QuestionRow:
        by = settings.principal
        return await tasks.claim(store, clock, row, by=by, take_over=take_over, reason=reason)

    return asyncio.run(_act(settings, task, act, "claimed by {by}"))


def release_task(task: str, /, *, reason: str | None = None, options: Options = DEFAULTS) -> int:
    """Give a task back to those it is for; a delegated one to whoever delegated it.

    Parameters
    ----------
    task
        Such as t-58.
    reason
        Why, for the log.

    """
    settings = options.settle()

    async def act(store: Store, clock: Clock, row: QuestionRow) -> QuestionRow:
        return await tasks.release(store, clock, row, by=settings.principal, reason=reason)

    return asyncio.run(_act(settings, task, act, "given back"))


def delegate_task(task: str, to: str, /, *, reason: str | None = None, options: Options = DEFAULTS) -> int:
    """Let another person do what you hold; the answer counts as given for you.

    Parameters
    ----------
    task
        Such as t-58.
    to
        The person, such as bob.
    reason
        Why, for the log.

    """
    settings = options.settle()

    async def act(store: Store, clock: Clock, row: QuestionRow) -> QuestionRow:
        return await tasks.delegate(store, clock, row, by=settings.principal, to=to, reason=reason)

    return asyncio.run(_act(settings, task, act, f"delegated to {address(to)}"))


def reassign_task(task: str, to: str, /, *, reason: str, options: Options = DEFAULTS) -> int:
    """Give a task to another role or person for good.

    Parameters
    ----------
    task
        Such as t-58.
    to
        Such as bob, person:bob or role:nurse.
    reason
        Why, for the log.

    """
    settings = options.settle()

    async def act(store: Store, clock: Clock, row: QuestionRow) -> QuestionRow:
        return await tasks.reassign(store, clock, row, by=settings.principal, to=to, reason=reason)

    return asyncio.run(_act(settings, task, act, f"reassigned to {address(to)}"))


def comment_task(task: str, text: str, /, *, options: Options = DEFAULTS) -> int:
    """Add a remark that everybody sees whom the task concerns.

    Parameters
    ----------
    task
        Such as t-58.
    text
        What is to be known.

    """
    settings = options.settle()

    async def act(store: Store, clock: Clock, row: QuestionRow) -> QuestionRow:
        return await tasks.comment(store, clock, row, by=settings.principal, text=text)

    return asyncio.run(_act(settings, task, act, "comment added"))


async def _act(settings: Settings, task: str, act: Act, done: str) -> int:
    async with opened(settings) as store:
        row = await act(store, SystemClock(), await find_row(settings, store, task))
    note(f"t-{row.number} {done.replace('{by}', settings.principal.id)}")
    if settings.output != "table":
        write(settings.output, row_document(row, None), None)
    return Exit.OK


# -- many at once ----------------------------------------------------------------------------------------


def reassign_all_tasks(
    to: str,
    /,
    *,
    reason: str,
    role: str | None = None,
    person: str | None = None,
    workflow: str | None = None,
    older: str | None = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> int:
    """Reassign every open task that fits; at least one condition has to be given.

    Parameters
    ----------
    to
        Such as bob, person:bob or role:nurse.
    reason
        Why, for the log.
    role
        Tasks for this role.
    person
        Tasks for this person, or claimed by them.
    workflow
        Tasks of runs of this workflow.
    older
        Asked longer ago than this, such as 2d, or before a time such as 2026-11-22T17:00.
    dry_run
        Only show which.

    """
    settings = options.settle()
    wanted = TaskFilter(
        role=role,
        person=None if person is None else address(person),
        workflow=workflow,
        asked_before=None if older is None else when(older),
    )
    if wanted == TaskFilter():
        msg = "which tasks? give --role, --person, --workflow or --older"
        raise InputError(msg)
    return asyncio.run(_reassign_all(settings, wanted, address(to), reason, dry_run=dry_run))


async def _reassign_all(
    settings: Settings, wanted: TaskFilter, to: str, reason: str, *, dry_run: bool
) -> int:
    async with opened(settings) as store:
        by = settings.principal
        if dry_run:
            moved: Sequence[Moved] = [Moved(row) for row in await tasks.selected(store, by.tenant, wanted)]
        else:
            moved = await tasks.reassign_all(store, SystemClock(), wanted, by=by, to=to, reason=reason)
    documents = [
        {**row_document(one.row, None), "error": None if one.error is None else one.error.message}
        for one in moved
    ]
    write(settings.output, documents, table_of(moved))
    failed = sum(one.error is not None for one in moved)
    count = len(moved) - failed
    tasks_ = f"{count} task{'' if count == 1 else 's'}"
    note(f"would reassign {tasks_} to {to}" if dry_run else f"reassigned {tasks_} to {to}")
    if failed:
        note(f"{failed} stayed where they were")
    return Exit.FAILED if failed else Exit.OK


def table_of(moved: Sequence[Moved]) -> Table | None:
    """Give the tasks that were, or would be, reassigned."""
    now = SystemClock().now()
    table = listing("task", "run", "with", "waits", "")
    for one in moved:
        row = one.row
        waits = duration((now - row.asked_at) / MICROSECONDS)
        why = "" if one.error is None else one.error.message
        table.add_row(f"t-{row.number}", short(row.run), clean(whom(row)), waits, clean(why))
    return table if moved else None
