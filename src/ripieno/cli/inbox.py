"""`ripieno inbox`: what waits for a person, and the person's answer."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.table import Table

from ripieno.cli.board import table_of
from ripieno.cli.exits import Exit
from ripieno.cli.following import Followed, document_of, follow
from ripieno.cli.forms import fill_in
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import TITLE_LIMIT, clean, console, duration, listing, note, write
from ripieno.cli.session import opened, serve_version, serving
from ripieno.cli.settings import Settings
from ripieno.cli.tasks import row_document, show_asked, task_document
from ripieno.journal.records import QuestionRow, QuestionState
from ripieno.journal.store import Store
from ripieno.kernel.clock import MICROSECONDS, SystemClock
from ripieno.kernel.commands import AskedFor, asked_for
from ripieno.kernel.commands import answer as send_answer
from ripieno.model.errors import InputError, NotAllowedError, NotFoundError
from ripieno.model.ids import short

__all__ = ["answer_task", "approve_task", "list_tasks", "reject_task", "show_task"]

NUMBER: Final = re.compile(r"(?:t-)?(\d{1,18})")


def list_tasks(
    *,
    state: QuestionState | None = "open",
    role: str | None = None,
    all: Annotated[bool, Parameter(negative="")] = False,  # noqa: A002 - the option's name
    options: Options = DEFAULTS,
) -> int:
    """List the tasks that wait for a person whose role one holds, the first due first.

    Parameters
    ----------
    state
        open, answered, expired or closed.
    role
        Only tasks for this role.
    all
        Those for other roles as well, without what they are about.

    """
    settings = options.settle()
    tasks: list[Task] = []
    try:
        tasks = asyncio.run(tasks_of(settings, state, role))
    except NotFoundError as error:
        note(str(error))
    shown = [task for task in tasks if all or task.asked is not None]
    write(settings.output, [row_document(task.row, task.asked) for task in shown], table_of_tasks(shown))
    if not tasks:
        note("nothing waits for a person")
    elif state == "open" and shown:
        note(f"ripieno inbox show t-{shown[0].row.number} shows the evidence")
    if len(shown) < len(tasks):
        note(f"for roles that {settings.principal.id} does not hold: {len(tasks) - len(shown)} (--all)")
    return Exit.OK


@dataclass(frozen=True, slots=True)
class Task:
    """A task, with its content where one may see it."""

    row: QuestionRow
    asked: AskedFor | None


async def tasks_of(settings: Settings, state: QuestionState | None, role: str | None) -> list[Task]:
    """Give the tasks there are; only those whose role one holds are opened."""
    async with opened(settings) as store:
        rows = await store.questions(state=state, tenant=settings.principal.tenant)
        return [
            Task(row, asked_for(store, row) if may_see(settings, row) else None)
            for row in rows
            if role is None or row.role == role
        ]


def may_see(settings: Settings, row: QuestionRow) -> bool:
    """Tell whether a task is for a role that one holds."""
    return row.role is None or settings.principal.holds(row.role)


def table_of_tasks(tasks: Sequence[Task]) -> Table | None:
    """Give tasks as a table; None for none."""
    now = SystemClock().now()
    table = listing("task", "run", "role", "waits", "due", "asked for")
    for task in tasks:
        row = task.row
        until = row.answered_at or now
        due = "" if row.due_at is None else f"in {duration(max(0, row.due_at - now) / MICROSECONDS)}"
        waits = duration((until - row.asked_at) / MICROSECONDS)
        title = "(for another role)" if task.asked is None else task.asked.title
        about = clean(title, limit=TITLE_LIMIT, style="dim" if task.asked is None else "")
        table.add_row(f"t-{row.number}", short(row.run), row.role or "", waits, due, about)
    return table if tasks else None


def show_task(task: str, /, *, options: Options = DEFAULTS) -> int:
    """Show a task: what is asked, on what evidence, and the form of the answer.

    Parameters
    ----------
    task
        Such as t-58.

    """
    return asyncio.run(_show(options.settle(), task))


async def _show(settings: Settings, task: str) -> int:
    async with opened(settings) as store:
        asked = await find_task(settings, store, task)
    if settings.output == "table":
        show_asked(console(sys.stdout), asked)
    else:
        write(settings.output, task_document(asked, whole=True), None)
    return Exit.OK


def answer_task(
    task: str,
    answer: str | None = None,
    /,
    *,
    reason: str | None = None,
    options: Options = DEFAULTS,
) -> int:
    """Answer a task by its form, and let the run go on.

    Parameters
    ----------
    task
        Such as t-58.
    answer
        The answer as JSON; without it, the fields of the form are asked for one by one.
    reason
        Why, for the log.

    """
    settings = options.settle()
    value = None if answer is None else parsed(answer)

    def said(asked: AskedFor) -> Any:
        return fill_in(asked) if answer is None else value

    return asyncio.run(_answer(settings, task, said, reason))


def approve_task(
    task: str,
    /,
    *,
    reason: str | None = None,
    note: Annotated[str | None, Parameter(name="--note")] = None,
    options: Options = DEFAULTS,
) -> int:
    """Let the work go on, and show what becomes of it.

    Parameters
    ----------
    task
        Such as t-58.
    reason
        Why, for the log.
    note
        What the next participant should know.

    """
    return asyncio.run(_answer(options.settle(), task, partial(verdict, note, proceed=True), reason))


def reject_task(
    task: str,
    /,
    *,
    reason: str | None = None,
    note: Annotated[str | None, Parameter(name="--note")] = None,
    options: Options = DEFAULTS,
) -> int:
    """Decline; the run ends as escalated, with the reason.

    Parameters
    ----------
    task
        Such as t-58.
    reason
        Why, for the log.
    note
        What the next participant should know.

    """
    return asyncio.run(_answer(options.settle(), task, partial(verdict, note, proceed=False), reason))


async def _answer(settings: Settings, task: str, value: Callable[[AskedFor], Any], reason: str | None) -> int:
    async with opened(settings) as store:
        asked = await find_task(settings, store, task)
        await send_answer(
            store, SystemClock(), asked.row, by=settings.principal, value=value(asked), reason=reason
        )
    note(f"{asked.id} answered by {settings.principal.id}")
    return await go_on(settings, asked.row.run)


async def go_on(settings: Settings, run: str) -> int:
    """Let a run go on until it rests, here unless a live process has it, and show what became of it."""
    async with serving(settings) as host:
        row = await host.store.run(run)
        if not await serve_version(host, row):
            note(
                f"run {short(run)} needs version {row.version[:12]} of {row.workflow}, whose code is not here"
                f"\n  ripieno runs migrate {short(run)} --dry-run shows whether it would go on under today's"
            )
        followed = Followed(row.key or row.workflow, row=row)
        await follow(host.store, [followed], wait_people=False)
        write(settings.output, document_of(followed, row.key or ""), table_of([followed]))
    return Exit.FAILED if followed.status in ("blocked", "failed") else Exit.OK


async def find_task(settings: Settings, store: Store, task: str) -> AskedFor:
    """Give the task that people call `task`; raises `InputError`, `NotFoundError` or `NotAllowedError`."""
    found = NUMBER.fullmatch(task.strip())
    if found is None:
        msg = f"expected a task such as 't-58', got {task!r}"
        raise InputError(msg, remedy="ripieno inbox list shows the tasks there are")
    row = await store.question(int(found[1]))
    run = await store.run(row.run)
    if run.tenant != settings.principal.tenant:
        row = await store.question(0)
    if not may_see(settings, row):
        msg = f"t-{row.number} is for role {row.role!r}; {settings.principal.id} does not hold it"
        raise NotAllowedError(msg)
    return asked_for(store, row)


def parsed(text: str) -> Any:
    """Read an answer given as JSON."""
    try:
        return json.loads(text)
    except ValueError as error:
        msg = f"the answer is not JSON: {error}"
        raise InputError(msg, remedy="""an answer looks like '{"proceed": true}'""") from error


def verdict(text: str | None, asked: AskedFor, *, proceed: bool) -> Mapping[str, Any]:
    """Give the answer of a form that asks whether to proceed; raises `InputError` for any other."""
    fields: Mapping[str, Any] = asked.form.get("properties", {})
    name = next((name for name in ("proceed", "approved", "happened") if name in fields), None)
    if name is None:
        msg = f"{asked.id} asks for more than yes or no"
        raise InputError(msg, remedy=f"ripieno inbox answer {asked.id} fills in its form")
    said: dict[str, Any] = {name: proceed}
    if text is not None:
        said["note"] = text
    return said
