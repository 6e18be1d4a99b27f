"""`ripieno runs cancel` and `resume`."""

from __future__ import annotations

import asyncio
from typing import Annotated

from cyclopts import Parameter

from ripieno.cli.board import Board, table_of
from ripieno.cli.exits import Exit, exit_of_statuses
from ripieno.cli.following import Followed, document_of, follow
from ripieno.cli.inbox import go_on
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import note, write
from ripieno.cli.session import opened, serve_version, serving
from ripieno.cli.settings import Settings
from ripieno.journal.records import RunFilter, RunRow, RunStatus
from ripieno.kernel.clock import SystemClock
from ripieno.kernel.commands import cancel
from ripieno.kernel.operators import resume
from ripieno.model.errors import InputError
from ripieno.model.ids import short

__all__ = ["cancel_run", "resume_run"]

INTERRUPTED: tuple[RunStatus, ...] = ("running", "blocked", "needs_version")


def cancel_run(run: str, /, *, reason: str | None = None, options: Options = DEFAULTS) -> int:
    """End a run as cancelled. What it has begun is awaited and recorded first.

    Parameters
    ----------
    run
        The run's id, its short end, or its business key.
    reason
        Why, for the log.

    """
    return asyncio.run(_cancel(options.settle(), run, reason))


async def _cancel(settings: Settings, text: str, reason: str | None) -> int:
    async with opened(settings) as store:
        row = await store.find(settings.principal.tenant, text)
        await cancel(store, SystemClock(), row, by=settings.principal, reason=reason)
    await go_on(settings, row.id)
    return Exit.OK


def resume_run(
    run: str | None = None,
    /,
    *,
    all: Annotated[bool, Parameter(negative="")] = False,  # noqa: A002 - the option's name
    options: Options = DEFAULTS,
) -> int:
    """Take up a run that was interrupted, is blocked, or needed a version; or all of them.

    Parameters
    ----------
    run
        The run's id, its short end, or its business key.
    all
        Every run that is not at rest.

    """
    settings = options.settle()
    if (run is None) == (not all):
        msg = "expected a run, or --all"
        raise InputError(msg, remedy="ripieno runs list --status running shows what was interrupted")
    try:
        return asyncio.run(_resume(settings, run))
    except KeyboardInterrupt:
        note("\ninterrupted again; nothing is lost: ripieno runs resume --all")
        return Exit.INTERRUPTED


async def _resume(settings: Settings, text: str | None) -> int:
    tenant = settings.principal.tenant
    async with opened(settings) as store:
        if text is None:
            rows = list(await store.runs(RunFilter(tenant=tenant, statuses=INTERRUPTED, limit=100_000)))
        else:
            rows = [await store.find(tenant, text)]
        for row in rows:
            if text is not None or row.status != "running":
                await resume(store, SystemClock(), row, by=settings.principal, paused=text is not None)
    if not rows:
        note("nothing was interrupted")
        return Exit.OK
    return await take_up(settings, rows)


async def take_up(settings: Settings, rows: list[RunRow]) -> int:
    """Serve runs here until each has ended, waits or is blocked again."""
    async with serving(settings) as host:
        for row in {row.version: row for row in rows}.values():
            if not await serve_version(host, row):
                note(f"version {row.version[:12]} of {row.workflow} is not here: ripieno runs migrate")
        cases = [Followed(row.key or short(row.id), row=row) for row in rows]
        with Board(cases) as board:
            await follow(host.store, cases, wait_people=False, look=board.look)
        write(settings.output, [document_of(case, case.name) for case in cases], table_of(cases))
    return exit_of_statuses([case.status for case in cases])
