"""Which runs a command is for: one by name, or all that a filter finds."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from cyclopts import Group, Parameter

from ripieno.cli.output import note, write
from ripieno.cli.runs.listing import listed, table
from ripieno.cli.runs.times import when
from ripieno.cli.session import find_run
from ripieno.cli.settings import Settings
from ripieno.identity.reading import read_runs
from ripieno.journal.records import RunFilter, RunRow, RunStatus
from ripieno.journal.store import Store
from ripieno.kernel.bulk import hits
from ripieno.model.errors import InputError

__all__ = ["EVERY", "Selection", "chosen", "confirmed"]

MANY: Final = Group("Instead of one run", sort_key=50)


@Parameter(name="*", group=MANY)
@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A filter on runs; with none of it a command is for one run."""

    status: Annotated[
        list[RunStatus] | None,
        Parameter(name=("--status", "-s"), negative="", help="Runs in this status; may be repeated."),
    ] = None
    workflow: Annotated[str | None, Parameter(help="Runs of this workflow.")] = None
    key: Annotated[str | None, Parameter(help="The run with this business key.")] = None
    since: Annotated[
        str | None,
        Parameter(
            help="Requested at or after 14:00, 2026-11-22T14:00, or 2h ago; with --failed-tool: failed."
        ),
    ] = None
    until: Annotated[str | None, Parameter(help="Requested, or failed, before.")] = None
    failed_tool: Annotated[
        str | None, Parameter(help="Runs in which a call of this tool failed or is in doubt.")
    ] = None
    waiting_for: Annotated[str | None, Parameter(help="Runs that wait for somebody with this role.")] = None
    dry_run: Annotated[bool, Parameter(negative="", help="Only list the runs that it would be for.")] = False
    yes: Annotated[bool, Parameter(negative="", help="Do not ask first.")] = False

    def filter(self, tenant: str, statuses: tuple[RunStatus, ...]) -> RunFilter:
        """Give it as a filter; without a status of its own, for runs in one of `statuses`."""
        return RunFilter(
            tenant=tenant,
            statuses=tuple(self.status or statuses),
            workflow=self.workflow,
            key=self.key,
            since=None if self.since is None else when(self.since),
            until=None if self.until is None else when(self.until),
            failed_tool=self.failed_tool,
            waiting_for=self.waiting_for,
        )

    @property
    def filters(self) -> bool:
        """True when it says anything of the runs."""
        return replace(self, dry_run=False, yes=False) != EVERY


EVERY: Final = Selection()


async def chosen(
    store: Store, settings: Settings, run: str | None, selection: Selection, statuses: tuple[RunStatus, ...]
) -> tuple[RunFilter | None, list[RunRow]]:
    """Give the runs that a command is for, with the filter that found them; None for one named run."""
    if (run is None) == (not selection.filters):
        msg = "expected either one run or a filter"
        raise InputError(msg, remedy="such as --workflow visit, --status waiting or --failed-tool book_visit")
    if run is not None:
        return None, [await find_run(settings, store, run)]
    wanted = selection.filter(settings.principal.tenant, statuses)
    return wanted, await hits(store, wanted)


async def confirmed(
    store: Store, settings: Settings, selection: Selection, what: str, rows: list[RunRow]
) -> bool:
    """Tell whether to go on with many runs; a dry run only lists them, and a person is asked first."""
    count = f"{len(rows)} run{'' if len(rows) == 1 else 's'}"
    if selection.dry_run:
        documents: list[dict[str, Any]] = []
        if settings.output != "table":
            await read_runs(store, rows, f"runs {what}", by=settings.principal)
            documents = [await listed(store, row, f"runs {what}", settings.principal) for row in rows]
        write(settings.output, documents, table(rows) if rows else None)
        note(f"would {what} {count}; nothing was changed")
        return False
    if not rows:
        note(f"no run to {what}")
        return False
    if selection.yes or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    note(f"{what} {count}? [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
