"""`ripieno runs cancel` and `resume`."""

from __future__ import annotations

from typing import Annotated, Final

from cyclopts import Parameter

from ripieno.cli.board import table_of
from ripieno.cli.exits import Exit, exit_of_statuses
from ripieno.cli.following import document_of
from ripieno.cli.loops import run_through
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import note, write
from ripieno.cli.runs.operations import Command, carry_out, serve_rows
from ripieno.cli.runs.selection import EVERY, Selection, confirmed
from ripieno.cli.session import find_run, opened
from ripieno.cli.settings import Settings
from ripieno.journal.records import RunFilter, RunRow, RunStatus
from ripieno.journal.store import Store
from ripieno.kernel.clock import SystemClock
from ripieno.kernel.commands import cancel
from ripieno.kernel.operators import resume
from ripieno.model.errors import InputError

__all__ = ["cancel_run", "resume_run"]

CLOCK: Final = SystemClock()
INTERRUPTED: tuple[RunStatus, ...] = ("running", "blocked", "needs_version")
HELD: tuple[RunStatus, ...] = ("paused", "blocked", "needs_version")


def cancel_run(
    run: str | None = None,
    /,
    *,
    undo: Annotated[bool, Parameter(negative="")] = False,
    reason: str | None = None,
    selection: Selection = EVERY,
    options: Options = DEFAULTS,
) -> int:
    """End a run, or many, as cancelled. What has begun is awaited and recorded first.

    Parameters
    ----------
    run
        The run's id, its short end, or its business key.
    undo
        Take back what it has done to other systems, the latest first; an operator is asked about the rest.
    reason
        Why, for the log.

    """
    settings = options.settle()

    async def to_one(store: Store, row: RunRow, operation: str | None) -> str:
        await cancel(store, CLOCK, row, by=settings.principal, reason=reason, operation=operation, undo=undo)
        return "cancelled"

    return carry_out(settings, Command("cancel", run, selection, reason), to_one)


def resume_run(
    run: str | None = None,
    /,
    *,
    all: Annotated[bool, Parameter(negative="")] = False,  # noqa: A002 - the option's name
    reason: str | None = None,
    selection: Selection = EVERY,
    options: Options = DEFAULTS,
) -> int:
    """Let a run go on that is paused, was interrupted, is blocked, or needed a version; or many.

    Parameters
    ----------
    run
        The run's id, its short end, or its business key.
    all
        Every run that is not at rest; those that are paused stay so.
    reason
        Why, for the log.

    """
    settings = options.settle()
    if run is None and not all and not selection.filters:
        msg = "expected a run, or --all, or a filter"
        raise InputError(msg, remedy="ripieno runs list --status running shows what was interrupted")

    async def to_one(store: Store, row: RunRow, operation: str | None) -> str:
        await resume(store, CLOCK, row, by=settings.principal, reason=reason, operation=operation)
        return "goes on"

    try:
        if selection.filters:
            command = Command("resume", run, selection, reason, HELD)
            return carry_out(settings, command, to_one)
        return run_through(_resume(settings, run, reason, selection, all_interrupted=all))
    except KeyboardInterrupt:
        note("\ninterrupted again; nothing is lost: ripieno runs resume --all")
        return Exit.INTERRUPTED


async def _resume(
    settings: Settings, text: str | None, reason: str | None, selection: Selection, *, all_interrupted: bool
) -> int:
    if text is not None and all_interrupted:
        msg = "expected either a run or --all"
        raise InputError(msg)
    async with opened(settings) as store:
        tenant = settings.principal.tenant
        if text is None:
            rows = list(await store.runs(RunFilter(tenant=tenant, statuses=INTERRUPTED, limit=100_000)))
        else:
            rows = [await find_run(settings, store, text)]
        if selection.dry_run:
            await confirmed(store, settings, selection, "resume", rows)
            return Exit.OK
        for row in rows:
            if text is not None or row.status != "running":
                await resume(store, CLOCK, row, by=settings.principal, reason=reason, paused=text is not None)
    if not rows:
        note("nothing was interrupted")
        return Exit.OK
    cases = await serve_rows(settings, rows)
    write(settings.output, [document_of(case) for case in cases], table_of(cases))
    return exit_of_statuses([case.status for case in cases])
