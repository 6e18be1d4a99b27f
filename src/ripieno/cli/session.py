"""Opening the data folder: to read it, or to serve its runs as well."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ripieno.cli.output import note
from ripieno.cli.reach import check_shows
from ripieno.cli.settings import Settings
from ripieno.journal.places import is_there, only_readable
from ripieno.journal.records import RunRow
from ripieno.journal.sql.store import SqlStore
from ripieno.journal.sqlite import ReadOnlyStore
from ripieno.journal.store import Store
from ripieno.kernel.approving import USABLE_SECONDS, task_of
from ripieno.kernel.clock import SystemClock
from ripieno.kernel.home import data_folder
from ripieno.mediation.on_demand import governed
from ripieno.model.errors import AwaitingApprovalError, NotFoundError, RipienoError

if TYPE_CHECKING:
    from ripieno.kernel.host import Host
    from ripieno.model.definition import Definition

__all__ = ["code_of", "find_run", "opened", "opened_or_new", "quiet", "serve_version", "serving", "unserved"]


def quiet() -> None:
    """Let only warnings through: commands say themselves what people need to know."""
    import structlog  # noqa: PLC0415 - only who serves logs

    from ripieno.mediation.secrets.logs import redact  # noqa: PLC0415 - only who serves logs

    *before, renderer = structlog.get_config()["processors"]
    plain = [one for one in before if one is not redact]
    structlog.configure(
        processors=[*plain, redact, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(40),
        logger_factory=structlog.WriteLoggerFactory(),
    )


@asynccontextmanager
async def opened(settings: Settings) -> AsyncGenerator[SqlStore]:
    """Open the data folder without serving anything, were it only to be read.

    Raises `NotFoundError` where there is none.
    """
    if not is_there(settings.home):
        msg = f"nothing has run in {settings.home} yet"
        raise NotFoundError(
            msg, remedy="ripieno demo or ripieno run begins; --home names another data folder"
        )
    async with opened_or_new(settings) as store:
        yield store


@asynccontextmanager
async def opened_or_new(settings: Settings) -> AsyncGenerator[SqlStore]:
    """Open the data folder without serving anything, making it where there is none."""
    readable = only_readable(settings.home)
    store = ReadOnlyStore(settings.home) if readable else governed(data_folder(settings.home))
    await store.open()
    try:
        await enter(settings, store)
        try:
            yield store
        except AwaitingApprovalError as error:
            from ripieno.kernel.host import Host  # noqa: PLC0415 - most commands do without it

            async with Host(store) as host:
                raise await asked_of(host, error) from None
    finally:
        await store.close()


async def asked_of(host: Host, error: AwaitingApprovalError) -> AwaitingApprovalError:
    """Let the approval that a command waits for be asked, and give the error that names its task."""
    quiet()
    row = await host.rest(error.run)
    task = await task_of(host.store, row.id)
    if task is None:
        return error
    remedy = (
        f"ripieno inbox approve {task} by whoever may; then the same command once more, by"
        f" {row.principal} within {USABLE_SECONDS / 3600:.0f} hours of that"
    )
    return AwaitingApprovalError(error.message, run=error.run, remedy=remedy)


async def enter(settings: Settings, store: Store) -> None:
    """Sign in: from here on the settings say who acts. Raises `SignInError` and `NotAllowedError`.

    A command that shows something goes no further for a key that is not good for that.
    """
    from ripieno.identity.sign_in import sign_in  # noqa: PLC0415 - a command that fails before does without

    settings.session.principal = await sign_in(
        store,
        SystemClock(),
        settings.claimed,
        settings.credential,
        tenant=settings.tenant,
        home=settings.home,
    )
    check_shows(settings.principal)


async def find_run(settings: Settings, store: Store, text: str) -> RunRow:
    """Give the run that people call `text`, of one's own tenant and within reach of one's key."""
    row = await store.find(settings.principal.tenant, text)
    if not settings.principal.scope.reaches(row.workflow):
        msg = f"no run {text!r}"
        raise NotFoundError(msg, remedy="ripieno runs list shows the runs there are")
    return row


@asynccontextmanager
async def serving(settings: Settings) -> AsyncGenerator[Host]:
    """Open the data folder and serve its runs until the block is left."""
    from ripieno.workflows.embedded import open_host  # noqa: PLC0415 - reading does without it

    quiet()
    async with open_host(settings.home, anchoring=settings.anchoring) as host:
        await enter(settings, host.store)
        try:
            yield host
        except AwaitingApprovalError as error:
            raise await asked_of(host, error) from None


@asynccontextmanager
async def unserved(settings: Settings) -> AsyncGenerator[Host]:
    """Open the data folder to start runs that another process is to serve."""
    from ripieno.kernel.host import Host  # noqa: PLC0415 - reading does without it

    store = governed(data_folder(settings.home))
    await store.open()
    try:
        await enter(settings, store)
        host = Host(store)
        try:
            yield host
        except AwaitingApprovalError as error:
            async with host:
                raise await asked_of(host, error) from None
    finally:
        await store.close()


async def code_of(settings: Settings, run: str) -> Definition | None:
    """Give the code of the version that a run is pinned to, where it is here: before anything is served.

    To load it may take longer than a process that serves waits for whoever has it.
    """
    from ripieno.cli.definitions import workflow_of  # noqa: PLC0415 - reading does without workflows

    store = governed(data_folder(settings.home))
    await store.open()
    try:
        return await workflow_of(store, await store.run(run))
    finally:
        await store.close()


async def serve_version(host: Host, row: RunRow) -> bool:
    """Let this process serve the version that a run is pinned to; tell whether it has that code."""
    from ripieno.cli.definitions import load_registered  # noqa: PLC0415 - reading does without workflows

    if row.version in host.definitions:
        return True
    versions = await host.store.versions(row.tenant, row.workflow)
    for version in versions:
        if version.version == row.version:
            try:
                definition = await load_registered(host.store, version)
            except RipienoError as error:
                note(f"cannot load {row.workflow}: {error}")
                return False
            if definition is not None:
                host.register(definition)
            return definition is not None
    return False
