"""`ripieno workflows`: the versions that are registered, and declaring two of them compatible."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from ripieno.cli.definitions import BLUEPRINTS, find_workflow, load_registered
from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, console, listing, note, show, to_json, write
from ripieno.cli.session import opened, unserved
from ripieno.cli.settings import Settings
from ripieno.identity.reading import within_reach
from ripieno.journal.deployments import Deployment
from ripieno.journal.records import VersionRow
from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_change
from ripieno.kernel.clock import moment
from ripieno.model.errors import InputError, NotFoundError, RipienoError, nearest
from ripieno.workflows.workflow import Workflow

__all__ = ["declare_compatible", "list_workflows", "register_workflow", "show_workflow"]

LENGTH: Final = 12
"""Digits of a version that people see."""


def list_workflows(*, options: Options = DEFAULTS) -> int:
    """List the registered versions of workflows, newest first, and whether their code is still here."""
    return asyncio.run(_list(options.settle()))


async def _list(settings: Settings) -> int:
    rows: Sequence[VersionRow]
    held: dict[str, Deployment] = {}
    states: dict[str, str] = {}
    drained: set[str] = set()
    try:
        async with opened(settings) as store:
            rows = within_reach(await store.versions(settings.principal.tenant), settings.principal)
            stages = store.deployments(settings.principal.tenant)
            held = {one.version: one for one in reversed(stages)}  # production is what counts of both
            states = {row.version: await code_of(store, row) for row in rows}
            drained = {row.workflow for row in await store.drained(settings.principal.tenant)}
    except NotFoundError:
        rows = ()
    table = listing("workflow", "version", "stage", "registered", "code", "from")
    documents: list[dict[str, Any]] = []
    for row in rows:
        state = states[row.version]
        at = moment(row.registered_at)
        table.add_row(
            clean(row.workflow, style="bold"),
            row.version[:LENGTH],
            stage_of(held.get(row.version)),
            f"{at.astimezone():%Y-%m-%d %H:%M}",
            Text(state, style="green" if state == "here" else "yellow"),
            clean(row.source),
        )
        documents.append(
            {
                "workflow": row.workflow,
                "version": row.version,
                "stage": held[row.version].stage if row.version in held else "draft",
                "registered_at": at.isoformat(),
                "code": state,
                "source": row.source,
                "drained": row.workflow in drained,
            }
        )
    write(settings.output, documents, table if rows else None)
    for name in sorted(drained & {row.workflow for row in rows}):
        note(f"{name} is drained: no new run of it starts until ripieno workflows undrain {name}")
    shipped = [name for name in BLUEPRINTS if name not in {row.workflow for row in rows}]
    if shipped:
        note(f"ships with Ripieno: {', '.join(shipped)}")
    return Exit.OK


def stage_of(held: Deployment | None) -> Text:
    """Give where a version stands: in production, in staging with its share of new runs, or as a draft."""
    if held is None:
        return Text("draft", style="dim")
    share = f" {held.share} %" if held.stage == "staging" and held.share else ""
    return Text(held.stage + share)


async def code_of(store: Store, row: VersionRow) -> str:
    """Tell whether the code of a version is `here`, has `changed`, or is `gone`."""
    try:
        return "here" if await load_registered(store, row) is not None else "changed"
    except RipienoError:
        return "gone"


def show_workflow(workflow: str, /, *, options: Options = DEFAULTS) -> int:
    """Show a workflow: who answers for it, what it touches, and how its steps follow each other.

    Parameters
    ----------
    workflow
        A YAML file, `package.module:workflow`, or a name that `workflows list` shows: then its newest
        version whose code is here.

    """
    settings = options.settle()
    if settings.credential is not None:
        asyncio.run(check_reached(settings, workflow))
    try:
        found = find_workflow(workflow)
    except NotFoundError:
        registered = asyncio.run(_registered(settings, workflow))
        if registered is None:
            raise
        found = registered
    if settings.output != "table":
        write(settings.output, {"version": found.version, "digest": found.digest, **found.document()}, None)
        return Exit.OK
    screen = console(sys.stdout)
    screen.print(Text.assemble((found.name, "bold"), f"  version {found.version[:LENGTH]}"))
    if found.purpose:
        screen.print(clean(found.purpose), soft_wrap=True)
    show_document(screen, found)
    return Exit.OK


async def check_reached(settings: Settings, workflow: str) -> None:
    """Raise `NotAllowedError` for a workflow that one's key is not good for."""
    async with opened(settings):
        settings.principal.check_scope("data.read", workflow)


