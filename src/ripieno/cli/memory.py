"""`ripieno memory`: what runs remember beyond themselves, where it came from, and forgetting it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, console, listing, note, write
from ripieno.cli.session import opened
from ripieno.cli.settings import Settings
from ripieno.connectors.memory.stored import Stored, subject_of
from ripieno.connectors.memory.stored import opened as read
from ripieno.identity.reading import is_open, read_run, read_runs
from ripieno.journal.memory import MemoryRow
from ripieno.journal.records import RunRow
from ripieno.journal.store import Store
from ripieno.kernel.clock import SystemClock, moment
from ripieno.model.errors import InputError, NotFoundError, RefusedError
from ripieno.model.ids import short
from ripieno.model.principal import Principal
from ripieno.retention.erasing import erase, plan_of
from ripieno.retention.remembered import forget

__all__ = ["forget_memories", "list_memories", "show_memory"]

SHOWN: int = 60
"""Letters of what was remembered, in a list."""
MOST: int = 10_000
"""So many are looked through for a subject."""


def list_memories(
    *,
    memory: str | None = None,
    subject: str | None = None,
    limit: int = 100,
    options: Options = DEFAULTS,
) -> int:
    """List what is remembered, the latest first.

    Parameters
    ----------
    memory
        Only what is in the memory of this name.
    subject
        Only what is about this one, such as a patient.
    limit
        How many at most.

    """
    return asyncio.run(_list(options.settle(), memory, subject, limit))


async def _list(settings: Settings, memory: str | None, subject: str | None, limit: int) -> int:
    table = listing("id", "memory", "about", "remembered", "until", "trust", "")
    documents: list[dict[str, Any]] = []
    async with opened(settings) as store:
        by = settings.principal
        rows = await about(store, by.tenant, memory, subject, limit)
        runs = {row.run: await store.run(row.run) for row in rows}
        await read_runs(store, runs.values(), "memory list", by=by)
        for row in rows:
            shown = await is_open(store, runs[row.run], "memory list", by)
            found = read(store, row) if shown else None
            whom = await subject_of(store, row) if shown else None
            documents.append(document(row, found, whom))
            text = "" if found is None else found.text
            table.add_row(
                clean(row.id, style="bold"),
                clean(row.memory),
                clean(" ".join(part for part in (whom or "", row.participant) if part)),
                day(row.at),
                "" if row.expires is None else day(row.expires),
                "" if found is None else found.trust,
                clean(text, limit=SHOWN),
            )
    write(settings.output, documents, table if documents else None)
    if not documents:
        note("nothing is remembered" + (f" of {subject}" if subject else ""))
    return Exit.OK


def show_memory(id: str, /, *, options: Options = DEFAULTS) -> int:  # noqa: A002 - what it is
    """Show one thing that was remembered, where it came from, and what became of it.

    Parameters
    ----------
    id
        Its id, as ripieno memory list shows it.

    """
    return asyncio.run(_show(options.settle(), id))


async def _show(settings: Settings, name: str) -> int:
    async with opened(settings) as store:
        by = settings.principal
        row = known(store, by.tenant, name)
        run = await store.run(row.run)
        await read_run(store, run, "memory show", by=by)
        found = read(store, row)
        shown = document(row, found, None if found is None else await subject_of(store, row))
    if settings.output != "table":
        write(settings.output, shown, None)
        return Exit.OK
    screen = console(sys.stdout)
    for label, value in (
        ("", shown["text"] or f"({row.state}: what it said is gone)"),
        ("about", shown["subject"]),
        ("memory", " of ".join(part for part in (row.memory, row.participant) if part)),
        ("trust", shown["trust"]),
        ("from", shown["from"]),
        ("data", ", ".join(shown["data"])),
        ("written", f"{day(row.at)} by run {short(row.run)}, {row.path}, for {row.by}"),
        ("until", shown["until"]),
        ("state", f"{row.state} by {row.call}" if row.call.startswith(("person:", "system:")) else row.state),
    ):
        if value:
            screen.print(Text.assemble((f"{label:9}", "dim"), clean(value)), soft_wrap=True)
    return Exit.OK


def forget_memories(
    *ids: str,
    memory: str | None = None,
    subject: str | None = None,
    reason: str | None = None,
    erase_runs: Annotated[bool, Parameter(negative="")] = False,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> int:
    """Let what was remembered be recalled no more: by its ids, or all that is about somebody.

    Parameters
    ----------
    ids
        What is to be forgotten, as ripieno memory list shows it.
    memory
        All that is in the memory of this name; with --subject, what is about that one.
    subject
        All that is about this one.
    reason
        Why, for the log; needed unless with --dry-run. Do not name what is forgotten.
    erase_runs
        Erase the runs that wrote it as well: what it says is destroyed, with all else that they hold.
    dry_run
        Only say what would be forgotten.

    """
    settings = options.settle()
    if bool(ids) == bool(memory or subject):
        msg = "name either what is to be forgotten by ids, or --memory and --subject"
        raise InputError(msg, remedy="ripieno memory list shows what is remembered")
    if reason is None and not dry_run:
        msg = "forgetting needs a --reason"
        raise InputError(msg, remedy="--dry-run says what would be forgotten")
    why = None if dry_run else reason
    return asyncio.run(_forget(settings, ids, (memory, subject), why, runs=erase_runs))


async def _forget(
    settings: Settings,
    ids: Sequence[str],
    whose: tuple[str | None, str | None],
    reason: str | None,
    *,
    runs: bool,
) -> int:
    table = listing("id", "memory", "run", "")
    documents: list[dict[str, Any]] = []
    async with opened(settings) as store:
        by = settings.principal
        if ids:
            rows = [known(store, by.tenant, one) for one in ids]
        else:
            rows = await about(store, by.tenant, *whose, MOST)
        changed: set[str] = set()
        if reason is not None and rows:
            doomed = await erasable(store, rows, by) if runs else []
            changed = {row.id for row in await forget(store, [row.id for row in rows], by=by, reason=reason)}
            for run in doomed:
                await erase(store, run, by=by, reason=reason)
    for row in rows:
        done = "erased" if runs else "forgotten" if row.id in changed else f"{row.state} already"
        state = "would be forgotten" if reason is None else done
        documents.append({"id": row.id, "memory": row.memory, "run_id": row.run, "state": state})
        table.add_row(clean(row.id, style="bold"), clean(row.memory), short(row.run), state)
    write(settings.output, documents, table if documents else None)
    if not documents:
        note("nothing of the kind is remembered")
    elif reason is not None and not runs:
        note("what it says stays in the runs that wrote it, until they are erased: --erase-runs does that")
    return Exit.OK


async def erasable(store: Store, rows: Sequence[MemoryRow], by: Principal) -> list[RunRow]:
    """Give the runs that wrote these and are not erased; raises `RefusedError` where one is to be kept."""
    found = [await store.run(run) for run in dict.fromkeys(row.run for row in rows)]
    left = [run for run in found if store.erasure(run.id) is None]
    for run in left:
        plan = await plan_of(store, run, by=by)
        if plan.obstacle is not None:
            msg = f"nothing was forgotten: {plan.obstacle}"
            raise RefusedError(
                msg, remedy="without --erase-runs it is recalled no more, and stays in the run"
            )
    return left


def known(store: Store, tenant: str, id: str) -> MemoryRow:  # noqa: A002 - what it is
    """Give something that was remembered, whatever became of it; raises `NotFoundError`."""
    row = store.memory(tenant, id)
    if row is None:
        msg = f"no memory {id!r}"
        raise NotFoundError(msg, remedy="ripieno memory list shows what is remembered")
    return row


async def about(
    store: Store, tenant: str, memory: str | None, subject: str | None, limit: int
) -> Sequence[MemoryRow]:
    """Give what is remembered, of one memory, about one subject, or all."""
    now = SystemClock().now()
    rows = store.memories(tenant, None, now, limit if subject is None else MOST, memory=memory)
    if subject is None:
        return rows
    return [row for row in rows if await subject_of(store, row) == subject][:limit]


def document(row: MemoryRow, found: Stored | None, subject: str | None) -> dict[str, Any]:
    """Give something that was remembered as programs read it."""
    return {
        "id": row.id,
        "memory": row.memory,
        "subject": subject or None,
        "participant": row.participant or None,
        "text": None if found is None else found.text,
        "trust": None if found is None else found.trust,
        "from": None if found is None else found.source,
        "data": [] if found is None else list(found.data),
        "remembered": moment(row.at).isoformat(),
        "until": None if row.expires is None else moment(row.expires).isoformat(),
        "run_id": row.run,
        "path": row.path,
        "by": row.by,
        "state": row.state,
    }


def day(at: int) -> str:
    """Give the day of a time, where whoever looks is."""
    return f"{moment(at).astimezone():%Y-%m-%d}"
