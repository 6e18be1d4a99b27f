"""`ripieno runs pause`, `skip`, `answer` and `retry`: an operator's word to running work."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from ripieno.cli.definitions import load_version
from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import note
from ripieno.cli.runs.operations import Command, carry_out, serve_rows
from ripieno.cli.runs.selection import EVERY, Selection
from ripieno.cli.settings import Settings
from ripieno.journal.records import RunRow, RunStatus
from ripieno.journal.store import Store
from ripieno.kernel.bulk import Act
from ripieno.kernel.clock import SystemClock
from ripieno.kernel.operators import answer_instead, pause, skip
from ripieno.kernel.retries import retry
from ripieno.model.errors import InputError, RefusedError, RipienoError
from ripieno.model.ids import short

__all__ = ["answer_runs", "pause_run", "retry_run", "skip_step"]

CLOCK: Final = SystemClock()
AT_WORK: tuple[RunStatus, ...] = ("running", "waiting", "blocked", "needs_version")
NOT_WELL: tuple[RunStatus, ...] = ("failed", "partial", "escalated")


def pause_run(
    run: str | None = None,
    /,
    *,
    reason: str | None = None,
    selection: Selection = EVERY,
    options: Options = DEFAULTS,
) -> int:
    """Let a run, or many, begin nothing new. What is under way is awaited and recorded.

    Answers that come in meanwhile are kept. ripieno runs resume lets it go on.

    Parameters
    ----------
    run
        The run's id, its short end, or its business key.
    reason
        Why, for the log.

    """
    settings = options.settle()

    by = settings.principal

    def act(store: Store) -> Act:
        async def to_one(row: RunRow, operation: str | None) -> str:
            await pause(store, CLOCK, row, by=by, reason=reason, operation=operation)
            now = await store.run(row.id)
            return "paused" if now.status == "paused" else "paused as soon as what is under way is recorded"

        return to_one

    command = Command("pause", run, selection, reason, AT_WORK, goes_on=False)
    return asyncio.run(carry_out(settings, command, act))


def skip_step(
    run: str | None = None,
    /,
    step: str | None = None,
    *,
    result: str = "null",
    reason: str,
    selection: Selection = EVERY,
    options: Options = DEFAULTS,
) -> int:
    """End a step as complete with a result of yours, whatever it is at; the rest goes on.

    What the step has begun in other systems is awaited and recorded first, and nobody is asked about it
    any more. A step that has not begun yet is skipped when its turn comes.

    Parameters
    ----------
    run
        The run's id, its short end, or its business key.
    step
        The step's name, or its path as ripieno runs events shows it. Of many runs: --step.
    result
        What the step gives, as JSON.
    reason
        Why, for the log.

    """
    settings = options.settle()
    if step is None:
        msg = "expected the step to skip"
        raise InputError(msg, remedy="ripieno runs skip RUN STEP, or --step STEP with a filter")
    output = parsed(result)

    by = settings.principal

    def act(store: Store) -> Act:
        async def to_one(row: RunRow, operation: str | None) -> str:
            names = await names_of(store, row)
            target = await skip(
                store, CLOCK, row, step, output=output, names=names, by=by, reason=reason, operation=operation
            )
            return f"skipped {target}" if "@" in target else f"skips {target} when its turn comes"

        return to_one

    return asyncio.run(carry_out(settings, Command("skip", run, selection, reason), act))


def answer_runs(
    run: str | None = None,
    /,
    answer: str | None = None,
    *,
    reason: str,
    selection: Selection = EVERY,
    options: Options = DEFAULTS,
) -> int:
    """Answer in the stead of whoever a run waits for; the log says who did, for whom, and why.

    Parameters
    ----------
    run
        The run's id, its short end, or its business key.
    answer
        The answer as JSON. To many runs: --answer, with --waiting-for to say whose tasks.
    reason
        Why, for the log.

    """
    settings = options.settle()
    if answer is None:
        msg = "expected the answer, as JSON"
        raise InputError(msg, remedy="""such as '{"proceed": true}'""")
    value = parsed(answer)

    def act(store: Store) -> Act:
        return partial(answer_all, settings, store, (value, reason, selection.waiting_for))

    return asyncio.run(carry_out(settings, Command("answer", run, selection, reason, ("waiting",)), act))


async def answer_all(
    settings: Settings, store: Store, said: tuple[Any, str, str | None], row: RunRow, operation: str | None
) -> str:
    """Answer every open task of a run, of one role if one is named."""
    (value, reason, role), by = said, settings.principal
    open_tasks = await store.questions(run=row.id, tenant=row.tenant)
    tasks = [task for task in open_tasks if role in (None, task.role)]
    if not tasks:
        msg = f"run {short(row.id)} waits for nobody" + (f" with role {role!r}" if role else "")
        raise RefusedError(msg)
    for task in tasks:
        await answer_instead(store, CLOCK, task, value=value, by=by, reason=reason, operation=operation)
    return ", ".join(f"t-{task.number} answered for {task.role}" for task in tasks)


def retry_run(
    run: str | None = None,
    /,
    *,
    reason: str | None = None,
    selection: Selection = EVERY,
    options: Options = DEFAULTS,
) -> int:
    """Run again what failed, as a new run; what was done before the failure or beside it is not done again.

    Parameters
    ----------
    run
        The run's id, its short end, or its business key.
    reason
        Why, for the log.

    """
    settings = options.settle()
    begun: list[RunRow] = []

    by = settings.principal

    def act(store: Store) -> Act:
        async def to_one(row: RunRow, operation: str | None) -> str:
            begun.append(await retry(store, CLOCK, row, by=by, reason=reason, operation=operation))
            return f"goes on as run {short(begun[-1].id)}"

        return to_one

    command = Command("retry", run, selection, reason, NOT_WELL, goes_on=False)
    return asyncio.run(_retry(settings, command, act, begun))


async def _retry(
    settings: Settings, command: Command, act: Callable[[Store], Act], begun: list[RunRow]
) -> int:
    code = await carry_out(settings, command, act)
    cases = await serve_rows(settings, begun) if begun else []
    for case in cases:
        why = case.why()
        note(f"run {case.row.id[-6:] if case.row else ''}: {case.status}" + (f", {why}" if why else ""))
    well = all(case.status in ("complete", "waiting", "running", "paused", "stopped") for case in cases)
    return code if well else Exit.FAILED


async def names_of(store: Store, row: RunRow) -> frozenset[str] | None:
    """Give the names of the participants that a run's workflow has; None where its code is not here."""
    for version in await store.versions(row.tenant, row.workflow):
        if version.version == row.version:
            try:
                workflow = load_version(version)
            except RipienoError:
                return None
            if workflow is not None:
                return frozenset(participant.name for participant in workflow.root.everyone())
    return None


def parsed(text: str) -> Any:
    """Read JSON; raises `InputError`."""
    try:
        return json.loads(text)
    except ValueError as error:
        msg = f"not JSON: {error}"
        raise InputError(msg, remedy="""text needs quotes of its own: '"by hand"'""") from error
