"""`ripieno inbox show|answer|approve|reject`: one task, and the person's answer."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from ripieno.cli.board import table_of
from ripieno.cli.exits import Exit
from ripieno.cli.following import Followed, check_shown, document_of, follow
from ripieno.cli.forms import fill_in
from ripieno.cli.loops import run_through
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import console, note, write
from ripieno.cli.session import code_of, opened, serve_version, serving
from ripieno.cli.settings import Settings
from ripieno.cli.tasks import show_asked, task_document
from ripieno.identity.reading import is_open, read_run
from ripieno.journal.records import QuestionRow
from ripieno.journal.store import Store
from ripieno.kernel.addressees import standing
from ripieno.kernel.allowed import refusing
from ripieno.kernel.approving import USABLE_SECONDS, task_of
from ripieno.kernel.approving import WORKFLOW as COMMAND
from ripieno.kernel.clock import SystemClock
from ripieno.kernel.commands import AskedFor, asked_for
from ripieno.kernel.commands import answer as send_answer
from ripieno.kernel.emergency import break_glass as use_break_glass
from ripieno.kernel.tasks import history
from ripieno.model.errors import InputError
from ripieno.model.ids import short

if TYPE_CHECKING:
    from ripieno.kernel.host import Host

__all__ = ["answer_task", "approve_task", "find_row", "reject_task", "show_task"]

NUMBER: Final = re.compile(r"(?:t-)?(\d{1,18})")


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
        now = await standing(store, asked.row, settings.principal, SystemClock().now())
        await read_run(store, now.run, "inbox show", by=settings.principal)
        notes = await history(store, asked.row)
    if settings.output == "table":
        show_asked(console(sys.stdout), asked, now_with=now.now_with, notes=notes)
    else:
        write(settings.output, task_document(asked, whole=True, notes=notes), None)
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

    return run_through(_answer(settings, task, said, reason))


def approve_task(
    task: str,
    /,
    *,
    reason: str | None = None,
    note: Annotated[str | None, Parameter(name="--note")] = None,
    vouch: Annotated[list[str] | None, Parameter(name="--vouch", negative=())] = None,
    break_glass: Annotated[bool, Parameter(name="--break-glass", negative=())] = False,
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
    vouch
        What you vouch for in the rest of the run, as `inbox show` offers it: `recipient`, `source 12`. May
        be given several times.
    break_glass
        In an emergency, in the stead of those whom a policy asks; needs a reason, and is reviewed.

    """
    if break_glass and vouch:
        msg = "a break of the glass lets one act pass, and vouches for nothing"
        raise InputError(msg, remedy="leave --vouch out")
    if break_glass:
        return run_through(_break_glass(options.settle(), task, reason or ""))
    answering = partial(verdict, note, proceed=True, vouch=vouch or ())
    return run_through(_answer(options.settle(), task, answering, reason))


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
    return run_through(_answer(options.settle(), task, partial(verdict, note, proceed=False), reason))


async def _answer(settings: Settings, task: str, value: Callable[[AskedFor], Any], reason: str | None) -> int:
    async with opened(settings) as store:
        asked = await find_task(settings, store, task)
        await send_answer(
            store, SystemClock(), asked.row, by=settings.principal, value=value(asked), reason=reason
        )
    note(f"{asked.id} answered by {settings.principal.id}")
    return await go_on(settings, asked.row.run, answered=True)


async def _break_glass(settings: Settings, task: str, reason: str) -> int:
    async with opened(settings) as store:
        row = await find_row(settings, store, task)  # for whom it is does not matter in an emergency
        await use_break_glass(store, SystemClock(), row, by=settings.principal, reason=reason)
    note(f"t-{row.number} approved by {settings.principal.id} in an emergency; ripieno audit log shows it")
    return await go_on(settings, row.run, answered=True)


