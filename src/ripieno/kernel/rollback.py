"""Rolling a run back: a run of its own takes back what it did, all of it or what came after a step.

The run itself stays as it ended; one that has not is ended first. The run that takes back is durable in
one commit, so that from then on it comes to the same wherever a process dies, and whoever serves it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ripieno.journal.records import RunRow
from ripieno.journal.store import Store
from ripieno.kernel.allowed import begun, check_command, check_tenant
from ripieno.kernel.births import UndoBirth, bear_undo
from ripieno.kernel.clock import Clock
from ripieno.kernel.recording import ENDS, Recording, origin
from ripieno.kernel.restored import Restored
from ripieno.kernel.undo_runs import Standing, standing_in, undoers
from ripieno.kernel.undo_tools import find
from ripieno.kernel.undo_turns import end_first
from ripieno.model.definition import Definition
from ripieno.model.errors import InputError, NotFoundError, RefusedError, ToolError, nearest
from ripieno.model.event import Event
from ripieno.model.ids import new_id, short
from ripieno.model.principal import Principal
from ripieno.model.value import decode

__all__ = ["Planned", "rehearsal_of", "roll_back", "step_end"]


async def roll_back(
    store: Store,
    clock: Clock,
    run: RunRow,
    *,
    by: Principal,
    reason: str,
    to: str | None = None,
) -> RunRow:
    """Take back what a run did, the latest first, and give the run that does so; durable when it returns.

    With `to`, what was done up to the end of that step stands, and so does what is irreversible: an
    operator is asked about it. A run that has not ended is cancelled first; what it has claimed is
    awaited. Raises `NotAllowedError` unless `by` is an operator, `InputError` without a reason,
    `NotFoundError` for an unknown step, and `RefusedError` where it is rolled back already, where
    nothing that it did stands, and for a run that itself takes back what another did.
    """
    check_tenant(run, by)
    by = await check_command(store, run, by, "roll back", given={"to": to}, reason=reason)
    if not reason.strip():
        msg = "rolling a run back needs a reason"
        raise InputError(msg)
    since = await check(store, run, to)
    if run.ended and not await standing_in(store, run.id, since):
        msg = f"nothing that run {short(run.id)} did stands" + (f" after {to}" if to else "")
        raise RefusedError(msg, remedy=f"ripieno runs show {short(run.id)} shows what became of it")
    restored = Restored.of(Recording(await store.events(run.id)))
    birth = UndoBirth(
        new_id(), run.id, by.id, since=since, asks=True, reason=reason, rights=begun(by), restored=restored
    )
    undoing = await bear_undo(store, birth, clock.now())
    if not run.ended:
        await end_first(store, clock, run, (undoing.id, by.id), reason)
    return undoing


async def check(store: Store, run: RunRow, to: str | None) -> int:
    """Give the event up to which what was done stands; raises where the run cannot be rolled back."""
    events = await store.events(run.id)
    if store.erasure(run.id) is not None:
        store.key(run.id)  # tells that it was erased, by whom and when
    if "undoes" in events[0].body:
        msg = f"run {short(run.id)} takes back what another did: that is not done again"
        raise RefusedError(msg, remedy="start or fork the workflow anew")
    for other in await undoers(store, run.id):
        if not other.ended:
            msg = f"run {short(run.id)} is being rolled back by run {short(other.id)} ({other.status})"
            raise RefusedError(msg, remedy=f"ripieno runs show {short(other.id)} shows how far it is")
    return 0 if to is None else step_end(events, to)


def step_end(events: list[Event] | tuple[Event, ...] | Any, step: str) -> int:
    """Give the event by which a step ended, last where it had several visits; `step` is a path or a name."""
    ends: dict[str, int] = {}
    for event in events:
        what = origin(event) if event.kind == "imported" else event
        if what.kind in ENDS:
            ends[what.path] = event.seq
            ends[what.path.rpartition("/")[2].partition("@")[0]] = event.seq
    if step in ends:
        return ends[step]
    msg = f"no step {step!r} of it has ended{nearest(step, ends)}"
    raise NotFoundError(msg, remedy="ripieno runs show names the steps of a run")


# -- a dry run -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Planned:
    """What a rollback would do about one effect."""

    run: str
    """The run that made it."""
    path: str
    tool: str
    do: Literal["undo", "ask"]
    """`ask`: it cannot be taken back, and an operator would be asked about it."""
    by: str = ""
    """The name of what takes it back."""
    arguments: Mapping[str, Any] | None = None
    """What that would be given."""
    why: str = ""
    """Why it cannot be taken back."""


async def rehearsal_of(
    store: Store, run: RunRow, definition: Definition | None, *, by: Principal, to: str | None = None
) -> list[Planned]:
    """Say what a rollback would do as things stand, in its order; nothing is changed, nothing recorded.

    `definition` is the workflow of the run, by which what takes effects back is found: None where its code
    is not here. What child runs did is found by reference alone.
    """
    check_tenant(run, by)
    since = await check(store, run, to)
    return [planned(store, one, definition) for one in await standing_in(store, run.id, since)]


def planned(store: Store, one: Standing, definition: Definition | None) -> Planned:
    """Say what would be done about one effect."""
    entry = one.entry
    if entry.undo is None:
        return Planned(one.run, entry.path, entry.tool, "ask", why="it declares no undo")
    if store.erasure(one.run) is not None:
        why = f"run {short(one.run)} was erased, and with it how to undo it"
        return Planned(one.run, entry.path, entry.tool, "ask", why=why)
    tool = None if definition is None else find(definition, entry.tool, entry.undo)
    if tool is None:
        why = f"its undo {entry.undo} cannot be found here"
        return Planned(one.run, entry.path, entry.tool, "ask", why=why)
    given: Any = decode(store.payload(one.run, entry.arguments))
    result = None if entry.output is None else decode(store.payload(one.run, entry.output))
    try:
        arguments = tool.undo_arguments(given, result)
    except ToolError as error:
        return Planned(one.run, entry.path, entry.tool, "ask", why=error.message)
    return Planned(one.run, entry.path, entry.tool, "undo", tool.name, arguments)
