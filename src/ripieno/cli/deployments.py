"""`ripieno workflows deployments`, `promote`, `share`, `rollback`, `protect`: which version new runs have."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from cyclopts import Parameter
from rich.text import Text

from ripieno.cli.definitions import load_registered
from ripieno.cli.drains import known
from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, note, write
from ripieno.cli.session import opened
from ripieno.cli.settings import Settings
from ripieno.journal.deployments import EVERY, Deployment, Stage
from ripieno.journal.records import VersionRow
from ripieno.journal.store import Store
from ripieno.kernel.change_fails import Record, VersionRecord, record
from ripieno.kernel.deployments import promote, protect, roll_back, share
from ripieno.model.errors import InputError, NotFoundError, RefusedError, RipienoError

__all__ = [
    "promote_version",
    "protect_workflow",
    "roll_back_workflow",
    "share_runs",
    "show_deployments",
    "unprotect_workflow",
]

LENGTH: Final = 12
"""Digits of a version that people see."""


def show_deployments(workflow: str, /, *, options: Options = DEFAULTS) -> int:
    """Show the versions of a workflow: stage, share of new runs, runs, failures, and how changes went.

    The change-fail rate is the part of the changes that were rolled back, counted from the log.

    Parameters
    ----------
    workflow
        Its name, as ripieno workflows list shows it.

    """
    return asyncio.run(_show(options.settle(), workflow))


async def _show(settings: Settings, workflow: str) -> int:
    async with opened(settings) as store:
        tenant = settings.principal.tenant
        settings.principal.check_scope("data.read", workflow)
        await known(store, settings, workflow)
        found = await record(store, tenant, workflow)
        guards = [row.workflow for row in store.protected(tenant) if row.workflow in (workflow, EVERY)]
    table = listing("version", "stage", "share", "since", "runs", "failed", "changes", "back")
    for one in found.versions:
        table.add_row(
            one.version[:LENGTH],
            Text(one.stage or "draft", style="bold" if one.stage else "dim"),
            f"{one.share} %" if one.stage else "",
            "" if one.since is None else f"{one.since.astimezone():%Y-%m-%d %H:%M}",
            str(one.runs),
            str(one.failures),
            str(one.changes),
            str(one.failed_changes),
        )
    write(settings.output, document(found, protected=bool(guards)), table)
    if found.fail_rate is not None:
        note(
            f"change-fail rate: {found.fail_rate:.0%} ({found.failed_changes} of {found.changes} rolled back)"
        )
    if guards:
        note(f"protected: only promoted versions of {workflow} start")
    return Exit.OK


def document(found: Record, *, protected: bool) -> dict[str, object]:
    """Give it as programs read it."""
    return {
        "workflow": found.workflow,
        "protected": protected,
        "changes": found.changes,
        "failed_changes": found.failed_changes,
        "change_fail_rate": found.fail_rate,
        "versions": [version_document(one) for one in found.versions],
    }


def version_document(one: VersionRecord) -> dict[str, object]:
    """Give one version as programs read it."""
    return {
        "version": one.version,
        "stage": one.stage or "draft",
        "share": one.share,
        "since": None if one.since is None else one.since.isoformat(),
        "runs": one.runs,
        "failures": one.failures,
        "changes": one.changes,
        "failed_changes": one.failed_changes,
    }


def promote_version(
    workflow: str,
    version: str | None = None,
    /,
    *,
    to: Stage,
    reason: str | None = None,
    options: Options = DEFAULTS,
) -> int:
    """Put a version of a workflow into staging or production, in place of the one there.

    Parameters
    ----------
    workflow
        Its name, as ripieno workflows list shows it.
    version
        The version, or the beginning of it; for production the one in staging when left out.
    to
        staging or production.
    reason
        Why, for the log.

    """
    return asyncio.run(_promote(options.settle(), (workflow, version), to, reason))


async def _promote(
    settings: Settings, which: tuple[str, str | None], stage: Stage, reason: str | None
) -> int:
    async with opened(settings) as store:
        await known(store, settings, which[0])
        row = await version_of(store, settings, *which, stage)
        await here(store, row)
        put = await promote(store, row, stage, by=settings.principal, reason=reason)
    show(settings, put)
    return Exit.OK


async def version_of(
    store: Store, settings: Settings, workflow: str, version: str | None, stage: Stage
) -> VersionRow:
    """Give the version that people mean; raises `NotFoundError` or `InputError`."""
    tenant = settings.principal.tenant
    if version is None:
        staged = [one for one in store.deployments(tenant, workflow) if one.stage == "staging"]
        if stage == "staging" or not staged:
            msg = f"which version of {workflow}?"
            raise InputError(msg, remedy=f"ripieno workflows deployments {workflow} shows them")
        version = staged[0].version
    found = [row for row in await store.versions(tenant, workflow) if row.version.startswith(version)]
    if len(found) > 1:
        msg = f"{version!r} fits {len(found)} versions of {workflow}"
        raise InputError(msg, remedy="give more of it")
    if not found:
        msg = f"no version {version!r} of {workflow} is registered"
        raise NotFoundError(msg, remedy=f"ripieno workflows deployments {workflow} shows them")
    return found[0]


async def here(store: Store, row: VersionRow) -> None:
    """Raise `RefusedError` where the code of a version cannot be loaded: no run of it would start."""
    try:
        if await load_registered(store, row) is not None:
            return
        why = f"{row.source} holds another version now" if row.source else "it was made in a program"
    except RipienoError as error:
        why = error.message
    msg = f"the code of {row.version[:LENGTH]} is not here: {why}"
    raise RefusedError(msg, remedy="keep each version at a place of its own, and register it from there")


def share_runs(workflow: str, part: str, /, *, reason: str | None = None, options: Options = DEFAULTS) -> int:
    """Give the version in staging a share of the new runs; the rest goes to the one in production.

    Parameters
    ----------
    workflow
        Its name, as ripieno workflows list shows it.
    part
        In per cent, such as 10%; 0 takes the share away.
    reason
        Why, for the log.

    """
    number = part.strip().removesuffix("%").strip()
    if not number.isdecimal():
        msg = f"expected a share in per cent such as '10%', got {part!r}"
        raise InputError(msg)
    return asyncio.run(_share(options.settle(), workflow, int(number), reason))


async def _share(settings: Settings, workflow: str, part: int, reason: str | None) -> int:
    async with opened(settings) as store:
        await known(store, settings, workflow)
        tenant = settings.principal.tenant
        put = await share(store, tenant, workflow, part, by=settings.principal, reason=reason)
    show(settings, put)
    return Exit.OK


def roll_back_workflow(workflow: str, /, *, reason: str, options: Options = DEFAULTS) -> int:
    """Take the last change back: a candidate loses its share, else production gets what it had before.

    Runs that have begun keep their version.

    Parameters
    ----------
    workflow
        Its name, as ripieno workflows list shows it.
    reason
        Why, for the log.

    """
    return asyncio.run(_roll_back(options.settle(), workflow, reason))


async def _roll_back(settings: Settings, workflow: str, reason: str) -> int:
    async with opened(settings) as store:
        tenant = settings.principal.tenant
        await known(store, settings, workflow)
        put = await roll_back(store, tenant, workflow, by=settings.principal, reason=reason)
        rows = [row for row in await store.versions(tenant, workflow) if row.version == put.version]
        show(settings, put)
        if put.stage == "production":
            try:
                await here(store, rows[0])
            except RefusedError as error:
                note(f"no new run starts by the name {workflow}: {error.message}")
    return Exit.OK


def show(settings: Settings, put: Deployment) -> None:
    """Show what a stage holds now."""
    table = listing("", "", "", "")
    table.add_row(clean(put.workflow, style="bold"), put.version[:LENGTH], put.stage, f"{put.share} %")
    found = {"workflow": put.workflow, "version": put.version, "stage": put.stage, "share": put.share}
    write(settings.output, found, table)


def protect_workflow(
    workflow: str | None = None,
    /,
    *,
    all: Annotated[bool, Parameter(negative="")] = False,  # noqa: A002 - the option's name
    reason: str,
    options: Options = DEFAULTS,
) -> int:
    """Let only promoted versions of a workflow start; drafts are refused with the remedy.

    Parameters
    ----------
    workflow
        Its name, as ripieno workflows list shows it.
    all
        Every workflow of the tenant, also those to come.
    reason
        Why, for the log.

    """
    return asyncio.run(_protect(options.settle(), named(workflow, every=all), reason, stands=True))


def unprotect_workflow(
    workflow: str | None = None,
    /,
    *,
    all: Annotated[bool, Parameter(negative="")] = False,  # noqa: A002 - the option's name
    reason: str,
    options: Options = DEFAULTS,
) -> int:
    """Let any version of a workflow start again.

    Parameters
    ----------
    workflow
        Its name, as ripieno workflows list shows it.
    all
        What was said for every workflow; what was said for one stands.
    reason
        Why, for the log.

    """
    return asyncio.run(_protect(options.settle(), named(workflow, every=all), reason, stands=False))


def named(workflow: str | None, *, every: bool) -> str | None:
    """Give which workflow is meant, None for every one."""
    if (workflow is None) != every:
        msg = "expected either a workflow or --all"
        raise InputError(msg)
    return workflow


async def _protect(settings: Settings, workflow: str | None, reason: str, *, stands: bool) -> int:
    async with opened(settings) as store:
        if workflow is not None:
            await known(store, settings, workflow)
        new = await protect(store, workflow, by=settings.principal, reason=reason, stands=stands)
    state = "protected" if stands else "starts any version"
    whom = workflow or "every workflow"
    table = listing("", "")
    table.add_row(clean(whom, style="bold"), state)
    write(settings.output, {"workflow": workflow, "state": state, "changed": new}, table)
    if not new:
        note("it was so already")
    return Exit.OK
