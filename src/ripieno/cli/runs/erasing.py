"""`ripieno runs erase`: the values of a run are destroyed, or what that would come to is said."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import console, note, write
from ripieno.cli.session import find_run, opened
from ripieno.cli.settings import Settings
from ripieno.journal.records import RunRow
from ripieno.model.errors import InputError
from ripieno.model.ids import short
from ripieno.retention.erasing import Plan, erase, plan_of

__all__ = ["erase_run"]


def erase_run(
    run: str,
    /,
    *,
    reason: str | None = None,
    alone: Annotated[bool, Parameter(negative="")] = False,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> int:
    """Destroy what a run and its child runs hold: every value, and the keys. It cannot be taken back.

    That they ran, what they did and who decided stays in the log, and every proof stays valid.

    Parameters
    ----------
    run
        The run's id, its short end, or its business key.
    reason
        Why, for the log; needed unless with --dry-run. Do not name what is erased.
    alone
        Leave its child runs what they hold.
    dry_run
        Only say what would be erased, and what could not be undone any more.

    """
    settings = options.settle()
    if reason is None and not dry_run:
        msg = "erasing a run needs a --reason"
        raise InputError(msg, remedy=f"ripieno runs erase {run} --dry-run says what would be erased")
    return asyncio.run(_erase(settings, run, None if dry_run else reason, alone=alone))


async def _erase(settings: Settings, text: str, reason: str | None, *, alone: bool) -> int:
    async with opened(settings) as store:
        by = settings.principal
        row = await find_run(settings, store, text)
        if reason is None:
            plan, values, scrubbed = await plan_of(store, row, by=by, alone=alone), None, True
        else:
            done = await erase(store, row, by=by, reason=reason, alone=alone)
            plan, values, scrubbed = done.plan, done.values, done.scrubbed
    if settings.output == "table":
        console(sys.stdout).print(Text(in_words(plan, values)), soft_wrap=True)
    else:
        write(settings.output, document(plan, values), None)
    if not scrubbed:
        note("another process reads what was committed before: free bytes are overwritten once it has ended")
    if values is None and plan.obstacle is not None:
        note(f"it would be refused: {plan.obstacle}")
    return Exit.OK


def in_words(plan: Plan, values: int | None) -> str:
    """Say what was erased, or would be."""
    names = ", ".join(named(row) for row in plan.runs)
    first = f"would erase {names}" if values is None else f"erased {names}: {values:,} values and their keys"
    lines = [first]
    for one in plan.undo:
        where = f"{one.entry.path} of run {short(one.run)}"
        lines.append(f"  cannot be undone any more: {one.entry.tool} ({where})")
    lines += [f"  keeps a copy of what it took over: {named(row)}" for row in plan.copies]
    if plan.above is not None:
        lines.append(f"  keeps what it was told at the end: {named(plan.above)}, which it was part of")
    return "\n".join(lines)


def named(row: RunRow) -> str:
    """Say which run it is."""
    return f"run {short(row.id)} ({row.workflow})"


def document(plan: Plan, values: int | None) -> dict[str, Any]:
    """Give it as programs read it."""
    return {
        "erased": values is not None,
        "runs": [row.id for row in plan.runs],
        "values": values,
        "undo_lost": [
            {"run_id": one.run, "path": one.entry.path, "tool": one.entry.tool} for one in plan.undo
        ],
        "copies": [row.id for row in plan.copies],
        "told": None if plan.above is None else plan.above.id,
        "holds": [{"what": one.what, "name": one.name, "by": one.by} for one in plan.holds],
        "obstacle": plan.obstacle if values is None else None,
    }
