"""`ripieno runs pause`, `skip`, `answer` and `retry`: an operator's word to running work."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Final

from ripieno.cli.definitions import workflow_of
from ripieno.cli.exits import Exit
from ripieno.cli.loops import run_through
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import note
from ripieno.cli.runs.operations import Command, ToOne, carry_out, given, serve_rows
from ripieno.cli.runs.selection import EVERY, Selection
from ripieno.cli.settings import Settings
from ripieno.journal.records import RunRow, RunStatus
from ripieno.journal.store import Store
from ripieno.kernel.clock import SystemClock
from ripieno.kernel.operators import answer_instead, pause, skip
from ripieno.kernel.retries import retry
from ripieno.model.errors import InputError, RefusedError
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

    async def to_one(store: Store, row: RunRow, operation: str | None) -> str:
        await pause(store, CLOCK, row, by=settings.principal, reason=reason, operation=operation)
        now = await store.run(row.id)
        return "paused" if now.status == "paused" else "paused as soon as what is under way is recorded"

    return carry_out(settings, Command("pause", run, selection, reason, AT_WORK, goes_on=False), to_one)


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

    async def to_one(store: Store, row: RunRow, operation: str | None) -> str:
        workflow = await workflow_of(store, row)
        names = None if workflow is None else {part.name for part in workflow.root.everyone()}
        give = partial(skip, store, CLOCK, row, step, output=output, names=names)
        target = await give(by=settings.principal, reason=reason, operation=operation)
        return f"skipped {target}" if "@" in target else f"skips {target} when its turn comes"

    return carry_out(settings, Command("skip", run, selection, reason), to_one)


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

    role = selection.waiting_for

    async def to_one(store: Store, row: RunRow, operation: str | None) -> str:
        open_tasks = await store.questions(run=row.id, tenant=row.tenant)
        tasks = [task for task in open_tasks if role in (None, task.role)]
        if not tasks:
            msg = f"run {short(row.id)} waits for nobody" + (f" with role {role!r}" if role else "")
            raise RefusedError(msg)
        for task in tasks:
            await answer_instead(
                store, CLOCK, task, value=value, by=settings.principal, reason=reason, operation=operation
            )
        return ", ".join(f"t-{task.number} answered for {task.role}" for task in tasks)

    return carry_out(settings, Command("answer", run, selection, reason, ("waiting",)), to_one)


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

    async def to_one(store: Store, row: RunRow, operation: str | None) -> str:
        begun.append(
            await retry(store, CLOCK, row, by=settings.principal, reason=reason, operation=operation)
        )
        return f"goes on as run {short(begun[-1].id)}"

    command = Command("retry", run, selection, reason, NOT_WELL, goes_on=False)
    return run_through(_retry(settings, command, to_one, begun))


async def _retry(settings: Settings, command: Command, to_one: ToOne, begun: list[RunRow]) -> int:
    code = await given(settings, command, to_one)
    cases = await serve_rows(settings, begun) if begun else []
    for case in cases:
        why = case.why()
        note(f"run {case.row.id[-6:] if case.row else ''}: {case.status}" + (f", {why}" if why else ""))
    well = all(case.status in ("complete", "waiting", "running", "paused", "stopped") for case in cases)
    return code if well else Exit.FAILED


def parsed(text: str) -> Any:
    """Read JSON; raises `InputError`."""
    try:
        return json.loads(text)
    except ValueError as error:
        msg = f"not JSON: {error}"
        raise InputError(msg, remedy="""text needs quotes of its own: '"by hand"'""") from error
