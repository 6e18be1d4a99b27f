"""`ripieno runs mode`, `workflows mode` and `workflows agreement`: who acts, and on what evidence."""

from __future__ import annotations

import asyncio
from typing import Final

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, note, write
from ripieno.cli.session import find_run, opened
from ripieno.cli.settings import Settings
from ripieno.journal.records import VersionRow
from ripieno.journal.store import Store
from ripieno.kernel.agreement import Agreement, agreement
from ripieno.kernel.clock import SystemClock
from ripieno.kernel.modes import set_mode, set_mode_of_version
from ripieno.model.errors import NotFoundError
from ripieno.model.ids import short
from ripieno.model.mode import Mode

__all__ = ["set_run_mode", "set_workflow_mode", "show_agreement"]

LENGTH: Final = 12
"""Digits of a version that people see."""


def set_run_mode(
    run: str,
    participant: str,
    mode: Mode,
    /,
    *,
    reason: str | None = None,
    options: Options = DEFAULTS,
) -> int:
    """Change who acts in a run: later visits of a participant have another mode.

    A visit that has begun keeps the mode in which it began.

    Parameters
    ----------
    run
        The run's id, its short end, or its business key.
    participant
        The participant, which has to have a person declared beside it.
    mode
        manual, shadow, suggest or auto.
    reason
        Why, for the log.

    """
    return asyncio.run(_set_run_mode(options.settle(), run, (participant, mode), reason))


async def _set_run_mode(settings: Settings, text: str, change: tuple[str, Mode], reason: str | None) -> int:
    async with opened(settings) as store:
        row = await find_run(settings, store, text)
        await set_mode(store, SystemClock(), row, *change, by=settings.principal, reason=reason)
    note(f"from its next visit in {short(row.id)} on, {change[0]} is in mode {change[1]}")
    return Exit.OK


def set_workflow_mode(
    workflow: str,
    participant: str,
    mode: Mode,
    /,
    *,
    version: str | None = None,
    reason: str | None = None,
    options: Options = DEFAULTS,
) -> int:
    """Change who acts in the runs of a workflow that start from now on.

    Parameters
    ----------
    workflow
        The workflow's name.
    participant
        The participant, which has to have a person declared beside it.
    mode
        manual, shadow, suggest or auto.
    version
        The beginning of a version; the one registered last when left out.
    reason
        Why, for the log.

    """
    change = (participant, mode)
    return asyncio.run(_set_workflow_mode(options.settle(), (workflow, version or ""), change, reason))


async def _set_workflow_mode(
    settings: Settings, where: tuple[str, str], change: tuple[str, Mode], reason: str | None
) -> int:
    async with opened(settings) as store:
        row = await newest(store, settings.principal.tenant, *where)
        await set_mode_of_version(store, row, *change, by=settings.principal, reason=reason)
    runs = f"runs of {row.workflow} {row.version[:LENGTH]}"
    note(f"{runs} start with {change[0]} in mode {change[1]} from now on")
    return Exit.OK


async def newest(store: Store, tenant: str, workflow: str, version: str) -> VersionRow:
    """Give the version registered last among those that begin so; raises `NotFoundError`."""
    for row in await store.versions(tenant, workflow):
        if row.version.startswith(version):
            return row
    msg = f"no version {version!r} of {workflow!r} is registered" if version else f"no workflow {workflow!r}"
    raise NotFoundError(msg, remedy="ripieno workflows list shows the workflows and versions there are")


def show_agreement(workflow: str, /, *, limit: int = 1000, options: Options = DEFAULTS) -> int:
    """Show how often each participant's shadow agreed with the person it worked beside.

    Parameters
    ----------
    workflow
        The workflow's name.
    limit
        How many of its newest runs are looked at.

    """
    return asyncio.run(_show_agreement(options.settle(), workflow, limit))


async def _show_agreement(settings: Settings, workflow: str, limit: int) -> int:
    async with opened(settings) as store:
        tenant = settings.principal.tenant
        settings.principal.check_scope("data.read", workflow)
        await newest(store, tenant, workflow, "")
        found = await agreement(store, tenant, workflow, limit=limit)
    table = listing("participant", "agrees", "of", "differs", "not done", "unanswered", "runs")
    for one in found.values():
        counts = one.verdicts
        table.add_row(
            clean(one.participant, style="bold"),
            "" if one.rate is None else f"{one.rate:.0%}",
            str(one.compared),
            str(counts["differs"]),
            str(counts["incomplete"] + counts["stopped"]),
            str(counts["unanswered"]),
            str(len(one.runs)),
        )
    write(settings.output, [document(one) for one in found.values()], table if found else None)
    if not found:
        note(f"no participant of {workflow} worked in the shadow of a person")
    return Exit.OK


def document(one: Agreement) -> dict[str, object]:
    """Give it as programs read it."""
    return {
        "participant": one.participant,
        "agreement": one.rate,
        "compared": one.compared,
        "verdicts": dict(one.verdicts),
        "runs": sorted(one.runs),
    }
