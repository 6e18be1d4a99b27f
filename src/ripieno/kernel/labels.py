"""The classes of data of what a run holds: by them policy decides who is shown it, and how long it is kept.

They are those that its version declares, for the workflow or with a tool or a workflow that it has, and
those that its log tells of: declared of a source that something came from, or detected at the gate.
A run that another began, or that begins with what another had found, holds what that one held: a child
run, a fork, a retry, the undoing of another. Its classes are those of all of them, and so is the decision.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ripieno.journal.records import RunRow
from ripieno.journal.store import Store
from ripieno.kernel.allowed import may_list, may_read
from ripieno.kernel.approving import upon
from ripieno.kernel.told_labels import Told, told_of
from ripieno.model.errors import NotFoundError
from ripieno.model.gate import Decision
from ripieno.model.principal import Principal

__all__ = ["check_shown", "classes_of", "declared_by", "held_by", "is_open", "listed_by"]

NOTHING: Final = "{}"
"""What is known of a version that was registered before the inventory was."""


async def check_shown(store: Store, run: RunRow, what: str, by: Principal) -> Principal:
    """Give `by` with leave to be shown what a run holds; raises `NotAllowedError` where policy denies it.

    Where several runs have to be let, and policies ask about more than one, no approval is used up before
    there are all.
    """
    shown = by
    line = [
        (one, labels, about or {})
        for one in await lineage(store, run)
        if (labels := await labels_of(store, one, about := await about_of(store, one)))
    ]
    for one, labels, about in line[1:]:
        await may_read(store, one, by, what, labels=labels, about=about, use=False)
    for one, labels, about in line:
        may = await may_read(store, one, by, what, labels=labels, about=about)
        shown = may if shown is by else shown
    return shown


async def is_open(store: Store, run: RunRow, what: str, by: Principal) -> bool:
    """Tell whether a list may show `by` what a run holds, beside that there is one and how it stands."""
    return await listed_by(store, run, what, by) is not None


async def listed_by(store: Store, run: RunRow, what: str, by: Principal) -> Sequence[Decision] | None:
    """Give the decisions that let a list show `by` what a run holds; None where one of them does not."""
    found: list[Decision] = []
    for one in await lineage(store, run):
        about = await about_of(store, one)
        if labels := await labels_of(store, one, about):
            decision = may_list(store, one, by, what, labels=labels, about=about or {})
            if decision.verdict != "allow":
                return None
            found.append(decision)
    return found


async def classes_of(store: Store, run: RunRow) -> Sequence[str]:
    """Give the classes of data that a run may hold; where they are not known, that counts as one."""
    return sorted({name for one in await lineage(store, run) for name in await held_by(store, one)})


async def held_by(store: Store, run: RunRow) -> Sequence[str]:
    """Give the same by its own log, child runs and what it took over included, whatever it was begun with."""
    return await labels_of(store, run, await about_of(store, run))


async def lineage(store: Store, run: RunRow) -> list[RunRow]:
    """Give a run, and those whose data it was begun with or is about, the nearest first."""
    found = [run]
    if (about := await upon(store, run)) is not None:
        found.append(await store.run(about))
    while found[-1].parent is not None:
        found.append(await store.run(found[-1].parent))
    return found


async def about_of(store: Store, run: RunRow) -> Mapping[str, Any] | None:
    """Give what a run's version declares; None where that is not known."""
    for version in await store.versions(run.tenant, run.workflow):
        if version.version == run.version and version.about != NOTHING:
            return json.loads(version.about)
    return None


async def labels_of(store: Store, run: RunRow, about: Mapping[str, Any] | None) -> Sequence[str]:
    """Give what a run's version declares, what its log tells of, and the same of runs whose data it has."""
    told = await told_of(store, run)
    for other in sorted(told.others):
        await take_other(store, told, other)
    besides = {name for names in told.others.values() for name in names}
    return sorted({*declared_by(about), *told.labels, *besides})


async def take_other(store: Store, told: Told, other: str) -> None:
    """Note what a run holds of which another has something: for good once it has ended."""
    try:
        row = await store.run(other)
    except NotFoundError:  # it was about to be made
        return
    told.others[other] = await held_by(store, row)
    if row.ended:
        told.labels.update(told.others.pop(other))


def declared_by(about: Mapping[str, Any] | None) -> Sequence[str]:
    """Give the classes of data that a version declares; where that is not known, it counts as one."""
    return ("unknown",) if about is None else sorted({*about.get("data", ()), *about.get("carries", ())})
