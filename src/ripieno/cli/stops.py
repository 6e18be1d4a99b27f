"""`ripieno stop`, `ripieno release` and `ripieno stops`: the kill switch."""

from __future__ import annotations

import asyncio
from typing import Any

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, note, write
from ripieno.cli.runs.operations import serve_rows
from ripieno.cli.session import find_run, opened
from ripieno.cli.settings import Settings
from ripieno.journal.records import RunFilter, RunRow
from ripieno.journal.store import Store
from ripieno.kernel.clock import moment
from ripieno.kernel.stopping import release, stands_against, stop
from ripieno.model.errors import NotFoundError
from ripieno.model.stop import Stoppable

__all__ = ["list_stops", "release_it", "stop_it"]


def stop_it(what: Stoppable, name: str = "", /, *, reason: str, options: Options = DEFAULTS) -> int:
    """Let nothing new begin: no step, no call, no question. What is under way is awaited and recorded.

    It holds in every process at once, and until ripieno release; runs that it holds wait where they stand.

    Parameters
    ----------
    what
        What is stopped.
    name
        A run's id, short end or business key; the name of a workflow or tool; a participant, or
        workflow/participant. A tenant is one's own; everything has no name.
    reason
        Why: whoever meets the stop is told.

    """
    return asyncio.run(_stop(options.settle(), what, name, reason))


async def _stop(settings: Settings, what: Stoppable, name: str, reason: str) -> int:
    async with opened(settings) as store:
        name = await exact(store, settings, what, name)
        new = await stop(store, what, name, by=settings.principal, reason=reason)
        under_way = RunFilter(settings.principal.tenant, ("running",), limit=1000)
        at_work = len(await store.runs(under_way))
    show(settings, what, name, "stopped", new=new)
    if at_work:
        note(f"{at_work} at work: what is under way there ends, and nothing that is stopped follows it")
    return Exit.OK


def release_it(
    what: Stoppable, name: str = "", /, *, reason: str | None = None, options: Options = DEFAULTS
) -> int:
    """Let what was stopped go on where it stood; here, unless a live process has it.

    Parameters
    ----------
    what
        What was stopped.
    name
        Its name, as ripieno stops shows it.
    reason
        Why, for the log.

    """
    return asyncio.run(_release(options.settle(), what, name, reason))


async def _release(settings: Settings, what: Stoppable, name: str, reason: str | None) -> int:
    async with opened(settings) as store:
        name = await exact(store, settings, what, name)
        held = await store.runs(RunFilter(settings.principal.tenant, ("stopped",), limit=1000))
        new = await release(store, what, name, by=settings.principal, reason=reason)
        woken = [row for row in [await store.run(row.id) for row in held] if row.going]
    show(settings, what, name, "released", new=new)
    if woken:
        await serve_rows(settings, woken)
    return Exit.OK


def list_stops(*, options: Options = DEFAULTS) -> int:
    """List what is stopped, since when, by whom and why."""
    return asyncio.run(_list(options.settle()))


async def _list(settings: Settings) -> int:
    documents: list[dict[str, Any]] = []
    table = listing("", "", "since", "by", "why")
    try:
        async with opened(settings) as store:
            for one in stands_against(store, settings.principal):
                why, since = store.why(one), moment(one.at)
                documents.append(
                    {
                        "what": one.what,
                        "name": one.name or None,
                        "since": since.isoformat(),
                        "by": one.by,
                        "reason": why,
                    }
                )
                at = f"{since.astimezone():%Y-%m-%d %H:%M:%S}"
                table.add_row(one.what, clean(one.name), at, one.by, clean(why))
    except NotFoundError as error:
        note(str(error))
    write(settings.output, documents, table if documents else None)
    if not documents:
        note("nothing is stopped")
    return Exit.OK


async def exact(store: Store, settings: Settings, what: Stoppable, name: str) -> str:
    """Give the whole id of a run, and any other name as it is."""
    if what != "run" or not name:
        return name
    found: RunRow = await find_run(settings, store, name)
    return found.id


def show(settings: Settings, what: Stoppable, name: str, state: str, *, new: bool) -> None:
    """Show how things stand."""
    table = listing("", "")
    table.add_row(clean(f"{what} {name}".strip(), style="bold"), state)
    write(settings.output, {"what": what, "name": name or None, "state": state, "changed": new}, table)
    if not new:
        note("it was so already")
