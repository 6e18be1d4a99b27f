"""The classes of data that a run's version declares: by them policy decides who is shown what it holds.

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
from ripieno.model.gate import Decision
from ripieno.model.principal import Principal

__all__ = ["check_shown", "classes_of", "is_open", "listed_by"]

NOTHING: Final = "{}"
"""What is known of a version that was registered before the inventory was."""


async def check_shown(store: Store, run: RunRow, what: str, by: Principal) -> Principal:
    """Give `by` with leave to be shown what a run holds; raises `NotAllowedError` where policy denies it."""
    shown = by
    for one in await lineage(store, run):
        about = await about_of(store, one)
        if labels := labels_of(about):
            may = await may_read(store, one, by, what, labels=labels, about=about or {})
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
        if labels := labels_of(about):
            decision = may_list(store, one, by, what, labels=labels, about=about or {})
            if decision.verdict != "allow":
                return None
            found.append(decision)
    return found


async def classes_of(store: Store, run: RunRow) -> Sequence[str]:
    """Give the classes of data that a run may hold; where they are not known, that counts as one."""
    return sorted(
        {name for one in await lineage(store, run) for name in labels_of(await about_of(store, one))}
    )


async def lineage(store: Store, run: RunRow) -> list[RunRow]:
    """Give a run, and those whose data it was begun with, the nearest first."""
    found = [run]
    while found[-1].parent is not None:
        found.append(await store.run(found[-1].parent))
    return found


async def about_of(store: Store, run: RunRow) -> Mapping[str, Any] | None:
    """Give what a run's version declares; None where that is not known."""
    for version in await store.versions(run.tenant, run.workflow):
        if version.version == run.version and version.about != NOTHING:
            return json.loads(version.about)
    return None


def labels_of(about: Mapping[str, Any] | None) -> Sequence[str]:
    """Give the classes of data that a version declares; where that is not known, it counts as one."""
    return ("unknown",) if about is None else about.get("data", ())
