"""`ripieno runs fork` and `migrate`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from ripieno.cli.definitions import find_workflow, load_registered
from ripieno.cli.exits import Exit
from ripieno.cli.inbox import go_on
from ripieno.cli.inputs import cases_in, check_cases
from ripieno.cli.loops import run_through
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import note, write
from ripieno.cli.session import find_run, opened, unserved
from ripieno.cli.settings import Settings
from ripieno.identity.reading import read_run
from ripieno.journal.records import RunRow
from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_command
from ripieno.kernel.clock import SystemClock
from ripieno.kernel.forks import fork
from ripieno.kernel.rehearsal import rehearse
from ripieno.model.errors import InputError, NotFoundError, RefusedError
from ripieno.model.ids import short
from ripieno.workflows.workflow import Workflow

__all__ = ["fork_run", "migrate_run"]


def fork_run(
    run: str,
    /,
    *,
    at: int | None = None,
    input: Annotated[str | None, Parameter(name=("--input", "-i"))] = None,  # noqa: A002 - the option's name
    options: Options = DEFAULTS,
) -> int:
    """Start a new run that begins with what another has found, and let it go on.

    Only the original owns its effects: what it has done is not done again, and not undone, by the fork.

    Parameters
    ----------
    run
        The run's id, its short end, or its business key.
    at
        Take over up to this event; by default everything.
    input
        Another input, as JSON in a file; `at` then says what still holds.

    """
    return run_through(_fork(options.settle(), run, at, input))


async def _fork(settings: Settings, text: str, at: int | None, source: str | None) -> int:
    async with opened(settings) as store:
        row = await find_run(settings, store, text)
        settings.principal.check_scope("run.start", row.workflow)
        await read_run(store, row, "runs fork", by=settings.principal)
        value = None if source is None else await another_input(settings, store, row, source)
        forked = await fork(store, SystemClock(), row, by=settings.principal, at=at, value=value)
    note(f"run {short(forked.id)} begins with what {short(row.id)} has found")
    return await go_on(settings, forked.id)


async def another_input(settings: Settings, store: Store, row: RunRow, source: str) -> object:
    """Give the input that a fork is to have, once it fits the version that the run is pinned to."""
    cases = cases_in(source, settings.input_limit)
    if len(cases) > 1:
        msg = f"a fork has one input, {source!r} holds {len(cases)}"
        raise InputError(msg)
    known = await store.versions(row.tenant, row.workflow)
    (version,) = [one for one in known if one.version == row.version] or (None,)
    workflow = None if version is None else await load_registered(store, version)
    if workflow is None:
        msg = f"{source}: cannot be checked, as version {row.version[:12]} of {row.workflow} is not here"
        raise RefusedError(msg, remedy="fork without --input, or where the code of that version is")
    (case,) = check_cases(cases, workflow.check_input)
    return case.value()


def migrate_run(
    run: str,
    /,
    *,
    to: str | None = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> int:
    """Let a run go on under the workflow as it is now; first it is replayed to see that it fits.

    Parameters
    ----------
    run
        The run's id, its short end, or its business key.
    to
        The workflow's file or reference; by default where the run's own version came from.
    dry_run
        Only say whether it would fit, and where it departs from the record.

    """
    return run_through(_migrate(options.settle(), run, to, dry_run=dry_run))


async def _migrate(settings: Settings, text: str, to: str | None, *, dry_run: bool) -> int:
    async with unserved(settings) as host:
        row = await find_run(settings, host.store, text)
        given = {"to": to, "dry_run": dry_run}
        by = await check_command(host.store, row, settings.principal, "migrate", given=given, reason=None)
        workflow = find_workflow(to or await source_of(host.store, row))
        rehearsal = await rehearse(host.store, SystemClock(), workflow, row.id)
        document = {
            "run_id": row.id,
            "from": row.version,
            "to": workflow.version,
            "fits": rehearsal.fits,
            "detail": rehearsal.detail,
        }
        if rehearsal.fits and not dry_run and row.version != workflow.version:
            await host.enter(workflow, by)
            await host.store.repin(row.id, workflow.version, by.id)
    if settings.output != "table":
        write(settings.output, document, None)
    else:
        tell(row, workflow, rehearsal.detail, fits=rehearsal.fits)
    if dry_run or not rehearsal.fits:
        return Exit.OK if rehearsal.fits else Exit.FAILED
    return await go_on(settings, row.id)


def tell(row: RunRow, workflow: Workflow, detail: str, *, fits: bool) -> None:
    """Say whether a run fits a version."""
    versions = f"{row.version[:12]} to {workflow.version[:12]}"
    same = " (the same version)" if row.version == workflow.version else ""
    note(f"run {short(row.id)}, {versions}{same}: {'fits' if fits else 'does not fit'}, {detail}")
    if not fits:
        note(f"  ripieno runs fork {short(row.id)} --at EVENT starts anew from before that place")


async def source_of(store: Store, row: RunRow) -> str:
    """Give where the code of a run's version came from."""
    for version in await store.versions(row.tenant, row.workflow):
        if version.version == row.version and version.source:
            return version.source
    msg = f"where version {row.version[:12]} of {row.workflow} came from is not known"
    raise NotFoundError(msg, remedy="name the workflow with --to")
