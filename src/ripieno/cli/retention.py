"""`ripieno retention`: for how long each class of data is kept once its run has ended."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from cyclopts import Parameter

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, note, write
from ripieno.cli.session import opened, opened_or_new
from ripieno.cli.settings import Settings
from ripieno.journal.retention import RetentionRow
from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_command
from ripieno.kernel.clock import SystemClock
from ripieno.model.ids import short
from ripieno.retention import keeping
from ripieno.retention.keeping import rule_for, span
from ripieno.retention.remembered import forget_over
from ripieno.retention.sweeping import AT_ONCE, Sweeper, Swept, classes_in

__all__ = ["apply", "clear_one", "list_all", "set_one"]


def set_one(
    *,
    data: str,
    keep: str | None = None,
    at_least: str | None = None,
    reason: str,
    options: Options = DEFAULTS,
) -> int:
    """Say for how long a class of data is kept once its run has ended, in place of what was said before.

    A run with several classes is erased after the shortest time, but before no minimum of any is over.

    Parameters
    ----------
    data
        A class that workflows declare, such as phi; * for runs of which no class has a time of its own.
    keep
        After this it is erased: such as 30d, 26w or 7y.
    at_least
        Before this it is not, also where it goes with other data that is kept for less.
    reason
        Why, for the log.

    """
    return asyncio.run(_set(options.settle(), data, (keep, at_least), reason))


async def _set(settings: Settings, data: str, times: tuple[str | None, str | None], reason: str) -> int:
    keep, at_least = times
    async with opened_or_new(settings) as store:
        new = await keeping.keep(
            store, data, time=keep, at_least=at_least, by=settings.principal, reason=reason
        )
        code = await show(settings, store)
    if not new:
        note("it was so already")
    return code


def clear_one(*, data: str, reason: str, options: Options = DEFAULTS) -> int:
    """Take back what was said of a class of data: it is kept for ever.

    Parameters
    ----------
    data
        The class.
    reason
        Why, for the log.

    """
    return asyncio.run(_clear(options.settle(), data, reason))


async def _clear(settings: Settings, data: str, reason: str) -> int:
    async with opened(settings) as store:
        new = await keeping.clear(store, data, by=settings.principal, reason=reason)
        code = await show(settings, store)
    if not new:
        note("nothing was said of it")
    return code


def list_all(*, options: Options = DEFAULTS) -> int:
    """List for how long data is kept, and where two classes of one workflow want different things."""
    return asyncio.run(_list(options.settle()))


async def _list(settings: Settings) -> int:
    async with opened(settings) as store:
        return await show(settings, store)


async def show(settings: Settings, store: Store) -> int:
    """Show what holds."""
    rows = store.retention(settings.principal.tenant)
    table = listing("data", "kept for", "at least", "set by")
    for row in rows:
        table.add_row(clean(row.data, style="bold"), said(row.keep), said(row.at_least), clean(row.by))
    write(settings.output, [document(row) for row in rows], table if rows else None)
    if not rows:
        note("everything is kept: no class of data has a time")
    told: set[str] = set()
    for version in await store.versions(settings.principal.tenant):
        conflict = rule_for(rows, classes_in(version)).conflict
        if conflict is not None and version.workflow not in told:
            told.add(version.workflow)
            note(f"{version.workflow}: {conflict}")
    return Exit.OK


def said(time: int | None) -> str:
    """Say a time, or nothing."""
    return "" if time is None else span(time)


def document(row: RetentionRow) -> dict[str, Any]:
    """Give it as programs read it."""
    return {
        "data": row.data,
        "keep": said(row.keep) or None,
        "at_least": said(row.at_least) or None,
        "by": row.by,
    }


def apply(*, dry_run: Annotated[bool, Parameter(negative="")] = False, options: Options = DEFAULTS) -> int:
    """Erase now what was kept for long enough; processes that serve runs do so by themselves.

    Parameters
    ----------
    dry_run
        Only say what would be erased.

    """
    return asyncio.run(_apply(options.settle(), dry_run=dry_run))


async def _apply(settings: Settings, *, dry_run: bool) -> int:
    portions: list[Swept] = []
    async with opened(settings) as store:
        by = await check_command(
            store, None, settings.principal, "retention", given={"apply": not dry_run}, reason=None
        )
        sweeper = Sweeper(store, SystemClock())
        if not dry_run:
            await forget_over(store, by.tenant, sweeper.clock.now())
        while not portions or portions[-1].looked == AT_ONCE:
            portions.append(await sweeper.turn(by.tenant, dry_run=dry_run))
        await store.scrub()
    table = listing("run", "workflow", "")
    documents: list[dict[str, Any]] = []
    state = "would be erased" if dry_run else "erased"
    for row in (row for portion in portions for row in portion.erased):
        table.add_row(clean(short(row.id), style="bold"), clean(row.workflow), state)
        documents.append({"run_id": row.id, "workflow": row.workflow, "state": state, "why": None})
    for row, why in (one for portion in portions for one in portion.kept):
        table.add_row(clean(short(row.id), style="bold"), clean(row.workflow), clean(f"stays: {why}"))
        documents.append({"run_id": row.id, "workflow": row.workflow, "state": "stays", "why": why})
    write(settings.output, documents, table if documents else None)
    if not documents:
        note("the time of nothing is over")
    return Exit.OK
