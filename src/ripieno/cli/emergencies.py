"""`ripieno audit emergencies` and `review`: what passed by breaking the glass, and what was found of it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from cyclopts import Parameter

from ripieno.cli.audit_log import check_reader
from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, note, write
from ripieno.cli.session import opened
from ripieno.cli.settings import Settings
from ripieno.kernel.clock import moment
from ripieno.kernel.emergency import Emergency, emergencies, review
from ripieno.model.ids import short

__all__ = ["review_emergency", "show_emergencies"]


def show_emergencies(
    *, every: Annotated[bool, Parameter(name="--all", negative="")] = False, options: Options = DEFAULTS
) -> int:
    """Show approvals that were given by breaking the glass and are not reviewed yet.

    Parameters
    ----------
    every
        Those that were reviewed, too.

    """
    return asyncio.run(_show(options.settle(), every=every))


async def _show(settings: Settings, *, every: bool) -> int:
    async with opened(settings) as store:
        await check_reader(store, settings.principal, "audit emergencies")
        found = await emergencies(store, settings.principal.tenant)
    found = [one for one in found if every or one.reviewed_by is None]
    table = listing("task", "at (UTC)", "run", "who", "why", "reviewed")
    for one in found:
        table.add_row(
            clean(one.task, style="bold"),
            clean(moment(one.at).isoformat()[:19], style="dim"),
            short(one.run),
            clean(one.by),
            clean(one.reason),
            clean("not yet" if one.reviewed_by is None else f"by {one.reviewed_by}: {one.review}"),
        )
    write(settings.output, [document(one) for one in found], table if found else None)
    if not found:
        note("nothing is to be reviewed" if not every else "nobody has broken the glass")
    return Exit.OK


def review_emergency(task: str, /, *, said: str, options: Options = DEFAULTS) -> int:
    """Close the review of an approval that was given by breaking the glass.

    It is for somebody else than who has passed, of role auditor, administrator or operator, and stands in the
    tenant's log.

    Parameters
    ----------
    task
        The task that was passed, such as t-58.
    said
        What the review came to.

    """
    return asyncio.run(_review(options.settle(), task, said))


async def _review(settings: Settings, task: str, said: str) -> int:
    async with opened(settings) as store:
        one = await review(store, task, by=settings.principal, said=said)
    write(settings.output, document(one), None)
    note(f"{task}: reviewed by {one.reviewed_by}")
    return Exit.OK


def document(one: Emergency) -> dict[str, Any]:
    """Give an emergency as programs read it."""
    return {
        "event": one.event,
        "task": one.task,
        "run": one.run,
        "by": one.by,
        "at": moment(one.at).isoformat(),
        "reason": one.reason,
        "reviewed_by": one.reviewed_by,
        "review": one.review,
    }