async def _registered(settings: Settings, name: str) -> Workflow | None:
    """Give the newest version of a name whose code is here; None where nothing of that name is."""
    with suppress(NotFoundError):  # no data folder yet
        async with opened(settings) as store:
            for row in await store.versions(settings.principal.tenant, name):
                with suppress(RipienoError):
                    if (found := await load_registered(store, row)) is not None:
                        return found
    return None


def show_document(screen: Console, workflow: Workflow) -> None:
    """Show what a workflow declares, and its participants and flow."""
    document = workflow.document()
    table = listing("", "")
    for name in ("owner", "risk", "data", "policy", "limits", "replaces"):
        if name in document:
            value = document[name]
            table.add_row(Text(name, style="dim"), clean(value if isinstance(value, str) else plain(value)))
    show(screen, table)
    screen.print(Text("\nParticipants", style="bold"))
    table = listing("", "", "")
    for leaf in workflow.leaves():
        version = leaf.identity().get("version") or str(leaf.identity().get("source", ""))[:LENGTH]
        table.add_row(leaf.name, Text(leaf.kind, style="dim"), clean(version, style="dim"))
    show(screen, table)
    screen.print(Text("\nFlow", style="bold"))
    screen.print(Text(yaml_of(document["flow"])), soft_wrap=True)


def plain(value: object) -> str:
    """Give a small value on one line."""
    text = json.dumps(value)
    return text.strip("[]{}").replace('"', "")


def yaml_of(flow: object) -> str:
    """Give a flow as it would stand in a workflow file."""
    import yaml  # noqa: PLC0415 - only here

    return yaml.safe_dump(json.loads(to_json(flow)), sort_keys=False).rstrip()


def register_workflow(workflow: str, /, *, options: Options = DEFAULTS) -> int:
    """Enter a workflow as it is now, so that workers serve it.

    Parameters
    ----------
    workflow
        A YAML file, `package.module:workflow`, or a name.

    """
    return asyncio.run(_register(options.settle(), find_workflow(workflow)))


async def _register(settings: Settings, workflow: Workflow) -> int:
    async with unserved(settings) as host:
        known = {row.version for row in await host.store.versions(settings.principal.tenant, workflow.name)}
        given = {"version": workflow.version}
        by = await check_change(
            host.store, workflow.name, settings.principal, "register", given=given, reason=None
        )
        await host.enter(workflow, by)
    document = {"workflow": workflow.name, "version": workflow.version, "new": workflow.version not in known}
    table = listing("", "")
    table.add_row(clean(workflow.name, style="bold"), workflow.version[:LENGTH])
    write(settings.output, document, table)
    note("registered" if document["new"] else "this version was registered already")
    return Exit.OK


def declare_compatible(old: str, new: str, /, *, options: Options = DEFAULTS) -> int:
    """Let runs of an old version go on with the code of a new one.

    Only declare what was tried: ripieno runs migrate RUN --dry-run replays a run under the new code.

    Parameters
    ----------
    old
        The version that runs are pinned to, or the beginning of it.
    new
        The version whose code may serve them.

    """
    return asyncio.run(_compatible(options.settle(), old, new))


async def _compatible(settings: Settings, old: str, new: str) -> int:
    async with opened(settings) as store:
        tenant = settings.principal.tenant
        rows = await store.versions(tenant)
        before, after = version_of(rows, old), version_of(rows, new)
        if before.workflow != after.workflow:
            msg = f"{old} is a version of {before.workflow}, {new} one of {after.workflow}"
            raise InputError(msg)
        given = {"old": before.version, "new": after.version}
        by = await check_change(
            store, before.workflow, settings.principal, "compatible", given=given, reason=None
        )
        await store.declare_compatible(tenant, before.version, after.version, by.id)
    document = {"workflow": before.workflow, "old": before.version, "new": after.version}
    table = listing("", "", "")
    table.add_row(before.workflow, before.version[:LENGTH], f"may go on with {after.version[:LENGTH]}")
    write(settings.output, document, table)
    return Exit.OK


def version_of(rows: Sequence[VersionRow], text: str) -> VersionRow:
    """Give the version that begins with `text`; raises `NotFoundError` or `InputError`."""
    found = [row for row in rows if row.version.startswith(text)]
    if len(found) == 1:
        return found[0]
    if not found:
        msg = f"no version {text!r}{nearest(text, [row.version[:LENGTH] for row in rows])}"
        raise NotFoundError(msg, remedy="ripieno workflows list shows the versions there are")
    msg = f"{text!r} fits {len(found)} versions"
    raise InputError(msg, remedy="give more of it")