async def go_on(settings: Settings, run: str, *, answered: bool = False) -> int:
    """Let a run go on until it rests, here unless a live process has it, and show what became of it.

    Whoever has `answered` a task of it and may be shown what it holds is so without a further event.
    """
    code = await code_of(settings, run)
    async with serving(settings) as host:
        if code is not None:
            host.register(code)
        row = await host.store.run(run)
        if row.workflow == COMMAND:
            return await say_what_is_next(settings, host, run)
        if not await serve_version(host, row):
            note(
                f"run {short(run)} needs version {row.version[:12]} of {row.workflow}, whose code is not here"
                f"\n  ripieno runs migrate {short(run)} --dry-run shows whether it would go on under today's"
            )
        followed = Followed(row.key or row.workflow, row=row)
        if answered:
            followed.shown = await is_open(host.store, row, "inbox answer", settings.principal)
        else:
            await check_shown(host.store, followed, "runs", settings.principal)
        await follow(host.store, [followed], wait_people=False)
        write(settings.output, document_of(followed), table_of([followed]))
    return Exit.FAILED if followed.status in ("blocked", "failed") else Exit.OK


async def say_what_is_next(settings: Settings, host: Host, run: str) -> int:
    """Let the approval of a command go on until it rests, and say who does what next."""
    row = await host.rest(run)
    task = await task_of(host.store, run)
    if task is not None:
        note(f"approved so far; {task} asks the next one")
    elif row.ended:
        note("the command does not happen; who gives it again asks for another approval")
    else:
        hours = f"{USABLE_SECONDS / 3600:.0f} hours"
        note(f"it happens when {row.principal} gives the same command once more within {hours}")
    write(settings.output, {"run_id": row.id, "status": row.status, "task": task}, None)
    return Exit.OK


async def find_task(settings: Settings, store: Store, task: str) -> AskedFor:
    """Give the task that people call `task`; raises `InputError`, `NotFoundError` or `NotAllowedError`."""
    row = await find_row(settings, store, task)
    now = await standing(store, row, settings.principal, SystemClock().now())
    if not (now.may_see or now.may_pass):
        async with refusing(store, row, settings.principal, "look at"):
            now.check_may_act()
    return asked_for(store, row)


async def find_row(settings: Settings, store: Store, task: str) -> QuestionRow:
    """Give the row of a task of one's tenant, without looking into it."""
    found = NUMBER.fullmatch(task.strip())
    if found is None:
        msg = f"expected a task such as 't-58', got {task!r}"
        raise InputError(msg, remedy="ripieno inbox list shows the tasks there are")
    row = await store.question(int(found[1]))
    await standing(store, row, settings.principal, SystemClock().now())  # of one's own tenant
    return row


def parsed(text: str) -> Any:
    """Read an answer given as JSON."""
    try:
        return json.loads(text)
    except ValueError as error:
        msg = f"the answer is not JSON: {error}"
        raise InputError(msg, remedy="""an answer looks like '{"proceed": true}'""") from error


def verdict(
    text: str | None, asked: AskedFor, *, proceed: bool, vouch: Sequence[str] = ()
) -> Mapping[str, Any]:
    """Give the answer of a form that asks whether to proceed; raises `InputError` for any other."""
    fields: Mapping[str, Any] = asked.form.get("properties", {})
    if asked.row.kind == "uncertain":  # a no that means caution would have the call made again
        msg = f"{asked.id} is no approval, it asks what became of a call: {asked.title}"
        say = f'ripieno inbox answer {asked.id} \'{{"happened": '
        remedy = (
            f'find out, then: {say}true}}\', with its result as "result", where it took effect; '
            f"{say}false}}' where it did not, and may be made again"
        )
        raise InputError(msg, remedy=remedy)
    name = next((name for name in ("proceed", "approved") if name in fields), None)
    if name is None:
        msg = f"{asked.id} is no approval: it asks for {', '.join(fields) or 'an answer'}"
        raise InputError(msg, remedy=f"ripieno inbox answer {asked.id} fills in its form")
    said: dict[str, Any] = {name: proceed}
    if text is not None:
        said["note"] = text
    if vouch:
        if "vouch" not in fields:
            msg = f"{asked.id} offers nothing to vouch for"
            remedy = 'a policy that asks says what may be vouched for: @vouch("values, sources")'
            raise InputError(msg, remedy=remedy)
        said["vouch"] = list(dict.fromkeys(vouch))
    return said
