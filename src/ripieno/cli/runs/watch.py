"""`ripieno runs watch`: follow a run, whoever runs it, until it ends."""

from __future__ import annotations

from typing import Final

from ripieno.cli.board import Board, table_of
from ripieno.cli.exits import Exit, exit_of_statuses
from ripieno.cli.following import Followed, document_of, follow
from ripieno.cli.loops import run_through
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import note, write
from ripieno.cli.session import find_run, opened
from ripieno.cli.settings import Settings
from ripieno.identity.reading import read_run
from ripieno.model.ids import short

__all__ = ["watch_run"]

REMEDIES: Final = {
    "needs_version": "ripieno runs migrate {run} (--dry-run first), or the code as it was",
    "paused": "ripieno runs resume {run}",
    "stopped": "ripieno release; ripieno stops shows what is stopped, and why",
    "blocked": "ripieno runs resume {run}, once what blocks it is mended",
}
"""What lets a run go on that is stopped but not ended."""


def watch_run(run: str, /, *, wait_people: bool = True, options: Options = DEFAULTS) -> int:
    """Follow a run until it ends. Exit code 5 when it does not end as complete, 3 when it was cancelled.

    Where it cannot go on by itself, being blocked or in need of its version: 1, and what to do.

    Parameters
    ----------
    run
        The run's id, its short end, or its business key.
    wait_people
        Stay while it waits for a person, too.

    """
    settings = options.settle()
    try:
        return run_through(_watch(settings, run, wait_people=wait_people))
    except KeyboardInterrupt:
        note("\nno longer watched; the run itself was not touched")
        return Exit.INTERRUPTED


async def _watch(settings: Settings, text: str, *, wait_people: bool) -> int:
    async with opened(settings) as store:
        row = await find_run(settings, store, text)
        await read_run(store, row, "runs watch", by=settings.principal)
        followed = Followed(row.key or row.workflow, row=row)
        with Board([followed], hint="ripieno inbox list", folder=settings.home) as board:
            await follow(store, [followed], wait_people=wait_people, look=board.look)
        write(settings.output, document_of(followed), table_of([followed]))
    remedy = REMEDIES.get(followed.status)
    if remedy is not None:
        note(f"it has not failed, and goes on after: {remedy.format(run=short(row.id))}")
        return Exit.FAILED
    return exit_of_statuses([followed.status], failed=Exit.WATCHED_FAILED)
