"""One command for many runs that a filter finds: an operation with an id, and a result for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from ripieno.journal.records import RunFilter, RunRow
from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_command
from ripieno.model.errors import RipienoError
from ripieno.model.event import Json
from ripieno.model.ids import new_id
from ripieno.model.principal import Principal

__all__ = ["Act", "Hit", "Operation", "hits", "in_bulk"]

PAGE: Final = 500
"""How many runs are read at once."""

Act = Callable[[RunRow, str | None], Awaitable[str]]
"""Gives the command to one run, as part of the operation with an id if of any; tells what was done."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What is done to many runs: by whom, and why."""

    what: str
    """The command's name, such as `pause`."""
    by: Principal
    reason: str | None = None
    id: str = ""
    """Empty for a new one. The same id again reaches no run twice."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A run that was found, and what became of the command there."""

    row: RunRow
    operation: str
    done: bool
    said: str
    """What was done, or why not."""


async def hits(store: Store, wanted: RunFilter) -> list[RunRow]:
    """Give every run that a filter finds, newest first, however many there are."""
    found: list[RunRow] = []
    while True:
        before = found[-1].id if found else None
        page = await store.runs(replace(wanted, limit=PAGE, before=before))
        found.extend(page)
        if len(page) < PAGE:
            return found


async def in_bulk(
    store: Store, wanted: RunFilter, rows: Sequence[RunRow], operation: Operation, act: Act
) -> AsyncIterator[Hit]:
    """Give a command to each of the runs that a filter found; one that refuses it does not stop the others.

    That the operation takes place is recorded in the tenant's stream first, with the filter and how many
    runs it found; each run's own event names the operation. Raises `NotAllowedError` before anything.
    """
    by = await check_command(
        store, None, operation.by, operation.what, given={"filter": document(wanted)}, reason=operation.reason
    )
    name = operation.id or f"op-{new_id()}"
    body: dict[str, Json] = {
        "operation": name,
        "what": operation.what,
        "by": by.id,
        "filter": document(wanted),
        "runs": len(rows),
    }
    await store.record(operation.by.tenant, "operation", body, reason=operation.reason)
    for row in rows:
        try:
            said = await act(await store.run(row.id), name)
        except RipienoError as error:
            yield Hit(row, name, done=False, said=error.message)
        else:
            yield Hit(row, name, done=True, said=said)


def document(wanted: RunFilter) -> Mapping[str, Json]:
    """Give a filter as it stands in the log: what it asks for, and nothing else."""
    fields = {name: value for name, value in asdict(wanted).items() if value}
    for name in ("tenant", "limit", "before"):
        fields.pop(name, None)
    if "statuses" in fields:
        fields["statuses"] = list(fields["statuses"])
    return fields
