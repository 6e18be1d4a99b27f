"""Erasing what runs hold: their values and their keys are destroyed, what happened stays in the log.

Nothing that was proven is touched: events hold commitments, and without the key those tell nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ripieno.journal.records import RunRow
from ripieno.journal.retention import Doomed, HoldRow
from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_command, check_tenant
from ripieno.kernel.undo_runs import Standing, standing_in, undoers
from ripieno.model.errors import InputError, RefusedError
from ripieno.model.ids import short
from ripieno.model.principal import Principal

__all__ = ["Erased", "Plan", "erase", "plan_of"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What an erasure would come to, as things stand."""

    runs: Sequence[RunRow]
    """What would be erased, the run itself first."""
    undo: Sequence[Standing]
    """What they did that stands and could be undone until now."""
    copies: Sequence[RunRow]
    """Runs that were forked or retried from them, which keep what they took over."""
    above: RunRow | None
    """The run that it is part of and that keeps what it was told by it; None where there is none."""
    holds: Sequence[HoldRow]
    """What keeps them from being erased."""
    going: Sequence[RunRow]
    """Runs that have not ended and need what would be erased."""

    @property
    def obstacle(self) -> str | None:
        """Say why it cannot be done now; None where it can."""
        if self.going:
            first = self.going[0]
            return f"run {short(first.id)} has not ended ({first.status}) and needs what would be erased"
        if self.holds:
            first = self.holds[0]
            named = short(first.name) if first.what == "run" else first.name
            return f"a hold on {first.what} {named}, set by {first.by}, keeps it"
        return None


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure has come to."""

    plan: Plan
    values: int
    """How many values were destroyed."""
    scrubbed: bool
    """False while a free byte of the store's files may hold something: it is overwritten later."""


async def plan_of(store: Store, run: RunRow, *, by: Principal, alone: bool = False) -> Plan:
    """Say what an erasure of a run would come to; nothing is changed, nothing recorded.

    With `alone` its child runs keep what they hold. Raises `NotFoundError` for a run of another tenant, and
    `RefusedError` for one that is erased already.
    """
    check_tenant(run, by)
    refuse_erased(store, run)
    within = [run] if alone else await family(store, run)
    going = [row for row in within if not row.ended]
    undoing = [row for one in within for row in await undoers(store, one.id)]
    going += [row for row in undoing if not row.ended and row not in going]
    above = await parent_of(store, run)
    if above is not None and not above.ended:
        going.append(above)
    undo = [] if going else await lost(store, within)
    ids = {row.id for row in within}
    copies = [row for one in within for row in store.descended(one.id) if row.id not in ids]
    holds = list(dict.fromkeys(hold for one in within for hold in store.held(one.id)))
    copies = [row for row in copies if store.erasure(row.id) is None]
    return Plan(within, undo, copies, above, holds, going)


async def erase(store: Store, run: RunRow, *, by: Principal, reason: str, alone: bool = False) -> Erased:
    """Destroy the values and the keys of a run and its child runs; all of it is over when this returns.

    Each is an event in the tenant's log, in the commit that destroys. Raises `NotAllowedError` where policy
    does not permit it, `InputError` without a reason, and `RefusedError` where something stands in the way:
    a hold, work that has not ended, an erasure before.
    """
    if not reason.strip():
        msg = "an erasure needs a reason: it is all that remains to be read"
        raise InputError(msg)
    check_tenant(run, by)
    by = await check_command(store, run, by, "erase", given={"alone": alone}, reason=reason)
    plan = await plan_of(store, run, by=by, alone=alone)
    if plan.obstacle is not None:
        msg = f"run {short(run.id)} is not erased: {plan.obstacle}"
        raise RefusedError(msg, remedy="ripieno runs erase --dry-run shows all that stands in the way")
    values = await store.erase(run.tenant, doomed(plan), by=by.id, reason=reason)
    return Erased(plan, values, await store.scrub())


def doomed(plan: Plan) -> list[Doomed]:
    """Give what is to be erased as a store takes it."""
    root = plan.runs[0].id
    return [
        Doomed(
            row.id,
            [(one.entry.path, one.entry.tool) for one in plan.undo if one.run == row.id],
            None if row.id == root else root,
        )
        for row in plan.runs
    ]


def refuse_erased(store: Store, run: RunRow) -> None:
    """Raise `ErasedError` for a run whose values were erased."""
    if store.erasure(run.id) is not None:
        store.key(run.id)


async def family(store: Store, run: RunRow) -> list[RunRow]:
    """Give a run, its child runs, theirs, and all that undo them, as far as they are not erased."""
    found = [run]
    for row in found:  # it grows meanwhile
        children = [await store.run(child) for child in await children_of(store, row.id)]
        known = {one.id for one in found}
        for other in (*children, *await undoers(store, row.id)):
            if other.id not in known and store.erasure(other.id) is None:
                known.add(other.id)
                found.append(other)
    return found


async def children_of(store: Store, run: str) -> list[str]:
    """Give the child runs that a run has begun, those among them that undo others."""
    return [
        str(event.body["child"])
        for event in await store.events(run)
        if event.kind == "asked" and "child" in event.body
    ]


async def parent_of(store: Store, run: RunRow) -> RunRow | None:
    """Give the run that a run is part of."""
    first = (await store.events(run.id, limit=1))[0]
    above = first.body.get("parent")
    return None if above is None else await store.run(str(above["run"]))


async def lost(store: Store, runs: Sequence[RunRow]) -> list[Standing]:
    """Give what these runs did that stands and that something could undo until now."""
    found: dict[tuple[str, str], Standing] = {}
    for row in runs:
        for one in await standing_in(store, row.id):
            if one.entry.undo is not None:
                found[one.run, one.entry.path] = one
    within = {row.id for row in runs}
    return [one for one in found.values() if one.run in within]
