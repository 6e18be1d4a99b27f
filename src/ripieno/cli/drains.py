"""`ripieno workflows drain` and `undrain`: whether new runs of a workflow start."""

from __future__ import annotations

import asyncio

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, note, write
from ripieno.cli.session import opened
from ripieno.cli.settings import Settings
from ripieno.journal.records import RunFilter
from ripieno.journal.store import Store
from ripieno.kernel.operators import drain, undrain
from ripieno.model.errors import NotFoundError, nearest

__all__ = ["drain_workflow", "undrain_workflow"]


def drain_workflow(workflow: str, /, *, reason: str, options: Options = DEFAULTS) -> int:
    """Let no new run of a workflow start; those under way finish.

    Parameters
    ----------
    workflow
        Its name, as ripieno workflows list shows it.
    reason
        Why: whoever wants to start it is told.

    """
    return asyncio.run(_drain(options.settle(), workflow, reason))


async def _drain(settings: Settings, workflow: str, reason: str) -> int:
    async with opened(settings) as store:
        await known(store, settings, workflow)
        new = await drain(store, workflow, by=settings.principal, reason=reason)
        wanted = RunFilter(
            settings.principal.tenant, ("running", "waiting", "paused", "stopped"), workflow, limit=1000
        )
        open_runs = len(await store.runs(wanted))
    show(settings, workflow, "drained", new=new)
    note(f"{open_runs} under way: ripieno runs list --workflow {workflow}")
    return Exit.OK


def undrain_workflow(workflow: str, /, *, reason: str | None = None, options: Options = DEFAULTS) -> int:
    """Let new runs of a workflow start again.

    Parameters
    ----------
    workflow
        Its name, as ripieno workflows list shows it.
    reason
        Why, for the log.

    """
    return asyncio.run(_undrain(options.settle(), workflow, reason))


async def _undrain(settings: Settings, workflow: str, reason: str | None) -> int:
    async with opened(settings) as store:
        await known(store, settings, workflow)
        new = await undrain(store, workflow, by=settings.principal, reason=reason)
    show(settings, workflow, "starts again", new=new)
    return Exit.OK


async def known(store: Store, settings: Settings, workflow: str) -> None:
    """Raise `NotFoundError` for a workflow of which nothing is registered."""
    names = {row.workflow for row in await store.versions(settings.principal.tenant)}
    if workflow not in names:
        msg = f"no workflow {workflow!r} is registered{nearest(workflow, names)}"
        raise NotFoundError(msg, remedy="ripieno workflows list shows those there are")


def show(settings: Settings, workflow: str, state: str, *, new: bool) -> None:
    """Show how things stand with a workflow."""
    table = listing("", "")
    table.add_row(clean(workflow, style="bold"), state)
    write(settings.output, {"workflow": workflow, "state": state, "changed": new}, table)
    if not new:
        note("it was so already")
