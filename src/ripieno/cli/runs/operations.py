"""Giving a command to one run or to many, and showing for each what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from ripieno.cli.board import Board
from ripieno.cli.exits import Exit
from ripieno.cli.following import Followed, check_shown, follow
from ripieno.cli.loops import run_through
from ripieno.cli.output import clean, listing, mark, note, write
from ripieno.cli.runs.selection import Selection, chosen, confirmed
from ripieno.cli.session import opened, serve_version, serving
from ripieno.cli.settings import Settings
from ripieno.journal.records import RunRow, RunStatus
from ripieno.journal.store import Store
from ripieno.kernel.bulk import Hit, Operation, in_bulk
from ripieno.model.ids import short

__all__ = ["OPEN", "Command", "ToOne", "carry_out", "given", "serve_rows"]

OPEN: tuple[RunStatus, ...] = ("running", "waiting", "paused", "stopped", "blocked", "needs_version")
"""Every status of a run that has not ended."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it was typed."""

    what: str
    """Its name, such as `pause`."""
    run: str | None
    selection: Selection
    reason: str | None
    statuses: tuple[RunStatus, ...] = OPEN
    """Those that a filter finds unless it names some."""
    goes_on: bool = True
    """True when the runs have something to do then, which is done here unless a live process has them."""


TO_END: Final = "to end as cancelled, once it is known what became of what it has begun"

ToOne = Callable[[Store, RunRow, str | None], Awaitable[str]]
"""Gives a command to one run, as part of the operation with an id if of any; tells what was done."""


def carry_out(settings: Settings, command: Command, to_one: ToOne) -> int:
    """Give a command to all the runs that it is for; see `given`."""
    return run_through(given(settings, command, to_one))


async def given(settings: Settings, command: Command, to_one: ToOne) -> int:
    """Give a command to all the runs that it is for, and let them go on where there is something to do.

    For one run whatever it refuses is raised. For many the exit code says whether all of them took it.
    """
    async with opened(settings) as store:
        wanted, rows = await chosen(store, settings, command.run, command.selection, command.statuses)
        do = partial(to_one, store)
        if (wanted is not None or command.selection.dry_run) and not await confirmed(
            store, settings, command.selection, command.what, rows
        ):
            return Exit.OK
        if wanted is None:
            done = [Hit(rows[0], "", done=True, said=await do(rows[0], None))]
        else:
            operation = Operation(command.what, settings.principal, command.reason)
            done = [hit async for hit in in_bulk(store, wanted, rows, operation, do)]
    changed = [hit.row for hit in done if hit.done]
    if command.goes_on:
        await serve_rows(settings, changed)
    async with opened(settings) as store:
        now = {row.id: row for row in [await store.run(hit.row.id) for hit in done]}
    if command.what == "cancel":
        done = [replace(hit, said=TO_END) if hit.done and not now[hit.row.id].ended else hit for hit in done]
    write(settings.output, [document(hit, now[hit.row.id]) for hit in done], table_of_hits(done, now))
    if wanted is not None:
        note(f"{done[0].operation}: {command.what}, {len(changed)} of {len(done)} runs")
    return Exit.OK if len(changed) == len(done) else Exit.FAILED


async def serve_rows(settings: Settings, rows: Sequence[RunRow]) -> list[Followed]:
    """Let runs go on here until each rests, unless a live process has them."""
    cases = [Followed(row.key or short(row.id), row=row) for row in rows]
    async with serving(settings) as host:
        for row in {row.version: row for row in rows}.values():
            if not await serve_version(host, row):
                note(f"version {row.version[:12]} of {row.workflow} is not here: ripieno runs migrate")
        for case in cases:
            await check_shown(host.store, case, "runs", settings.principal)
        with Board(cases) as board:
            await follow(host.store, cases, wait_people=False, look=board.look)
    return cases


def document(hit: Hit, now: RunRow) -> dict[str, Any]:
    """Give what became of a command to a run, as programs read it."""
    return {
        "run_id": hit.row.id,
        "short_id": short(hit.row.id),
        "workflow": hit.row.workflow,
        "key": hit.row.key,
        "operation": hit.operation or None,
        "done": hit.done,
        "said": hit.said,
        "status": now.status,
    }


def table_of_hits(done: Sequence[Hit], now: dict[str, RunRow]) -> Table | None:
    """Give what became of a command as a table; None for none."""
    table = listing("", "", "", "", "")
    for hit in done:
        status = now[hit.row.id].status
        table.add_row(
            mark(status),
            Text(short(hit.row.id), style="bold"),
            clean(hit.row.key or hit.row.workflow, limit=24),
            status,
            clean(hit.said, style="" if hit.done else "red"),
        )
    return table if done else None
