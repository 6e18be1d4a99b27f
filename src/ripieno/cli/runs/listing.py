"""`ripieno runs list`."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.text import Text

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, duration, listing, mark, note, write
from ripieno.cli.runs.times import when
from ripieno.cli.session import opened
from ripieno.cli.settings import Settings
from ripieno.evidence.outcomes import outcome_of
from ripieno.identity.reading import is_open, read_runs, within_reach
from ripieno.journal.records import QuestionRow, RunFilter, RunRow, RunStatus
from ripieno.journal.store import Store
from ripieno.kernel.clock import MICROSECONDS, SystemClock, moment
from ripieno.model.errors import NotFoundError
from ripieno.model.ids import short
from ripieno.model.principal import Principal

__all__ = ["RESTORED", "list_runs", "run_document", "table"]

RESTORED: Final = "↺"
"""Stands at a run that was put back from a backup."""


def list_runs(
    *,
    status: Annotated[list[RunStatus] | None, Parameter(name=("--status", "-s"), negative="")] = None,
    workflow: str | None = None,
    key: str | None = None,
    since: str | None = None,
    until: str | None = None,
    failed_tool: str | None = None,
    waiting_for: str | None = None,
    limit: int = 50,
    options: Options = DEFAULTS,
) -> int:
    """List runs, newest first.

    Parameters
    ----------
    status
        Only runs in this status; may be given several times.
    workflow
        Only runs of this workflow.
    key
        Only the run with this business key.
    since
        Requested at or after: a time such as 2026-11-22T17:00, or as long ago as 2h.
    until
        Requested before.
    failed_tool
        Only runs in which a call of this tool failed or is in doubt; --since and --until are about the call.
    waiting_for
        Only runs that wait for somebody with this role.
    limit
        How many at most.

    """
    settings = options.settle()
    wanted = RunFilter(
        tenant=settings.claimed.tenant,
        statuses=tuple(status or ()),
        workflow=workflow,
        key=key,
        since=None if since is None else when(since),
        until=None if until is None else when(until),
        failed_tool=failed_tool,
        waiting_for=waiting_for,
        limit=limit,
    )
    return asyncio.run(_list(settings, wanted))


async def _list(settings: Settings, wanted: RunFilter) -> int:
    rows: Sequence[RunRow] = ()
    waiting: Sequence[QuestionRow] = ()
    documents: list[dict[str, Any]] = []
    restored: Collection[str] = ()
    try:
        async with opened(settings) as store:
            wanted = replace(wanted, tenant=settings.principal.tenant)
            by = settings.principal
            rows = within_reach(await store.runs(wanted), by)
            by.check_scope("data.read")
            if settings.output != "table":
                await read_runs(store, rows, "runs list", by=by)
                documents = [await listed(store, row, "runs list", by) for row in rows]
            waiting = await store.questions(tenant=wanted.tenant)
            restored = store.restored([row.id for row in rows])
    except NotFoundError as error:
        note(str(error))
    write(settings.output, documents, table(rows, restored) if rows else None)
    if waiting:
        note(f"{len(waiting)} wait{'s' if len(waiting) == 1 else ''} for a person: ripieno inbox list")
    return Exit.OK


def table(rows: Sequence[RunRow], restored: Collection[str] = ()) -> Any:
    """Give runs as a table; those that were put back from a backup have a mark."""
    shown = listing("", "run", "workflow", "key", "status", "requested", "took", "")
    now = SystemClock().now()
    marked = dict.fromkeys(restored, f"{RESTORED} restored")
    for row in rows:
        until = row.ended_at or now
        took = duration((until - row.requested_at) / MICROSECONDS)
        shown.add_row(
            mark(row.status),
            Text(short(row.id), style="bold"),
            row.workflow,
            clean(row.key or "", limit=24),
            row.status,
            f"{moment(row.requested_at).astimezone():%Y-%m-%d %H:%M:%S}",
            Text(took, style="" if row.ended else "dim"),
            clean(" ".join(filter(None, (marked.get(row.id), row.detail)))),
        )
    return shown


async def listed(store: Store, row: RunRow, what: str, by: Principal) -> dict[str, Any]:
    """Give a run in a list: without what it ended in, where `by` may not be shown that."""
    return await run_document(store, row, shown=await is_open(store, row, what, by))


async def run_document(store: Store, row: RunRow, *, shown: bool = True) -> dict[str, Any]:
    """Give a run as programs read it; where it is not `shown`, without what it ended in."""
    outcome = await outcome_of(store, row) if row.ended and shown else None
    started = (await store.events(row.id, limit=1))[0]
    confidence = outcome.confidence if outcome else None
    return {
        "run_id": row.id,
        "short_id": short(row.id),
        "workflow": row.workflow,
        "version": row.version,
        "key": row.key,
        "input": None,
        "input_commitment": started.body["input"],
        "status": row.status,
        "output": outcome.output if outcome else None,
        "reason": (outcome.reason if outcome else row.detail) or None,
        "confidence": None
        if confidence is None
        else {"value": confidence.value, "method": confidence.method},
        "principal": row.principal,
        "parent": row.parent,
        "parent_step": started.body.get("parent", {}).get("path"),
        "undoes": started.body.get("undoes", {}).get("run"),
        "requested_at": moment(row.requested_at).isoformat(),
        "ended_at": None if row.ended_at is None else moment(row.ended_at).isoformat(),
        "events": row.head_seq,
    }
